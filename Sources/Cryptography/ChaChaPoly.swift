internal import COpenSSL
public import Primitives

/// ChaCha20-Poly1305 (RFC 8439) on one reusable OpenSSL context: twice libsodium's rate here.
///
/// A class because the context is a C object; used by one thread at a time.
public final class ChaChaPoly {
  /// Bytes of a key.
  public static let keyByteCount = 32
  /// Bytes of a nonce.
  public static let nonceByteCount = 12
  /// Bytes of the authenticator behind each ciphertext.
  public static let tagByteCount = 16
  nonisolated(unsafe) private static let algorithm = EVP_CIPHER_fetch(
    nil, "ChaCha20-Poly1305", nil)
  private let context: OpaquePointer

  /// Keeps a key of 32 bytes.
  public init(key: Bytes) {
    precondition(key.count == Self.keyByteCount)
    guard let context = EVP_CIPHER_CTX_new() else { fatalError("out of memory") }
    self.context = context
    EVP_CipherInit_ex2(context, Self.algorithm, key, nil, 1, nil)
  }

  deinit { EVP_CIPHER_CTX_free(context) }

  /// Encrypts the first `count` bytes of `buffer` in place and writes the tag behind them.
  ///
  /// `buffer` has at least `count` + 16 bytes; `nonce` has 12 and is never used twice with a key.
  public func seal(
    _ buffer: UnsafeMutableRawBufferPointer, count: Int, nonce: UnsafeRawBufferPointer,
    authenticating header: UnsafeRawBufferPointer = .init(start: nil, count: 0)
  ) {
    precondition(buffer.count >= count + Self.tagByteCount)
    start(nonce: nonce, encrypting: 1)
    authenticate(header)
    let bytes = buffer.bindMemory(to: UInt8.self).baseAddress
    var written: Int32 = 0
    EVP_CipherUpdate(context, bytes, &written, bytes, Int32(count))
    EVP_CipherFinal_ex(context, bytes.map { $0 + count }, &written)
    EVP_CIPHER_CTX_ctrl(
      context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagByteCount), bytes.map { $0 + count })
  }

  /// Decrypts `buffer` (ciphertext and tag) in place and returns the plaintext's length.
  public func open(
    _ buffer: UnsafeMutableRawBufferPointer, nonce: UnsafeRawBufferPointer,
    authenticating header: UnsafeRawBufferPointer = .init(start: nil, count: 0)
  ) throws(CryptographyError) -> Int {
    let count = buffer.count - Self.tagByteCount
    guard count >= 0 else { throw .decryptionFailed }
    start(nonce: nonce, encrypting: 0)
    authenticate(header)
    let bytes = buffer.bindMemory(to: UInt8.self).baseAddress
    EVP_CIPHER_CTX_ctrl(
      context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagByteCount), bytes.map { $0 + count })
    var written: Int32 = 0
    EVP_CipherUpdate(context, bytes, &written, bytes, Int32(count))
    guard EVP_CipherFinal_ex(context, bytes.map { $0 + count }, &written) == 1 else {
      throw .decryptionFailed
    }
    return count
  }

  /// Returns the ciphertext of `plaintext` with its tag.
  public func seal(_ plaintext: Bytes, nonce: Bytes, authenticating header: Bytes = []) -> Bytes {
    var buffer = plaintext + Bytes(repeating: 0, count: Self.tagByteCount)
    buffer.withUnsafeMutableBytes { bytes in
      nonce.withUnsafeBytes { nonce in
        header.withUnsafeBytes {
          seal(bytes, count: plaintext.count, nonce: nonce, authenticating: $0)
        }
      }
    }
    return buffer
  }

  /// Returns the plaintext of `ciphertext`, which ends with its tag.
  public func open(
    _ ciphertext: Bytes, nonce: Bytes, authenticating header: Bytes = []
  ) throws(CryptographyError) -> Bytes {
    var buffer = ciphertext
    let result = buffer.withUnsafeMutableBytes { bytes in
      nonce.withUnsafeBytes { nonce in
        header.withUnsafeBytes { header in
          Result { () throws(CryptographyError) in
            try open(bytes, nonce: nonce, authenticating: header)
          }
        }
      }
    }
    return Bytes(buffer.prefix(try result.get()))
  }

  private func start(nonce: UnsafeRawBufferPointer, encrypting: Int32) {
    precondition(nonce.count == Self.nonceByteCount)
    EVP_CipherInit_ex2(
      context, nil, nil, nonce.bindMemory(to: UInt8.self).baseAddress, encrypting, nil)
  }

  private func authenticate(_ header: UnsafeRawBufferPointer) {
    guard !header.isEmpty else { return }
    var written: Int32 = 0
    EVP_CipherUpdate(
      context, nil, &written, header.bindMemory(to: UInt8.self).baseAddress, Int32(header.count))
  }
}
