internal import CSodium
public import Primitives

/// Bytes that only one peer opens, from nobody in particular: libsodium's sealed box (an ephemeral
/// X25519 key, XSalsa20-Poly1305) for the Curve25519 form of an Ed25519 key (RFC 7748 §4.1).
public enum SealedBox {
  /// Bytes that a box has more than its message: the ephemeral key and the authenticator.
  public static let overheadByteCount = 48

  /// Seals `message` for the owner of `key`; the ephemeral key comes from the system generator.
  public static func seal(_ message: Bytes, for key: PublicKey) throws(CryptographyError) -> Bytes {
    Sodium.prepare()
    let recipient = try exchangeKey(of: key)
    var box = Bytes(repeating: 0, count: message.count + overheadByteCount)
    guard crypto_box_seal(&box, message, UInt64(message.count), recipient) == 0 else {
      throw .invalidPublicKey
    }
    return box
  }

  /// Opens what was sealed for the public key of `key`.
  public static func open(_ box: Bytes, with key: SigningKey) throws(CryptographyError) -> Bytes {
    guard box.count >= overheadByteCount else { throw .decryptionFailed }
    let publicKey = try exchangeKey(of: key.publicKey)
    var message = Bytes(repeating: 0, count: box.count - overheadByteCount)
    let status = crypto_box_seal_open(
      &message, box, UInt64(box.count), publicKey, key.exchangeSecret)
    guard status == 0 else { throw .decryptionFailed }
    return message
  }

  private static func exchangeKey(of key: PublicKey) throws(CryptographyError) -> Bytes {
    var bytes = Bytes(repeating: 0, count: X25519.byteCount)
    guard crypto_sign_ed25519_pk_to_curve25519(&bytes, key.bytes) == 0 else {
      throw .invalidPublicKey
    }
    return bytes
  }
}

extension SigningKey {
  /// The private half on Curve25519.
  fileprivate var exchangeSecret: Bytes {
    var bytes = Bytes(repeating: 0, count: X25519.byteCount)
    // libsodium's secret is the seed and the public key; only the seed enters.
    crypto_sign_ed25519_sk_to_curve25519(&bytes, seed + publicKey.bytes)
    return bytes
  }
}
