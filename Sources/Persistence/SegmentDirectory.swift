import Glibc
import Telemetry

/// The segment files of a store, opened for reading when they are first needed.
final class SegmentDirectory: Sendable {
  private struct OpenFiles {
    var files: [UInt32: SegmentFile] = [:]
    /// In order of opening; the oldest is closed when there are too many.
    var order: [UInt32] = []
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
    if let file = cache.withLock({ $0.files[number] }) { return file }
    let file = try SegmentFile.open(number, in: path, writing: false)
    return cache.withLock { state in
      // Another thread may have been faster; its file serves as well.
      if let other = state.files[number] { return other }
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
    cache.withLock { state in
      state.files[number] = nil
      state.order.removeAll { $0 == number }
    }
    let file = "\(path)/\(SegmentFile.name(number))"
    guard unlink(file) == 0 else { throw .failed("removal", file, errno) }
    try SegmentFile.synchronizeDirectory(path)
  }

  /// The bytes of all segments.
  func byteCount() throws(BlockStoreError) -> (segments: Int, bytes: UInt64) {
    let numbers = try numbers()
    var total: UInt64 = 0
    for number in numbers { total += try segment(number).byteCount() }
    return (numbers.count, total)
  }
}
