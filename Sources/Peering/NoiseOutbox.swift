import Cryptography
package import Primitives

/// Where frames are appended: a queue, or one that encrypts what it is given.
package protocol FrameOutput {
  /// Appends the bytes.
  mutating func append(_ source: UnsafeRawBufferPointer)
}

extension ByteQueue: FrameOutput {}

/// The way out of a connection. Before the handshake is over bytes go out as they are; after it
/// they are laid behind the room for a Noise message's length, and encrypted where they lie once
/// the message is full or somebody wants to send: no byte is copied twice.
package struct NoiseOutbox {
  private var queue = ByteQueue()
  private var cipher: NoiseCipher?
  /// Bytes at the tail that are not yet encrypted; the two of their length stand before them.
  private var open = 0

  /// An empty way out.
  package init() {}

  /// Bytes waiting, with lengths and tags as far as they are made.
  package var count: Int { queue.count }
  /// Whether nothing waits.
  package var isEmpty: Bool { queue.isEmpty }

  /// Encrypts all that is appended from now on.
  mutating func encrypt(with cipher: NoiseCipher) {
    precondition(self.cipher == nil && open == 0)
    self.cipher = cipher
  }

  /// Ends the message that is being filled, so that all bytes can be sent.
  package mutating func seal() {
    guard open > 0, let cipher else { return }
    let message = open + ChaChaPoly.tagByteCount
    queue.write(atLeast: ChaChaPoly.tagByteCount) { _ in ChaChaPoly.tagByteCount }
    let plaintext = open
    queue.changeLast(NoiseFraming.headerBytes + message) { bytes in
      bytes[0] = UInt8(message >> 8)
      bytes[1] = UInt8(message & 0xFF)
      cipher.seal(
        UnsafeMutableRawBufferPointer(rebasing: bytes[NoiseFraming.headerBytes...]),
        count: plaintext)
    }
    open = 0
  }

  /// Lets `body` read the waiting bytes; `seal` comes first.
  package func read<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    precondition(open == 0)
    return queue.read(body)
  }

  /// Drops the first `amount` bytes; `seal` comes first.
  package mutating func consume(_ amount: Int) {
    precondition(open == 0)
    queue.consume(amount)
  }

  /// Takes the first `amount` bytes out; `seal` comes first.
  package mutating func take(_ amount: Int) -> Bytes {
    precondition(open == 0)
    return queue.take(amount)
  }

  /// Gives back memory that nothing stands in.
  mutating func releaseIdleMemory() { queue.releaseIdleMemory() }
}

extension NoiseOutbox: FrameOutput {
  /// Appends plaintext.
  package mutating func append(_ source: UnsafeRawBufferPointer) {
    guard cipher != nil else { return queue.append(source) }
    var done = 0
    while done < source.count {
      if open == 0 {
        queue.write(atLeast: NoiseFraming.headerBytes) { _ in NoiseFraming.headerBytes }
      }
      let count = min(source.count - done, NoiseFraming.plaintextBytesMax - open)
      queue.append(UnsafeRawBufferPointer(rebasing: source[done..<(done + count)]))
      done += count
      open += count
      if open == NoiseFraming.plaintextBytesMax { seal() }
    }
  }

  /// Appends plaintext.
  mutating func append(_ source: Bytes) { source.withUnsafeBytes { append($0) } }
}
