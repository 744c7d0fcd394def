internal import CSodium
public import Primitives

/// Why a key or signature was refused.
public enum CryptographyError: Error, Equatable, Sendable {
  case invalidSignature
  case invalidPublicKey
  case lowOrderPoint
  case decryptionFailed
  case wrongPassphrase
}

/// An Ed25519 signature (RFC 8032): 64 bytes.
public struct Signature: Hashable, Sendable {
  /// The number of bytes.
  public static let byteCount = 64
  /// R followed by S.
  public let bytes: Bytes

  /// Wraps exactly 64 bytes.
  public init(bytes: Bytes) throws(DecodingFailure) {
    guard bytes.count == Self.byteCount else {
      throw .malformed(what: "signature", reason: "\(bytes.count) bytes instead of 64")
    }
    self.bytes = bytes
  }
}

extension Signature: CanonicalCodable {
  /// A byte string of 64 bytes.
  public var canonicalValue: CanonicalValue { .bytes(bytes) }

  /// Reads a byte string of 64 bytes.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .bytes(let bytes) = canonicalValue else {
      throw .malformed(what: "signature", reason: "expected bytes")
    }
    try self.init(bytes: bytes)
  }
}

/// An Ed25519 public key: the identity of a node and of its account.
public struct PublicKey: Hashable, Sendable {
  /// The number of bytes.
  public static let byteCount = 32
  private let digest: Digest

  /// Wraps exactly 32 bytes; whether they are a point shows when a signature is checked.
  public init(bytes: Bytes) throws(DecodingFailure) {
    guard bytes.count == Self.byteCount else {
      throw .malformed(what: "public key", reason: "\(bytes.count) bytes instead of 32")
    }
    digest = try Digest(bytes: bytes)
  }

  /// The encoded point.
  public var bytes: Bytes { digest.bytes }

  /// Checks a signature; libsodium refuses small-order keys and unreduced S.
  public func verify(_ signature: Signature, of message: Bytes) -> Bool {
    Sodium.prepare()
    return crypto_sign_ed25519_verify_detached(
      signature.bytes, message, UInt64(message.count), bytes) == 0
  }
}

extension PublicKey: Comparable {
  /// Orders as byte strings.
  public static func < (left: PublicKey, right: PublicKey) -> Bool { left.digest < right.digest }
}

extension PublicKey: CanonicalCodable {
  /// A byte string of 32 bytes.
  public var canonicalValue: CanonicalValue { digest.canonicalValue }

  /// Reads a byte string of 32 bytes.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    digest = try Digest(canonicalValue: canonicalValue)
  }
}

/// An Ed25519 private key. The 64 secret bytes are seed and public key, as libsodium keeps them.
public struct SigningKey: Sendable {
  /// Bytes of a seed.
  public static let seedByteCount = 32
  private let secret: Bytes
  /// The matching public key.
  public let publicKey: PublicKey

  /// Derives the key of a 32-byte seed (RFC 8032 §5.1.5).
  public init(seed: Bytes) throws(DecodingFailure) {
    guard seed.count == Self.seedByteCount else {
      throw .malformed(what: "key seed", reason: "\(seed.count) bytes instead of 32")
    }
    Sodium.prepare()
    var publicBytes = Bytes(repeating: 0, count: PublicKey.byteCount)
    var secret = Bytes(repeating: 0, count: 64)
    crypto_sign_ed25519_seed_keypair(&publicBytes, &secret, seed)
    self.secret = secret
    publicKey = try PublicKey(bytes: publicBytes)
  }

  /// Draws a key from the operating system's generator.
  public static func generate() -> SigningKey {
    guard let key = try? SigningKey(seed: SystemRandom.bytes(seedByteCount)) else {
      preconditionFailure("a seed of the right length makes a key")
    }
    return key
  }

  /// The 32-byte seed, for key files only.
  public var seed: Bytes { Bytes(secret.prefix(Self.seedByteCount)) }

  /// Signs a message.
  public func sign(_ message: Bytes) -> Signature {
    var bytes = Bytes(repeating: 0, count: Signature.byteCount)
    crypto_sign_ed25519_detached(&bytes, nil, message, UInt64(message.count), secret)
    guard let signature = try? Signature(bytes: bytes) else {
      preconditionFailure("libsodium writes 64 bytes")
    }
    return signature
  }
}
