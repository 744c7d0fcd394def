import CShim
import Cryptography
import Glibc
import Primitives

/// One append-only file of records. The descriptor lives as long as the object.
final class SegmentFile: Sendable {
  /// Magic, format version and the segment's own number, so that a misplaced file is noticed.
  static let headerByteCount = 16
  private static let magic = Bytes("MARTLSEG".utf8)
  private static let formatVersion: UInt32 = 1

  let number: UInt32
  let path: String
  private let descriptor: Int32

  private init(number: UInt32, path: String, descriptor: Int32) {
    self.number = number
    self.path = path
    self.descriptor = descriptor
  }

  deinit { Glibc.close(descriptor) }

  /// The file name of a segment.
  static func name(_ number: UInt32) -> String {
    let digits = String(number)
    return String(repeating: "0", count: 10 - digits.count) + digits + ".segment"
  }

  /// The number in a file name, nil for other files.
  static func number(_ name: String) -> UInt32? {
    guard name.hasSuffix(".segment"), let number = UInt32(name.dropLast(8)),
      Self.name(number) == name
    else { return nil }
    return number
  }

  private static func header(_ number: UInt32) -> Bytes {
    magic + SegmentBytes.bytes(formatVersion) + SegmentBytes.bytes(number)
  }

  /// Creates a segment and makes its name durable.
  static func create(_ number: UInt32, in directory: String) throws(BlockStoreError) -> SegmentFile
  {
    let path = "\(directory)/\(name(number))"
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .failed("creation", path, errno) }
    let file = SegmentFile(number: number, path: path, descriptor: descriptor)
    do throws(BlockStoreError) {
      try file.write([header(number)], at: 0)
      try file.synchronize()
      try synchronizeDirectory(directory)
    } catch {
      unlink(path)
      throw error
    }
    return file
  }

  /// Opens a segment; one whose header never reached the disk is written anew, and space that a
  /// writer reserved before it was killed is given back.
  static func open(
    _ number: UInt32, in directory: String, writing: Bool
  ) throws(BlockStoreError) -> SegmentFile {
    let path = "\(directory)/\(name(number))"
    let descriptor = Glibc.open(path, (writing ? O_RDWR : O_RDONLY) | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("opening", path, errno) }
    let file = SegmentFile(number: number, path: path, descriptor: descriptor)
    if writing, try file.byteCount() < UInt64(headerByteCount) {
      try file.truncate(to: 0)
      try file.write([header(number)], at: 0)
      try file.synchronize()
    }
    if writing, try file.reservedByteCount() > 0 { file.releaseSpace() }
    guard try file.read(headerByteCount, at: 0) == header(number) else {
      throw .unsupportedFormat(path: path)
    }
    return file
  }

  static func synchronizeDirectory(_ directory: String) throws(BlockStoreError) {
    let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("opening", directory, errno) }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .failed("sync", directory, errno) }
  }

  func byteCount() throws(BlockStoreError) -> UInt64 { UInt64(max(0, try status().st_size)) }

  /// The bytes that the file takes on the disk beyond its end, as far as whole pages and maps tell.
  func reservedByteCount() throws(BlockStoreError) -> UInt64 {
    let status = try self.status()
    let (blockByteCount, slack): (Int64, Int64) = (512, 64 << 10)
    return UInt64(max(0, Int64(status.st_blocks) * blockByteCount - Int64(status.st_size) - slack))
  }

  private func status() throws(BlockStoreError) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .failed("stat", path, errno) }
    return status
  }

  /// Returns up to `count` bytes at `offset`; fewer only at the end of the file.
  func read(_ count: Int, at offset: UInt64) throws(BlockStoreError) -> Bytes {
    var failure: Int32 = 0
    let bytes = Bytes(unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let result = pread(
          descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset) + off_t(filled))
        if result < 0, errno == EINTR { continue }
        if result < 0 { failure = errno }
        if result <= 0 { break }
        filled += result
      }
    }
    guard failure == 0 else { throw .failed("reading", path, failure) }
    return bytes
  }

  /// The block of the record at `location`, not compared with its digest; nil when the file ends
  /// before it does, or what is there cannot be unpacked.
  func block(at location: SegmentLocation) throws(BlockStoreError) -> Bytes? {
    let count = Int(location.payloadByteCount)
    let payload = try read(count, at: location.offset + UInt64(SegmentRecord.headerByteCount))
    guard payload.count == count else { return nil }
    return SegmentCompression.block(payload, location.encoding)
  }

  /// The record at `location`; nil when it is not there, or its checksum is wrong.
  func record(at location: SegmentLocation) throws(BlockStoreError) -> SegmentRecord? {
    let start = location.offset + UInt64(SegmentRecord.headerByteCount)
    let count = Int(location.payloadByteCount)
    guard
      let header = SegmentRecord.Header(
        try read(SegmentRecord.headerByteCount, at: location.offset)),
      header.payloadByteCount == count, header.encoding == location.encoding
    else { return nil }
    let payload = try read(count, at: start)
    let trailer = try read(SegmentRecord.trailerByteCount, at: start + UInt64(count))
    return SegmentRecord(header, payload, trailer: trailer)
  }

  /// Writes the parts one behind the other at `offset`.
  func write(_ parts: [Bytes], at offset: UInt64) throws(BlockStoreError) {
    var position = off_t(offset)
    for part in parts {
      let failure: Int32 = part.withUnsafeBytes { buffer in
        var rest = buffer[...]
        while !rest.isEmpty {
          let result = pwrite(
            descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, position)
          if result < 0, errno == EINTR { continue }
          if result <= 0 { return result == 0 ? ENOSPC : errno }
          position += off_t(result)
          rest = rest.dropFirst(result)
        }
        return 0
      }
      guard failure == 0 else { throw .failed("writing", path, failure) }
    }
  }

  /// Waits until all written bytes are on the disk.
  func synchronize() throws(BlockStoreError) {
    guard fdatasync(descriptor) == 0 else { throw .failed("sync", path, errno) }
  }

  /// Asks the kernel to begin writing a range back, so that a later sync waits less.
  func startWriteBack(from offset: UInt64, byteCount: UInt64) {
    shim_start_write_back(descriptor, Int64(offset), Int64(byteCount))
  }

  /// Takes space on the disk for a range behind the end; the file's size stays. Without it the file
  /// system searches a place for each page that is written. All or nothing is taken.
  func reserveSpace(from offset: UInt64, byteCount: UInt64) {
    let isReserved = shim_reserve_space(descriptor, Int64(offset), Int64(byteCount)) == 0
    if !isReserved { releaseSpace() }
  }

  /// Gives back what is reserved behind the end. Where that fails, it stays with the file.
  func releaseSpace() {
    do throws(BlockStoreError) { try truncate(to: try byteCount()) } catch {}
  }

  func truncate(to byteCount: UInt64) throws(BlockStoreError) {
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else {
      throw .failed("truncation", path, errno)
    }
  }
}
