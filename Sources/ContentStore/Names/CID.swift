public import Cryptography
public import Primitives

/// A content identifier: what the bytes are (codec) and which bytes they are (multihash).
///
/// Specification: github.com/multiformats/cid. Version 0 is a bare SHA-256 multihash of a dag-pb
/// block; version 1 is varint 1, varint codec, multihash.
public struct CID: Hashable, Sendable {
  /// The two versions in use.
  public enum Version: UInt64, Sendable, CaseIterable {
    case v0 = 0
    case v1 = 1
  }

  /// How the block is encoded (multicodec table).
  public enum Codec: UInt64, Sendable, CaseIterable {
    case cbor = 0x51
    case raw = 0x55
    case dagPB = 0x70
    case dagCBOR = 0x71
    case libp2pKey = 0x72
    case dagJSON = 0x0129
    case json = 0x0200

    /// The name in the multicodec table.
    public var name: String {
      switch self {
      case .cbor: "cbor"
      case .raw: "raw"
      case .dagPB: "dag-pb"
      case .dagCBOR: "dag-cbor"
      case .libp2pKey: "libp2p-key"
      case .dagJSON: "dag-json"
      case .json: "json"
      }
    }
  }

  /// The version, which also fixes the text form.
  public let version: Version
  /// How the block is encoded.
  public let codec: Codec
  /// The digest of the block.
  public let multihash: Multihash

  private init(version: Version, codec: Codec, multihash: Multihash) {
    self.version = version
    self.codec = codec
    self.multihash = multihash
  }

  /// Names a dag-pb block in version 0.
  public static func v0(_ digest: Digest) -> CID {
    CID(version: .v0, codec: .dagPB, multihash: .sha256(digest))
  }

  /// Names a block in version 1.
  public static func v1(_ codec: Codec, _ multihash: Multihash) -> CID {
    CID(version: .v1, codec: codec, multihash: multihash)
  }

  /// The same name in version 1.
  public var asVersion1: CID { .v1(codec, multihash) }

  /// The same name in version 0; nil where that has no spelling for it.
  public var asVersion0: CID? {
    guard codec == .dagPB, case .sha256(let digest) = multihash else { return nil }
    return .v0(digest)
  }

  /// The block itself when the CID carries it (identity multihash).
  public var inlineBlock: Bytes? {
    if case .identity(let content) = multihash { content } else { nil }
  }

  /// The SHA-256 digest, the key under which stores keep the block; nil for inline content and for
  /// other hash functions.
  public var digest: Digest? {
    if case .sha256(let digest) = multihash { digest } else { nil }
  }

  /// Throws `digestMismatch` unless `block` is what this CID names.
  public func verify(_ block: Bytes) throws(ContentError) {
    guard multihash.matches(block) else { throw .digestMismatch(self) }
  }
}

// MARK: - Binary form

/// Limits of a CID from outside.
public enum CIDLimits {
  /// Version, codec and multihash header take at most 4 varints of 9 bytes.
  public static let byteCountMax = 4 * Varint.bytesMax + Multihash.identityByteCountMax
  /// Base2, the longest text form, takes eight characters a byte and a prefix.
  public static let charactersMax = 8 * byteCountMax + 1
}

extension CID {
  /// The binary form.
  public var bytes: Bytes {
    var bytes = Bytes()
    append(to: &bytes)
    return bytes
  }

  /// The bytes of the binary form.
  var byteCount: Int {
    let codecByteCount = codec.rawValue < 1 << 7 ? 1 : 2
    let header = version == .v0 ? 0 : 1 + codecByteCount
    if case .sha256 = multihash { return header + 2 + Digest.byteCount }
    return header + multihash.bytes.count
  }

  /// Appends the binary form.
  public func append(to bytes: inout Bytes) {
    if version == .v1 {
      Varint.append(Version.v1.rawValue, to: &bytes)
      Varint.append(codec.rawValue, to: &bytes)
    }
    multihash.append(to: &bytes)
  }

  /// Reads a CID that fills `bytes` exactly.
  public init(decoding bytes: Bytes) throws(ContentError) { try self.init(decoding: bytes[...]) }

  init(decoding bytes: ArraySlice<UInt8>) throws(ContentError) {
    guard bytes.count <= CIDLimits.byteCountMax else {
      throw .malformedCID(
        .tooLarge(what: "CID", size: bytes.count, limit: CIDLimits.byteCountMax))
    }
    var offset = 0
    try self.init(reading: bytes, at: &offset)
    guard offset == bytes.count else {
      throw .malformedCID(.trailingBytes(what: "the CID", count: bytes.count - offset))
    }
  }

  /// Reads a CID at `offset` and moves `offset` behind it.
  init(reading bytes: ArraySlice<UInt8>, at offset: inout Int) throws(ContentError) {
    let start = bytes.dropFirst(offset)
    if start.first == UInt8(Multihash.sha256Code) {
      let multihash = try Multihash(reading: bytes, at: &offset)
      guard case .sha256 = multihash else {
        throw .malformedCID(
          .malformed(what: "CID", reason: "version 0 has a SHA-256 digest of 32 bytes"))
      }
      self.init(version: .v0, codec: .dagPB, multihash: multihash)
      return
    }
    let version = try Self.varint(bytes, at: &offset)
    guard version == Version.v1.rawValue else { throw .unsupportedVersion(version) }
    let code = try Self.varint(bytes, at: &offset)
    guard let codec = Codec(rawValue: code) else { throw .unsupportedCodec(code) }
    let multihash = try Multihash(reading: bytes, at: &offset)
    self.init(version: .v1, codec: codec, multihash: multihash)
  }

  private static func varint(
    _ bytes: ArraySlice<UInt8>, at offset: inout Int
  ) throws(ContentError) -> UInt64 {
    do { return try Varint.readShort(bytes, at: &offset) } catch { throw .malformedCID(error) }
  }
}

extension CID: Comparable {
  /// Orders as binary forms.
  public static func < (left: CID, right: CID) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes)
  }
}
