internal import COpenSSL
internal import CSodium
public import Primitives

/// A hash function by name, for checking what others named with another one than SHA-256.
public enum HashFunction: Hashable, Sendable {
  /// Broken for collisions; old git objects are named with it.
  case sha1
  case sha224
  case sha256
  case sha384
  case sha512
  case sha3x224
  case sha3x256
  case sha3x384
  case sha3x512
  /// SHA-256 of the SHA-256, as Bitcoin names blocks.
  case doubleSHA256
  /// BLAKE2b with a digest of 16 to 64 bytes (RFC 7693).
  case blake2b(byteCount: Int)
  case blake2s256

  /// The lengths BLAKE2b is offered in.
  public static let blake2bByteCounts = 16...64

  /// The bytes of a digest.
  public var byteCount: Int {
    switch self {
    case .sha1: 20
    case .sha224, .sha3x224: 28
    case .sha256, .sha3x256, .doubleSHA256, .blake2s256: 32
    case .sha384, .sha3x384: 48
    case .sha512, .sha3x512: 64
    case .blake2b(let byteCount): byteCount
    }
  }

  /// Hashes bytes in place.
  public func hash(_ bytes: UnsafeRawBufferPointer) -> Bytes {
    switch self {
    case .sha1: Self.digest(bytes, "SHA1", byteCount)
    case .sha224: Self.digest(bytes, "SHA2-224", byteCount)
    case .sha256: SHA256.hash(bytes).bytes
    case .sha384: Self.digest(bytes, "SHA2-384", byteCount)
    case .sha512: Self.digest(bytes, "SHA2-512", byteCount)
    case .sha3x224: Self.digest(bytes, "SHA3-224", byteCount)
    case .sha3x256: Self.digest(bytes, "SHA3-256", byteCount)
    case .sha3x384: Self.digest(bytes, "SHA3-384", byteCount)
    case .sha3x512: Self.digest(bytes, "SHA3-512", byteCount)
    case .doubleSHA256: SHA256.hash(SHA256.hash(bytes).bytes).bytes
    case .blake2b(let byteCount): Self.blake2b(bytes, byteCount)
    case .blake2s256: Self.digest(bytes, "BLAKE2S-256", byteCount)
    }
  }

  /// Hashes bytes.
  public func hash(_ bytes: Bytes) -> Bytes { bytes.withUnsafeBytes { hash($0) } }

  private static func digest(
    _ bytes: UnsafeRawBufferPointer, _ algorithm: String, _ byteCount: Int
  ) -> Bytes {
    Bytes(unsafeUninitializedCapacity: byteCount) { digest, count in
      let isDone = EVP_Q_digest(
        nil, algorithm, nil, bytes.baseAddress, bytes.count, digest.baseAddress, &count)
      precondition(isDone == 1 && count == byteCount, "OpenSSL lacks \(algorithm)")
    }
  }

  private static func blake2b(_ bytes: UnsafeRawBufferPointer, _ byteCount: Int) -> Bytes {
    precondition(blake2bByteCounts.contains(byteCount))
    Sodium.prepare()
    return Bytes(unsafeUninitializedCapacity: byteCount) { digest, count in
      let code = crypto_generichash(
        digest.baseAddress!, byteCount, bytes.bindMemory(to: UInt8.self).baseAddress,
        UInt64(bytes.count), nil, 0)
      precondition(code == 0)
      count = byteCount
    }
  }
}
