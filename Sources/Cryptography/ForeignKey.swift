internal import COpenSSL
public import Primitives

/// Kinds of public keys that peers use and we never do.
public enum ForeignKeyKind: Sendable {
  /// X.509 SubjectPublicKeyInfo; signatures are RSASSA-PKCS1-v1_5 with SHA-256.
  case rsa
  /// A compressed point of 33 bytes; signatures are ECDSA in DER over SHA-256.
  case secp256k1
  /// X.509 SubjectPublicKeyInfo; signatures are ECDSA in DER over SHA-256.
  case ecdsa
}

/// A public key that only verifies.
public enum ForeignKey {
  /// Smaller keys can be factored, larger ones cost a verifier too much (go-libp2p's bounds).
  private static let rsaBits = 2_048...8_192
  /// An RSA key of 8,192 bits takes 1,062 bytes.
  private static let keyBytesMax = 2_048
  /// SubjectPublicKeyInfo of a compressed secp256k1 point, up to the point (RFC 5480 §2, SEC 2
  /// §2.4.1).
  private static let secp256k1Head: Bytes = [
    0x30, 0x36, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05,
    0x2B, 0x81, 0x04, 0x00, 0x0A, 0x03, 0x22, 0x00,
  ]
  private static let secp256k1Bytes = 33

  /// Whether `key` is a key of this kind at all.
  public static func isValid(_ key: Bytes, _ kind: ForeignKeyKind) -> Bool {
    withKey(key, kind) { _ in true } ?? false
  }

  /// Whether `signature` is one of `message` by `key`.
  public static func verify(
    _ signature: Bytes, of message: Bytes, by key: Bytes, _ kind: ForeignKeyKind
  ) -> Bool {
    withKey(key, kind) { key in
      guard let context = EVP_MD_CTX_new() else { return false }
      defer {
        EVP_MD_CTX_free(context)
        ERR_clear_error()
      }
      guard EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key) == 1 else { return false }
      return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    } ?? false
  }

  private static func withKey(
    _ bytes: Bytes, _ kind: ForeignKeyKind, _ body: (OpaquePointer) -> Bool
  ) -> Bool? {
    guard bytes.count <= keyBytesMax else { return nil }
    var encoded = bytes
    if kind == .secp256k1 {
      guard bytes.count == secp256k1Bytes else { return nil }
      encoded = secp256k1Head + bytes
    }
    let parsed = encoded.withUnsafeBufferPointer { buffer -> OpaquePointer? in
      var cursor = buffer.baseAddress
      guard let key = d2i_PUBKEY(nil, &cursor, buffer.count) else { return nil }
      // Bytes behind the key would make two ids of one key.
      guard cursor == buffer.baseAddress.map({ $0 + buffer.count }) else {
        EVP_PKEY_free(key)
        return nil
      }
      return key
    }
    defer { ERR_clear_error() }
    guard let parsed else { return nil }
    defer { EVP_PKEY_free(parsed) }
    switch kind {
    case .rsa:
      guard EVP_PKEY_get_base_id(parsed) == EVP_PKEY_RSA,
        rsaBits.contains(Int(EVP_PKEY_get_bits(parsed)))
      else { return nil }
    case .secp256k1, .ecdsa:
      guard EVP_PKEY_get_base_id(parsed) == EVP_PKEY_EC else { return nil }
    }
    return body(parsed)
  }
}
