internal import COpenSSL
internal import CSodium
public import Primitives

/// The name of a secret that does not give it away: SHAKE-128 (FIPS 202) of the beginning of its
/// Salsa20 stream, as Kubo names the key of a private network.
public enum KeyFingerprint {
  /// Bytes of a fingerprint.
  public static let byteCount = 16
  /// Kubo's nonce for nothing else.
  private static let nonce = Bytes("finprint".utf8)
  private static let streamByteCount = 64

  /// The fingerprint of 32 secret bytes.
  public static func of(_ secret: Bytes) -> Bytes {
    precondition(secret.count == XSalsa20Stream.keyByteCount)
    Sodium.prepare()
    var stream = Bytes(repeating: 0, count: streamByteCount)
    crypto_stream_salsa20(&stream, UInt64(stream.count), nonce, secret)
    return shake128(stream)
  }

  private static func shake128(_ message: Bytes) -> Bytes {
    guard let context = EVP_MD_CTX_new() else { fatalError("out of memory") }
    defer { EVP_MD_CTX_free(context) }
    var digest = Bytes(repeating: 0, count: byteCount)
    EVP_DigestInit_ex(context, EVP_shake128(), nil)
    EVP_DigestUpdate(context, message, message.count)
    EVP_DigestFinalXOF(context, &digest, digest.count)
    return digest
  }
}
