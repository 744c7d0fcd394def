public import Primitives

/// Bytes at any place: in memory, or in a file that a shell reads.
public struct ByteSource: Sendable {
  /// How many there are.
  public let count: Int
  private let body:
    @Sendable (_ offset: Int, _ target: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Void

  /// `read` fills all of `target` with the bytes from `offset`; the range is inside `count`.
  public init(
    count: Int,
    read:
      @escaping @Sendable (
        _ offset: Int, _ target: UnsafeMutableRawBufferPointer
      ) throws(DatasetError) -> Void
  ) {
    self.count = count
    body = read
  }

  /// Bytes in memory.
  public init(_ bytes: Bytes) {
    self.init(count: bytes.count) { offset, target in
      bytes.withUnsafeBytes {
        target.copyMemory(from: .init(rebasing: $0[offset...].prefix(target.count)))
      }
    }
  }

  /// Reads `count` bytes at `offset`; the caller has checked the range.
  func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws(DatasetError) {
    precondition(offset >= 0 && target.count <= count && offset <= count - target.count)
    guard target.count > 0 else { return }
    try body(offset, target)
  }

  /// Reads up to `limit` bytes at `offset`; fewer only at the end.
  public func bytes(at offset: Int, limit: Int) throws(DatasetError) -> Bytes {
    let length = min(limit, count - offset)
    guard length > 0 else { return [] }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 16)
    defer { buffer.deallocate() }
    try read(at: offset, into: buffer)
    return Bytes(buffer)
  }
}

extension ByteSource {
  /// A part as a source of its own; the caller has checked the range.
  func part(at offset: Int, count: Int) -> ByteSource {
    precondition(offset >= 0 && count >= 0 && offset <= self.count - count)
    let whole = self
    return ByteSource(count: count) { (place, target) throws(DatasetError) in
      try whole.read(at: offset + place, into: target)
    }
  }
}
