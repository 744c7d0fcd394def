import Cryptography
import Primitives

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
  static func append(_ message: Bytes, to output: inout NoiseOutbox) {
    precondition(message.count <= messageBytesMax)
    output.append([UInt8(message.count >> 8), UInt8(message.count & 0xFF)])
    output.append(message)
  }

  /// The length of the next whole message in `input`, or nil when more bytes are needed.
  package static func nextMessage(in input: borrowing ByteQueue) -> Int? {
    input.read { nextMessage(in: $0) }
  }

  /// Bytes that `input` lacks until its next message, or first that message's length, is whole.
  static func missing(in input: borrowing ByteQueue) -> Int {
    input.read { bytes in
      guard bytes.count >= headerBytes else { return headerBytes - bytes.count }
      let length = Int(bytes[0]) << 8 | Int(bytes[1])
      return max(0, headerBytes + length - bytes.count)
    }
  }

  /// The length of the message at the start of `bytes`, or nil when it is not whole.
  static func nextMessage(in bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= headerBytes else { return nil }
    let length = Int(bytes[0]) << 8 | Int(bytes[1])
    return bytes.count >= headerBytes + length ? length : nil
  }
}
