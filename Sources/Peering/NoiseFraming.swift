import Cryptography
package import Primitives

/// Noise messages on a byte stream: two bytes of length, big-endian, then the message
/// (libp2p/specs noise/README.md, "Wire Format").
package enum NoiseFraming {
  /// Bytes of the length.
  static let headerBytes = 2
  /// The largest message the length can name.
  static let messageBytesMax = 65_535
  /// The largest plaintext in one message.
  static let plaintextBytesMax = messageBytesMax - ChaChaPoly.tagByteCount

  /// Appends one handshake message.
  package static func append(_ message: Bytes, to output: inout ByteQueue) {
    precondition(message.count <= messageBytesMax)
    output.append(UInt8(message.count >> 8))
    output.append(UInt8(message.count & 0xFF))
    output.append(message)
  }

  /// The length of the next whole message in `input`, or nil when more bytes are needed.
  package static func nextMessage(in input: borrowing ByteQueue) -> Int? {
    input.read { bytes in
      guard bytes.count >= headerBytes else { return nil }
      let length = Int(bytes[0]) << 8 | Int(bytes[1])
      return bytes.count >= headerBytes + length ? length : nil
    }
  }

  /// Encrypts all of `plaintext` into frames at the end of `output` and empties it.
  package static func seal(
    _ plaintext: inout ByteQueue, with cipher: NoiseCipher, into output: inout ByteQueue
  ) {
    while !plaintext.isEmpty {
      let count = min(plaintext.count, plaintextBytesMax)
      let message = count + ChaChaPoly.tagByteCount
      plaintext.read { source in
        _ = output.write(atLeast: headerBytes + message) { target in
          target[0] = UInt8(message >> 8)
          target[1] = UInt8(message & 0xFF)
          let body = UnsafeMutableRawBufferPointer(rebasing: target[headerBytes...])
          body.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
          cipher.seal(body, count: count)
          return headerBytes + message
        }
      }
      plaintext.consume(count)
    }
  }
}
