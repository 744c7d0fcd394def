import Cryptography
import Primitives

/// What a CID says apart from the digest itself: with a block it gives the CID again (bitswap 1.1).
public struct CIDPrefix: Equatable, Sendable {
  /// The version.
  public let version: CID.Version
  /// How the block is encoded.
  public let codec: CID.Codec
  /// The hash function's code in the multicodec table.
  public let hashCode: UInt64
  /// The digest's length; a function's digest may be cut short.
  public let digestByteCount: Int

  /// The prefix of a CID.
  public init(of cid: CID) {
    version = cid.version
    codec = cid.codec
    hashCode = cid.multihash.code
    digestByteCount = cid.multihash.digestBytes.count
  }

  /// The prefix of all CIDs of version 0.
  static let version0 = CIDPrefix(version: .v0, codec: .dagPB)

  private init(version: CID.Version, codec: CID.Codec) {
    self.version = version
    self.codec = codec
    hashCode = Multihash.sha256Code
    digestByteCount = Digest.byteCount
  }

  /// Reads a prefix: version, codec, hash function and length of the digest as varints.
  init(decoding bytes: ArraySlice<UInt8>) throws(ContentError) {
    var offset = 0
    func next() throws(ContentError) -> UInt64 {
      do { return try Varint.read(bytes, at: &offset) } catch { throw .malformedCID(error) }
    }
    let number = try next()
    guard let version = CID.Version(rawValue: number) else { throw .unsupportedVersion(number) }
    let code = try next()
    guard let codec = CID.Codec(rawValue: code) else { throw .unsupportedCodec(code) }
    let hashCode = try next()
    let count = try next()
    guard offset == bytes.count, count <= UInt64(Multihash.identityByteCountMax) else {
      throw .malformedCID(.malformed(what: "CID prefix", reason: "not four numbers"))
    }
    self.version = version
    self.codec = codec
    self.hashCode = hashCode
    digestByteCount = Int(count)
  }

  /// The binary form.
  var bytes: Bytes {
    var bytes = Bytes()
    for number in [version.rawValue, codec.rawValue, hashCode, UInt64(digestByteCount)] {
      Varint.append(number, to: &bytes)
    }
    return bytes
  }

  /// The CID of a block; nil where the prefix fits none that this program takes.
  func cid(of block: Bytes) -> CID? {
    guard let function = HashFunction(multicodec: hashCode),
      (Multihash.digestByteCountMin...function.byteCount).contains(digestByteCount)
    else { return nil }
    let isPlain = function == .sha256 && digestByteCount == Digest.byteCount
    if version == .v0 {
      guard isPlain, codec == .dagPB, case .sha256(let digest) = Multihash.hashing(block) else {
        return nil
      }
      return .v0(digest)
    }
    let multihash =
      isPlain
      ? Multihash.hashing(block)
      : .other(function, Bytes(function.hash(block).prefix(digestByteCount)))
    return .v1(codec, multihash)
  }
}
