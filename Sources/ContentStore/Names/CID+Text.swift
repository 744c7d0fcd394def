import Primitives

extension CID {
  /// A version 0 CID in base58btc has 46 characters and starts with `Qm`.
  private static let v0CharacterCount = 46

  /// The usual text: bare base58btc for version 0, base32 for version 1.
  public var text: String {
    version == .v0 ? PositionalBase.base58.encode(bytes) : text(in: .base32)
  }

  /// The text of the version 1 form in `base`; a version 0 CID is written as version 1 dag-pb.
  public func text(in base: Multibase) -> String {
    String(base.rawValue) + base.encode(asVersion1.bytes)
  }

  /// Reads one of the text forms; one CID has one spelling in each base.
  public init(parsing text: String) throws(ContentError) {
    guard text.utf8.count <= CIDLimits.charactersMax else {
      throw .malformedCID(
        .tooLarge(what: "CID text", size: text.utf8.count, limit: CIDLimits.charactersMax))
    }
    guard let prefix = text.unicodeScalars.first else {
      throw .malformedCID(.truncated(what: "CID text"))
    }
    if text.utf8.count == Self.v0CharacterCount, text.hasPrefix("Qm") {
      try self.init(decoding: Self.body(text, in: .base58BTC))
      return
    }
    guard let base = Multibase(rawValue: prefix) else {
      throw .unsupportedMultibase(String(prefix))
    }
    try self.init(decoding: Self.body(String(text.unicodeScalars.dropFirst()), in: base))
    guard version == .v1 else {
      throw .malformedCID(
        .malformed(what: "CID text", reason: "version 0 takes no multibase prefix"))
    }
  }

  private static func body(
    _ text: String, in base: Multibase
  ) throws(ContentError) -> Bytes {
    do { return try base.decode(text) } catch { throw .malformedCID(error) }
  }
}

extension CID: CustomStringConvertible {
  /// The usual text form.
  public var description: String { text }
}
