import Primitives

extension CID {
  /// The text forms this program reads and writes (github.com/multiformats/multibase).
  public enum Multibase: Character, Sendable, CaseIterable {
    case base16 = "f"
    case base32 = "b"
    case base36 = "k"
    case base58btc = "z"
  }

  /// A version 0 CID in base58btc has 46 characters and starts with `Qm`.
  private static let v0CharacterCount = 46

  /// The usual text: bare base58btc for version 0, base32 for version 1.
  public var text: String {
    version == .v0 ? PositionalBase.base58.encode(bytes) : text(in: .base32)
  }

  /// The text of the version 1 form in `base`; a version 0 CID is written as version 1 dag-pb.
  public func text(in base: Multibase) -> String {
    let bytes = CID.v1(codec, multihash).bytes
    let body =
      switch base {
      case .base16: Hex.encode(bytes)
      case .base32: Base32.encode(bytes)
      case .base36: PositionalBase.base36.encode(bytes)
      case .base58btc: PositionalBase.base58.encode(bytes)
      }
    return String(base.rawValue) + body
  }

  /// Reads one of the text forms; one CID has one spelling in each base.
  public init(parsing text: String) throws(ContentError) {
    guard text.utf8.count <= CIDLimits.charactersMax else {
      throw .malformedCID(
        .tooLarge(what: "CID text", size: text.utf8.count, limit: CIDLimits.charactersMax))
    }
    guard let prefix = text.first else { throw .malformedCID(.truncated(what: "CID text")) }
    if text.utf8.count == Self.v0CharacterCount, text.hasPrefix("Qm") {
      try self.init(decoding: Self.body(text, in: .base58btc))
      return
    }
    guard let base = Multibase(rawValue: prefix) else {
      throw .unsupportedMultibase(String(prefix))
    }
    let bytes = try Self.body(String(text.dropFirst()), in: base)
    try self.init(decoding: bytes)
    guard version == .v1 else {
      throw .malformedCID(
        .malformed(what: "CID text", reason: "version 0 takes no multibase prefix"))
    }
  }

  private static func body(_ text: String, in base: Multibase) throws(ContentError) -> Bytes {
    do throws(DecodingFailure) {
      switch base {
      case .base16:
        guard !text.utf8.contains(where: { (0x41...0x46).contains($0) }) else {
          throw DecodingFailure.malformed(what: "base16 text", reason: "an upper-case digit")
        }
        return try Hex.decode(text)
      case .base32: return try Base32.decode(text)
      case .base36: return try PositionalBase.base36.decode(text)
      case .base58btc: return try PositionalBase.base58.decode(text)
      }
    } catch { throw .malformedCID(error) }
  }
}

extension CID: CustomStringConvertible {
  /// The usual text form.
  public var description: String { text }
}
