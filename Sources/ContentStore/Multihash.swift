public import Cryptography
public import Primitives

/// The hash part of a CID: SHA-256, or the content itself when it is tiny.
///
/// Format: varint code, varint length, digest (github.com/multiformats/multihash).
public enum Multihash: Hashable, Sendable {
  case sha256(Digest)
  case identity(Bytes)

  /// The code of SHA-256 in the multicodec table.
  public static let sha256Code: UInt64 = 0x12
  /// The code of the identity function in the multicodec table.
  public static let identityCode: UInt64 = 0x00
  /// The longest identity digest Kubo accepts (boxo verifcid).
  public static let identityByteCountMax = 128

  /// Returns the SHA-256 multihash of a block.
  public static func hashing(_ block: Bytes) -> Multihash {
    .sha256(block.withUnsafeBytes { SHA256.hash($0) })
  }

  /// Appends the binary form.
  public func append(to bytes: inout Bytes) {
    switch self {
    case .sha256(let digest):
      bytes.append(UInt8(Self.sha256Code))
      bytes.append(UInt8(Digest.byteCount))
      digest.withUnsafeBytes { bytes.append(contentsOf: $0) }
    case .identity(let content):
      Varint.append(Self.identityCode, to: &bytes)
      Varint.append(UInt64(content.count), to: &bytes)
      bytes += content
    }
  }

  /// Whether `block` is the content that this multihash names.
  public func matches(_ block: Bytes) -> Bool {
    switch self {
    case .sha256: Self.hashing(block) == self
    case .identity(let content): content == block
    }
  }

  /// Reads a multihash that fills `bytes` from `offset` to the end.
  init(decoding bytes: ArraySlice<UInt8>, at offset: Int) throws(ContentError) {
    var offset = offset
    let code: UInt64
    let count: UInt64
    do {
      code = try Varint.read(bytes, at: &offset)
      count = try Varint.read(bytes, at: &offset)
    } catch { throw .malformedCID(error) }
    guard code == Self.sha256Code || code == Self.identityCode else {
      throw .unsupportedHash(code)
    }
    let digest = bytes.dropFirst(offset)
    guard digest.count >= count else { throw .malformedCID(.truncated(what: "multihash digest")) }
    guard digest.count == count else {
      throw .malformedCID(.trailingBytes(what: "the CID", count: digest.count - Int(count)))
    }
    if code == Self.sha256Code {
      do { self = .sha256(try Digest(bytes: digest)) } catch { throw .malformedCID(error) }
    } else {
      guard digest.count <= Self.identityByteCountMax else {
        throw .malformedCID(
          .tooLarge(
            what: "identity digest", size: digest.count, limit: Self.identityByteCountMax))
      }
      self = .identity(Bytes(digest))
    }
  }
}
