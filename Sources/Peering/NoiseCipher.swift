import Cryptography
package import Primitives

/// One direction's key and counter (Noise §5.1, CipherState).
///
/// A class because it owns an OpenSSL context; used by one thread at a time.
package final class NoiseCipher {
  /// Nil inside a simulation, which encrypts nothing.
  private let cipher: ChaChaPoly?
  private var counter: UInt64 = 0

  init(key: Bytes) {
    cipher = ChaChaPoly(key: key)
  }

  private init() { cipher = nil }

  /// The cipher of a handshake, which no simulated connection has.
  private var encrypting: ChaChaPoly {
    guard let cipher else { preconditionFailure("a simulated connection has no handshake") }
    return cipher
  }

  /// The cipher of `ConnectionMachine(simulated:)`: plaintext, and a tag of zeros.
  static func simulated() -> NoiseCipher { NoiseCipher() }

  /// Encrypts the first `count` bytes of `buffer` in place; the tag lands behind them.
  func seal(_ buffer: UnsafeMutableRawBufferPointer, count: Int) {
    guard let cipher else {
      for index in count..<count + ChaChaPoly.tagByteCount { buffer[index] = 0 }
      return
    }
    withNonce { cipher.seal(buffer, count: count, nonce: $0) }
  }

  /// Decrypts `buffer` in place; returns the plaintext's length, or nil for a wrong tag.
  func open(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
    guard let cipher else {
      let count = buffer.count - ChaChaPoly.tagByteCount
      return count >= 0 && buffer[count...].allSatisfy { $0 == 0 } ? count : nil
    }
    return withNonce { try? cipher.open(buffer, nonce: $0) }
  }

  /// Returns the ciphertext of `plaintext` and its tag.
  package func seal(_ plaintext: Bytes, authenticating header: Bytes = []) -> Bytes {
    withNonce { encrypting.seal(plaintext, nonce: Bytes($0), authenticating: header) }
  }

  /// Returns the plaintext of `ciphertext`, which ends with its tag.
  package func open(
    _ ciphertext: Bytes, authenticating header: Bytes = []
  ) throws(PeeringError) -> Bytes {
    let plaintext = withNonce {
      try? encrypting.open(ciphertext, nonce: Bytes($0), authenticating: header)
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
