import Cryptography
package import Primitives

/// One direction's key and counter (Noise §5.1, CipherState).
///
/// A class because it owns an OpenSSL context; used by one thread at a time.
package final class NoiseCipher {
  private let cipher: ChaChaPoly
  private var counter: UInt64 = 0

  init(key: Bytes) {
    cipher = ChaChaPoly(key: key)
  }

  /// Encrypts the first `count` bytes of `buffer` in place; the tag lands behind them.
  func seal(_ buffer: UnsafeMutableRawBufferPointer, count: Int) {
    withNonce { cipher.seal(buffer, count: count, nonce: $0) }
  }

  /// Decrypts `buffer` in place; returns the plaintext's length, or nil for a wrong tag.
  func open(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
    withNonce { try? cipher.open(buffer, nonce: $0) }
  }

  /// Returns the ciphertext of `plaintext` and its tag.
  package func seal(_ plaintext: Bytes, authenticating header: Bytes = []) -> Bytes {
    withNonce { cipher.seal(plaintext, nonce: Bytes($0), authenticating: header) }
  }

  /// Returns the plaintext of `ciphertext`, which ends with its tag.
  package func open(
    _ ciphertext: Bytes, authenticating header: Bytes = []
  ) throws(PeeringError) -> Bytes {
    let plaintext = withNonce {
      try? cipher.open(ciphertext, nonce: Bytes($0), authenticating: header)
    }
    guard let plaintext else { throw .noiseTagMismatch }
    return plaintext
  }

  /// Four zero bytes, then the counter little-endian (Noise §12.3). 2⁶⁴ messages are out of reach.
  private func withNonce<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    precondition(counter < .max)
    let low = UInt32(truncatingIfNeeded: counter).littleEndian
    let high = UInt32(truncatingIfNeeded: counter >> 32).littleEndian
    counter += 1
    return withUnsafeBytes(of: (UInt32(0), low, high), body)
  }
}
