public import Cryptography
public import Primitives

/// The name of content on the ledger: a CID of version 1 whose multihash is SHA-256 in full.
///
/// One content has one such name: version 0 of a CID is written as version 1, and other hash
/// functions have no name here, so that nobody registers the same blocks twice under other texts.
public struct ContentID: Hashable, Sendable {
  /// What the named block is, as multicodec numbers it.
  public enum Codec: UInt8, Sendable, CaseIterable {
    case raw = 0x55
    case dagPB = 0x70
    case dagCBOR = 0x71
  }

  /// Bytes of the binary form: version, codec, hash function, digest length, digest.
  public static let byteCount = 4 + Digest.byteCount
  private static let version: UInt8 = 1
  /// SHA-256 in the multihash table.
  private static let hashFunction: UInt8 = 0x12

  /// What the block is.
  public let codec: Codec
  /// SHA-256 of the block.
  public let digest: Digest

  /// Names content.
  public init(codec: Codec, digest: Digest) {
    self.codec = codec
    self.digest = digest
  }

  /// Reads a CID of version 1 in binary form.
  public init(bytes: some Collection<UInt8>) throws(DecodingFailure) {
    let bytes = Bytes(bytes.prefix(Self.byteCount + 1))
    guard bytes.count == Self.byteCount, bytes[0] == Self.version,
      let codec = Codec(rawValue: bytes[1]), bytes[2] == Self.hashFunction,
      bytes[3] == UInt8(Digest.byteCount)
    else {
      throw .malformed(
        what: "content id", reason: "expected a CID of version 1, SHA-256 and a known codec")
    }
    self.init(codec: codec, digest: try Digest(bytes: bytes.dropFirst(4)))
  }

  /// The CID in binary form.
  public var bytes: Bytes {
    [Self.version, codec.rawValue, Self.hashFunction, UInt8(Digest.byteCount)] + digest.bytes
  }
}

extension ContentID: Comparable {
  /// Orders as byte strings.
  public static func < (left: ContentID, right: ContentID) -> Bool {
    (left.codec.rawValue, left.digest) < (right.codec.rawValue, right.digest)
  }
}

extension ContentID: CanonicalCodable, CustomStringConvertible {
  /// A link (tag 42), as in every other dag-cbor document.
  public var canonicalValue: CanonicalValue { .link(bytes) }

  /// Reads a link.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .link(let bytes) = canonicalValue else {
      throw .malformed(what: "content id", reason: "expected a link")
    }
    try self.init(bytes: bytes)
  }

  /// The CID in base16, the one multibase that needs no table.
  public var description: String { "f" + Hex.encode(bytes) }
}
