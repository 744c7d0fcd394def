internal import Glibc
internal import Primitives
internal import Telemetry

/// A file that is written beside its path and renamed when it is whole. What an interrupted
/// download leaves behind is where the next one goes on, after each block of it was checked again.
final class PartialFile: ContentOutput {
  private static let suffix = ".partial"
  private static let mode: mode_t = 0o644

  private let path: String
  private let descriptor: Int32
  private let earlierSize: UInt64
  private let position = Lock<UInt64>(0)

  private var temporaryPath: String { path + Self.suffix }

  /// Opens or makes the temporary file; nobody else may write it meanwhile.
  init(path: String) throws(IPFSClientError) {
    self.path = path
    let temporary = path + Self.suffix
    descriptor = open(temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, Self.mode)
    guard descriptor >= 0 else { throw Self.failure(path) }
    var status = stat()
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &status) == 0 else {
      let error: IPFSClientError =
        errno == EWOULDBLOCK ? .fileBusy(path: path) : Self.failure(path)
      close(descriptor)
      throw error
    }
    earlierSize = UInt64(clamping: status.st_size)
  }

  deinit { close(descriptor) }

  func earlierBytes(at offset: UInt64, count: Int) throws -> Bytes? {
    let (end, isBeyond) = offset.addingReportingOverflow(UInt64(count))
    guard !isBeyond, end <= earlierSize else { return nil }
    var bytes = Bytes(repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let taken = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + filled, count - filled, Int(offset) + filled)
      }
      guard taken > 0 else { return nil }
      filled += taken
    }
    return bytes
  }

  func keep(to offset: UInt64) throws {
    guard ftruncate(descriptor, Int(clamping: offset)) == 0 else { throw Self.failure(path) }
    position.withLock { $0 = offset }
  }

  func write(_ bytes: Bytes) throws {
    var done = 0
    let start = position.withLock { $0 }
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, Int(start) + done)
      }
      guard count > 0 else { throw Self.failure(path) }
      done += count
    }
    position.withLock { $0 = start + UInt64(bytes.count) }
  }

  /// Puts the whole file in its place.
  func finish() throws(IPFSClientError) {
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      throw Self.failure(path)
    }
  }

  /// Removes a temporary file that holds nothing worth going on with.
  func removeIfEmpty() {
    if position.withLock({ $0 }) == 0 { unlink(temporaryPath) }
  }

  private static func failure(_ path: String) -> IPFSClientError {
    .file(path: path, reason: String(cString: strerror(errno)))
  }
}
