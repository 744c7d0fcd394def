import Primitives

/// Reads a log from its start, finds the end of what is whole, and tells a torn tail from damage.
struct WriteAheadLogScan {
  static let magic = Bytes("martlet wal 1\n\0\0".utf8)
  private let file: FileDescriptor
  private(set) var recovery = WriteAheadLogRecovery()
  /// Where the next frame goes.
  private(set) var end = 0

  init(file: FileDescriptor) { self.file = file }

  /// Calls `replay` for each whole record in order; cuts a torn tail off.
  mutating func run(replay: (WriteAheadLogLocation, Bytes) throws -> Void) throws {
    let size = try file.size()
    guard try hasMagic(size: size) else {
      try file.truncate(to: 0)
      try file.write(Self.magic, at: 0)
      try file.synchronize()
      end = Self.magic.count
      return
    }
    end = Self.magic.count
    while end < size {
      guard let frame = try frame(at: end, size: size) else {
        return try cutTail(size: size)
      }
      guard frame.firstIndex == recovery.records else {
        throw WriteAheadLogError.corrupt(path: file.path, offset: end)
      }
      try deliver(frame, to: replay)
    }
  }

  private mutating func deliver(
    _ frame: WriteAheadLogFrame, to replay: (WriteAheadLogLocation, Bytes) throws -> Void
  ) throws {
    for (location, record) in zip(frame.locations(at: end), frame.records) {
      try replay(location, record)
    }
    recovery.records += UInt64(frame.records.count)
    end += frame.byteCount
  }

  /// False for a new file, and for one whose creation was interrupted.
  private func hasMagic(size: Int) throws -> Bool {
    let start = try file.read(min(size, Self.magic.count), at: 0)
    if start == Self.magic { return true }
    guard size < Self.magic.count, Self.magic.starts(with: start) else {
      throw WriteAheadLogError.notALog(path: file.path)
    }
    return false
  }

  private func frame(at offset: Int, size: Int) throws(FileError) -> WriteAheadLogFrame? {
    let head = try file.read(WriteAheadLogFrame.headerByteCount, at: offset)
    guard let head = WriteAheadLogFrame.Head(head) else { return nil }
    let start = offset + WriteAheadLogFrame.headerByteCount
    guard head.payloadByteCount <= size - start else { return nil }
    return WriteAheadLogFrame(head, payload: try file.read(head.payloadByteCount, at: start))
  }

  /// A crash tears at most one frame, and none follows it; everything else is damage.
  private mutating func cutTail(size: Int) throws {
    let tail = size - end
    let tornBytesMax = WriteAheadLogLimits.frameBytesMax + WriteAheadLogFrame.headerByteCount
    let later = tail <= tornBytesMax ? try firstFrame(behind: end, size: size) : end
    guard later == nil else { throw WriteAheadLogError.corrupt(path: file.path, offset: end) }
    try file.truncate(to: end)
    try file.synchronize()
    recovery.tornBytes = tail
  }

  private func firstFrame(behind start: Int, size: Int) throws(FileError) -> Int? {
    let tail = try file.read(size - start, at: start)
    let marker = UInt8(truncatingIfNeeded: WriteAheadLogFrame.marker)
    for offset in 1..<max(1, tail.count) where tail[offset] == marker {
      if try frame(at: start + offset, size: size) != nil { return start + offset }
    }
    return nil
  }
}
