import Glibc
import Telemetry

/// The segment files of a store, opened for reading when they are first needed.
///
/// A reader that holds a `SegmentFile` can go on reading after the file was deleted: the descriptor
/// keeps its bytes.
final class SegmentDirectory: Sendable {
  private struct OpenFiles {
    var files: [UInt32: SegmentFile] = [:]
    /// In order of opening; the oldest is closed when there are too many.
    var order: [UInt32] = []
    /// The deletions so far: a file that was opened across one is not kept open.
    var removals = 0
  }

  let path: String
  private let cache = Lock(OpenFiles())

  init(path: String) { self.path = path }

  /// The numbers of all segment files, ascending.
  func numbers() throws(BlockStoreError) -> [UInt32] {
    guard let stream = opendir(path) else { throw .failed("listing", path, errno) }
    defer { closedir(stream) }
    var numbers: [UInt32] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { buffer in
        String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = SegmentFile.number(name) { numbers.append(number) }
    }
    return numbers.sorted()
  }

  /// Returns the segment, opened for reading.
  func segment(_ number: UInt32) throws(BlockStoreError) -> SegmentFile {
    let (known, removals) = cache.withLock { ($0.files[number], $0.removals) }
    if let known { return known }
    let file = try SegmentFile.open(number, in: path, writing: false)
    return cache.withLock { state in
      // Another thread may have been faster; its file serves as well.
      if let other = state.files[number] { return other }
      // Perhaps deleted since it was opened: then nobody would close it.
      guard state.removals == removals else { return file }
      if state.order.count == BlockStoreLimits.openSegmentsMax {
        state.files[state.order.removeFirst()] = nil
      }
      state.files[number] = file
      state.order.append(number)
      return file
    }
  }

  /// Deletes a segment that the index does not point to.
  func remove(_ number: UInt32) throws(BlockStoreError) {
    let file = "\(path)/\(SegmentFile.name(number))"
    guard unlink(file) == 0 || errno == ENOENT else { throw .failed("removal", file, errno) }
    cache.withLock { state in
      state.removals += 1
      state.files[number] = nil
      state.order.removeAll { $0 == number }
    }
    try SegmentFile.synchronizeDirectory(path)
  }

  /// The size of a segment's file; nil where there is none.
  func byteCount(of number: UInt32) throws(BlockStoreError) -> UInt64? {
    let file = "\(path)/\(SegmentFile.name(number))"
    var status = stat()
    guard stat(file, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw .failed("stat", file, errno)
    }
    return UInt64(max(0, status.st_size))
  }
}
