internal import CSodium
public import Primitives

/// A secret under a passphrase: Argon2id (RFC 9106) derives the key of XChaCha20-Poly1305.
///
/// Bytes: version 1 ‖ salt (16) ‖ nonce (24) ‖ ciphertext and tag.
public enum SealedSecret {
  private static let version: UInt8 = 1
  private static let saltByteCount = 16
  private static let nonceByteCount = 24
  private static let tagByteCount = 16
  /// libsodium's MODERATE profile: 256 MiB, three passes; about 0.7 s, once a start.
  private static let passes: UInt64 = 3
  private static let memoryBytes = 256 << 20

  /// Seals `secret`; salt and nonce come from the system generator.
  public static func seal(_ secret: Bytes, passphrase: Bytes) -> Bytes {
    let salt = SystemRandom.bytes(saltByteCount)
    let nonce = SystemRandom.bytes(nonceByteCount)
    let head = [version] + salt + nonce
    var output = Bytes(repeating: 0, count: secret.count + tagByteCount)
    crypto_aead_xchacha20poly1305_ietf_encrypt(
      &output, nil, secret, UInt64(secret.count), head, UInt64(head.count), nil, nonce,
      key(passphrase: passphrase, salt: salt))
    return head + output
  }

  /// Opens what `seal` wrote; a wrong passphrase and a changed file look the same.
  public static func open(_ sealed: Bytes, passphrase: Bytes) throws -> Bytes {
    let headCount = 1 + saltByteCount + nonceByteCount
    guard sealed.count >= headCount + tagByteCount else {
      throw DecodingFailure.truncated(what: "key file")
    }
    guard sealed[0] == version else {
      throw DecodingFailure.malformed(what: "key file", reason: "unknown version \(sealed[0])")
    }
    let head = Bytes(sealed.prefix(headCount))
    let salt = Bytes(head[1..<1 + saltByteCount])
    let nonce = Bytes(head[(1 + saltByteCount)...])
    let ciphertext = Bytes(sealed.dropFirst(headCount))
    var output = Bytes(repeating: 0, count: ciphertext.count - tagByteCount)
    let status = crypto_aead_xchacha20poly1305_ietf_decrypt(
      &output, nil, nil, ciphertext, UInt64(ciphertext.count), head, UInt64(head.count), nonce,
      key(passphrase: passphrase, salt: salt))
    guard status == 0 else { throw CryptographyError.wrongPassphrase }
    return output
  }

  private static func key(passphrase: Bytes, salt: Bytes) -> Bytes {
    Sodium.prepare()
    var key = Bytes(repeating: 0, count: 32)
    let text = passphrase.map { CChar(bitPattern: $0) }
    let status = crypto_pwhash(
      &key, UInt64(key.count), text, UInt64(text.count), salt, passes, memoryBytes,
      crypto_pwhash_ALG_ARGON2ID13)
    precondition(status == 0, "Argon2id needs 256 MiB of memory")
    return key
  }
}
