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
    // The closure may not throw a typed error through the array.
    let done = try bytes.withUnsafeMutableBytes { target in
      Result { () throws(FileError) -> Int in try read(into: target, at: offset) }
    }.get()
    if done < count { bytes.removeLast(count - done) }
    return bytes
  }

  /// Fills `target` from `offset` on; returns how many bytes there were.
  func read(
    into target: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(FileError) -> Int {
    var done = 0
    while done < target.count {
      guard let base = target.baseAddress else { break }
      let got = pread(number, base + done, target.count - done, off_t(offset + done))
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw .failed("reading", path, errno) }
      if got == 0 { break }
      done += got
    }
    return done
  }

  func size() throws(FileError) -> Int { Int(try status().st_size) }

  /// Whether it is a file with bytes of its own, not a directory, pipe or device.
  func isRegular() throws(FileError) -> Bool { try status().st_mode & S_IFMT == S_IFREG }

  private func status() throws(FileError) -> stat {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw .failed("inspecting", path, errno) }
    return status
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
