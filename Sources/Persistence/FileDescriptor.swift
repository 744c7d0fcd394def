import Glibc
import Primitives

/// An open file that is closed with its owner; each call reports its fault with the path.
final class FileDescriptor: Sendable {
  let number: Int32
  let path: String

  init(opening path: String, _ flags: Int32, mode: mode_t = 0o600) throws(FileError) {
    let number = open(path, flags | O_CLOEXEC, mode)
    guard number >= 0 else { throw .failed("opening", path, errno) }
    self.number = number
    self.path = path
  }

  deinit { close(number) }

  /// Writes all bytes at `offset`, through interruptions and short writes.
  func write(_ bytes: Bytes, at offset: Int) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        pwrite(number, $0.baseAddress! + done, bytes.count - done, off_t(offset + done))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .failed("writing", path, count == 0 ? ENOSPC : errno) }
      done += count
    }
  }

  /// Reads up to `count` bytes at `offset`; fewer only at the file's end.
  func read(_ count: Int, at offset: Int) throws(FileError) -> Bytes {
    var bytes = Bytes(repeating: 0, count: count)
    var done = 0
    while done < count {
      let got = bytes.withUnsafeMutableBytes {
        pread(number, $0.baseAddress! + done, count - done, off_t(offset + done))
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw .failed("reading", path, errno) }
      if got == 0 { break }
      done += got
    }
    if done < count { bytes.removeLast(count - done) }
    return bytes
  }

  func size() throws(FileError) -> Int {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw .failed("inspecting", path, errno) }
    return Int(status.st_size)
  }

  func truncate(to size: Int) throws(FileError) {
    guard ftruncate(number, off_t(size)) == 0 else { throw .failed("truncating", path, errno) }
  }

  /// Waits until data and length are on the disk.
  func synchronizeData() throws(FileError) {
    guard fdatasync(number) == 0 else { throw .failed("syncing", path, errno) }
  }

  /// Waits until everything is on the disk.
  func synchronize() throws(FileError) {
    guard fsync(number) == 0 else { throw .failed("syncing", path, errno) }
  }

  /// Keeps other processes out until this one closes the file or dies.
  func lockExclusively() throws(FileError) {
    guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
      if errno == EWOULDBLOCK { throw .locked(path: path) }
      throw .failed("locking", path, errno)
    }
  }

  /// Lets other processes in.
  func unlock() { flock(number, LOCK_UN) }

  /// Makes the names in the directory of `path` durable.
  static func synchronizeDirectory(of path: String) throws(FileError) {
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let name = directory.isEmpty ? "/" : directory
    try FileDescriptor(opening: name, O_RDONLY | O_DIRECTORY).synchronize()
  }
}
