internal import COpenSSL
internal import CShim
public import Primitives

/// Incremental SHA-256 (FIPS 180-4) on one reusable OpenSSL context.
///
/// A class because the context is a C object; used by one thread at a time.
public final class SHA256Hasher {
  // EVP_sha256() looks the algorithm up on each call of OpenSSL 3, so it is fetched once.
  nonisolated(unsafe) private static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)
  private let context: OpaquePointer

  /// Starts an empty message.
  public init() {
    guard let context = EVP_MD_CTX_new() else { fatalError("out of memory") }
    self.context = context
    EVP_DigestInit_ex(context, Self.algorithm, nil)
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Adds bytes to the message.
  public func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// Adds bytes to the message.
  public func update(_ bytes: Bytes) { bytes.withUnsafeBytes { update($0) } }

  /// Adds the 32 bytes of a digest.
  public func update(_ digest: Digest) { digest.withUnsafeBytes { update($0) } }

  /// Returns the digest and starts an empty message.
  public func finalize() -> Digest {
    var words = Digest.Words()
    withUnsafeMutableBytes(of: &words) {
      _ = EVP_DigestFinal_ex(context, $0.bindMemory(to: UInt8.self).baseAddress, nil)
    }
    EVP_DigestInit_ex(context, Self.algorithm, nil)
    return Digest(words: words)
  }
}

/// One-shot SHA-256.
public enum SHA256 {
  /// Hashes the concatenation of `parts`.
  public static func hash(_ parts: Bytes...) -> Digest {
    let hasher = SHA256Hasher()
    for part in parts { hasher.update(part) }
    return hasher.finalize()
  }

  /// Hashes bytes in place.
  public static func hash(_ bytes: UnsafeRawBufferPointer) -> Digest {
    let hasher = SHA256Hasher()
    hasher.update(bytes)
    return hasher.finalize()
  }
}

extension SHA256 {
  private static let hasPairs = shim_sha256_has_pairs() != 0

  /// The digests of two messages. Where the processor has instructions for SHA-256 they are
  /// computed at once, at about one and a half times the rate of one: those of one message wait for
  /// one another.
  public static func hashes(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> (first: Digest, second: Digest) {
    pair(prefix: nil, first, second) ?? (hash(first), hash(second))
  }

  /// SHA-256(prefix ‖ first) and SHA-256(prefix ‖ second), computed at once; nil where the
  /// processor cannot.
  static func pair(
    prefix: UInt8?, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> (first: Digest, second: Digest)? {
    guard hasPairs else { return nil }
    var messages = (message(prefix, first), message(prefix, second))
    shim_sha256_pair(&messages.0, &messages.1)
    return (digest(of: messages.0), digest(of: messages.1))
  }

  private static func message(
    _ prefix: UInt8?, _ bytes: UnsafeRawBufferPointer
  ) -> shim_sha256_message {
    var message = shim_sha256_message()
    message.has_prefix = prefix == nil ? 0 : 1
    message.prefix = prefix ?? 0
    message.bytes = bytes.baseAddress
    message.count = bytes.count
    return message
  }

  private static func digest(of message: shim_sha256_message) -> Digest {
    var words = Digest.Words()
    withUnsafeMutableBytes(of: &words) { target in
      withUnsafeBytes(of: message.digest) { target.copyMemory(from: $0) }
    }
    return Digest(words: words)
  }
}

/// HMAC-SHA-256 (RFC 2104).
public enum HMACSHA256 {
  /// Authenticates the concatenation of `parts`.
  public static func authenticate(key: Bytes, _ parts: Bytes...) -> Digest {
    let blockByteCount = 64
    var block = key.count > blockByteCount ? SHA256.hash(key).bytes : key
    block += Bytes(repeating: 0, count: blockByteCount - block.count)
    let hasher = SHA256Hasher()
    hasher.update(block.map { $0 ^ 0x36 })
    for part in parts { hasher.update(part) }
    let inner = hasher.finalize()
    hasher.update(block.map { $0 ^ 0x5c })
    hasher.update(inner)
    return hasher.finalize()
  }
}

/// HKDF with SHA-256 (RFC 5869).
public enum HKDFSHA256 {
  /// Returns the pseudorandom key of the extract step.
  public static func extract(salt: Bytes, inputKey: Bytes) -> Digest {
    HMACSHA256.authenticate(key: salt, inputKey)
  }

  /// Returns `count` bytes (≤ 255 · 32) of the expand step.
  public static func expand(pseudorandomKey: Digest, info: Bytes, count: Int) -> Bytes {
    precondition(count <= 255 * Digest.byteCount)
    var output = Bytes()
    var block = Bytes()
    var counter: UInt8 = 1
    while output.count < count {
      block = HMACSHA256.authenticate(key: pseudorandomKey.bytes, block, info, [counter]).bytes
      output += block
      counter &+= 1
    }
    return Bytes(output.prefix(count))
  }
}
