internal import CSodium
public import Primitives

/// Diffie–Hellman on Curve25519 (RFC 7748).
public enum X25519 {
  /// Bytes of a private key, a public key and a shared secret.
  public static let byteCount = 32

  /// Returns the public key of 32 private bytes.
  public static func publicKey(of privateKey: Bytes) -> Bytes {
    precondition(privateKey.count == byteCount)
    var key = Bytes(repeating: 0, count: byteCount)
    crypto_scalarmult_curve25519_base(&key, privateKey)
    return key
  }

  /// Returns the shared secret; a public key of low order, which would force it to zero, throws.
  public static func sharedSecret(
    privateKey: Bytes, publicKey: Bytes
  ) throws(CryptographyError) -> Bytes {
    precondition(privateKey.count == byteCount)
    guard publicKey.count == byteCount else { throw .invalidPublicKey }
    var secret = Bytes(repeating: 0, count: byteCount)
    guard crypto_scalarmult_curve25519(&secret, privateKey, publicKey) == 0 else {
      throw .lowOrderPoint
    }
    return secret
  }
}
