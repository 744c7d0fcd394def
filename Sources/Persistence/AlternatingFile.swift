import CShim
import Glibc
public import Primitives
import Telemetry

/// A small value that is replaced often: two places in one file, written in turn with one sync
/// each, so that a crash leaves the old or the new value.
///
/// A place is: length (4), sequence (8), checksum (4), the value; integers little-endian, the
/// checksum CRC32C over length, sequence and value. The valid place with the highest sequence
/// counts. Unlike a file that is replaced by renaming, nothing but these bytes changes on the disk.
public final class AlternatingFile: Sendable {
  /// Places begin on pages, so that a torn write never reaches the other one.
  private static let pageBytes = 4_096
  private static let headBytes = 16

  /// The largest value.
  public let valueBytesMax: Int
  private let placeBytes: Int
  private let file: FileDescriptor
  private let sequence: Lock<UInt64>
  /// What was stored last when the file was opened; nil if nothing ever was.
  public let stored: Bytes?

  /// Opens the file, or creates it without a value; a file of which neither place can be read, but
  /// which was written, is refused.
  public init(path: String, valueBytesMax: Int) throws(FileError) {
    let pages = (valueBytesMax + Self.headBytes + Self.pageBytes - 1) / Self.pageBytes
    let placeBytes = pages * Self.pageBytes
    self.placeBytes = placeBytes
    self.valueBytesMax = valueBytesMax
    file = try FileDescriptor(opening: path, O_RDWR | O_CREAT)
    if try file.size() == 0 {
      try file.write(Bytes(repeating: 0, count: 2 * placeBytes), at: 0)
      try file.synchronize()
      try FileDescriptor.synchronizeDirectory(of: path)
    }
    let bytes = try file.read(2 * placeBytes, at: 0)
    let places = [bytes.prefix(placeBytes), bytes.dropFirst(placeBytes)].map(Bytes.init)
    let newest = places.compactMap(Self.decode).max { $0.sequence < $1.sequence }
    // The very first write may have been torn; then the other place was never touched.
    guard newest != nil || places.contains(where: { $0.allSatisfy { $0 == 0 } }) else {
      throw .damaged(path: path)
    }
    stored = newest?.value
    sequence = Lock(newest?.sequence ?? 0)
  }

  /// Replaces the value and waits until the new one is durable.
  public func write(_ value: Bytes) throws(FileError) {
    precondition(value.count <= valueBytesMax, "\(value.count) bytes do not fit a place")
    // A write that fails is repeated in the same place: the other one holds what counts.
    let next = sequence.withLock { $0 } + 1
    try file.write(Self.encode(value, sequence: next), at: Int(next % 2) * placeBytes)
    try file.synchronizeData()
    sequence.withLock { $0 = next }
  }

  private static func encode(_ value: Bytes, sequence: UInt64) -> Bytes {
    let head = littleEndian(UInt32(value.count)) + littleEndian(sequence)
    return head + littleEndian(checksum(head, value)) + value
  }

  /// Reads one place; nil if it is empty or not what was written.
  package static func decode(_ bytes: Bytes) -> (sequence: UInt64, value: Bytes)? {
    guard bytes.count >= headBytes else { return nil }
    let length = integer(bytes[0..<4])
    let sequence = integer(bytes[4..<12])
    guard sequence > 0, length <= UInt64(bytes.count - headBytes) else { return nil }
    let value = Bytes(bytes[headBytes..<headBytes + Int(length)])
    guard UInt64(checksum(Bytes(bytes[0..<12]), value)) == integer(bytes[12..<16]) else {
      return nil
    }
    return (sequence, value)
  }

  private static func checksum(_ head: Bytes, _ value: Bytes) -> UInt32 {
    shim_crc32c(shim_crc32c(0, head, head.count), value, value.count)
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> Bytes {
    withUnsafeBytes(of: value.littleEndian) { Bytes($0) }
  }

  private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
