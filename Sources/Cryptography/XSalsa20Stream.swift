internal import CSodium
public import Primitives

/// The key stream of XSalsa20 (Bernstein, "Extending the Salsa20 nonce", 2011), applied to bytes
/// as they come.
public struct XSalsa20Stream: Sendable {
  /// Bytes of a key.
  public static let keyByteCount = 32
  /// Bytes of a nonce, enough to draw it at random.
  public static let nonceByteCount = 24
  private static let blockByteCount = 64

  private let key: Bytes
  private let nonce: Bytes
  /// The number of the next whole block.
  private var block: UInt64 = 0
  /// What is left of the block before it.
  private var rest: ArraySlice<UInt8> = []

  /// A stream from its beginning; a nonce is never used twice with a key.
  public init(key: Bytes, nonce: Bytes) {
    precondition(key.count == Self.keyByteCount)
    precondition(nonce.count == Self.nonceByteCount)
    Sodium.prepare()
    self.key = key
    self.nonce = nonce
  }

  /// Encrypts or decrypts the next bytes in place.
  public mutating func apply(to buffer: UnsafeMutableRawBufferPointer) {
    let begun = min(rest.count, buffer.count)
    for index in 0..<begun { buffer[index] ^= rest[rest.startIndex + index] }
    rest = rest.dropFirst(begun)
    let wholeCount = (buffer.count - begun) / Self.blockByteCount * Self.blockByteCount
    applyBlocks(to: UnsafeMutableRawBufferPointer(rebasing: buffer[begun..<(begun + wholeCount)]))
    let last = buffer[(begun + wholeCount)...]
    guard !last.isEmpty else { return }
    var stream = Bytes(repeating: 0, count: Self.blockByteCount)
    stream.withUnsafeMutableBytes { applyBlocks(to: $0) }
    for (offset, index) in last.indices.enumerated() { buffer[index] ^= stream[offset] }
    rest = stream[last.count...]
  }

  private mutating func applyBlocks(to buffer: UnsafeMutableRawBufferPointer) {
    guard let bytes = buffer.bindMemory(to: UInt8.self).baseAddress, !buffer.isEmpty else {
      return
    }
    crypto_stream_xsalsa20_xor_ic(bytes, bytes, UInt64(buffer.count), nonce, block, key)
    block += UInt64(buffer.count / Self.blockByteCount)
  }
}
