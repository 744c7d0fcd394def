import Cryptography
public import Primitives

/// Limits and sizes of private objects.
public enum PrivateLimits {
  /// Bytes of a sealed chunk that was not compressed: one leaf of the published profile.
  static let sealedByteCountMax = 1 << 20
  /// The byte that says whether a chunk is compressed, and the authenticator.
  static let overheadByteCount = 1 + ChaChaPoly.tagByteCount
  /// Bytes of the object in each chunk, fewer only in the last.
  static let chunkByteCount = sealedByteCountMax - overheadByteCount
  /// Readers of one object; each costs 80 bytes, and a foreign reader 50 µs to be passed over.
  public static let readersMax = 256
  /// UTF-8 bytes of a name or a media type.
  public static let textByteCountMax = 255
  /// The bytes of an object: what the limits of files allow.
  public static let byteCountMax: UInt64 = 1 << 40

  /// The chunks of an object: an empty one has an empty chunk, so that its end is sealed too.
  static func chunkCount(of byteCount: UInt64) -> Int {
    max(1, Int((byteCount + UInt64(chunkByteCount) - 1) / UInt64(chunkByteCount)))
  }
}

/// How chunks are compressed, by a library that this layer does not know.
public struct ChunkCompression: Sendable {
  /// A frame of at most so many bytes; nil where it would be longer.
  let compress: @Sendable (_ chunk: Bytes, _ byteCountMax: Int) -> Bytes?
  /// The bytes of a frame; nil unless they are exactly so many.
  let decompress: @Sendable (_ frame: Bytes, _ byteCount: Int) -> Bytes?

  /// Takes both directions.
  public init(
    compress: @escaping @Sendable (Bytes, Int) -> Bytes?,
    decompress: @escaping @Sendable (Bytes, Int) -> Bytes?
  ) {
    self.compress = compress
    self.decompress = decompress
  }
}

/// Chunks sealed so that none can be left out, moved, repeated or cut off at the end: the STREAM
/// construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its
/// Nonce-Reuse Misuse-Resistance", CRYPTO 2015) over ChaCha20-Poly1305, with the nonce of age:
/// the chunk's number in 11 bytes, big-endian, and one byte that is 1 in the last chunk.
struct PrivateStream {
  private enum Form {
    static let plain: UInt8 = 0
    static let zstandard: UInt8 = 1
  }
  private let cipher: ChaChaPoly

  /// Seals and opens with a key that nothing else is sealed with.
  init(key: Bytes) { cipher = ChaChaPoly(key: key) }

  /// The sealed chunk; compressed only where that saves at least a twentieth.
  func seal(
    _ chunk: Bytes, number: Int, isLast: Bool, compression: ChunkCompression? = nil
  ) -> Bytes {
    let frame = compression?.compress(chunk, chunk.count - chunk.count / 20)
    let body = [frame == nil ? Form.plain : Form.zstandard] + (frame ?? chunk)
    return cipher.seal(body, nonce: Self.nonce(number, isLast))
  }

  /// The chunk, which must have `byteCount` bytes; nil for anything but what was sealed.
  func open(
    _ sealed: Bytes, number: Int, isLast: Bool, byteCount: Int, compression: ChunkCompression?
  ) -> Bytes? {
    guard let body = try? cipher.open(sealed, nonce: Self.nonce(number, isLast)) else { return nil }
    let content = Bytes(body.dropFirst())
    switch body.first {
    case Form.plain: return content.count == byteCount ? content : nil
    case Form.zstandard: return compression?.decompress(content, byteCount)
    default: return nil
    }
  }

  private static func nonce(_ number: Int, _ isLast: Bool) -> Bytes {
    var nonce = Bytes(repeating: 0, count: 3)
    CBORWriting.append(bigEndian: UInt64(number), byteCount: 8, to: &nonce)
    return nonce + [isLast ? 1 : 0]
  }
}
