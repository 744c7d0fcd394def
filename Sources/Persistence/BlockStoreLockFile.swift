import Glibc

/// The exclusive lock on a store's directory; the kernel drops it when the process dies.
final class BlockStoreLockFile: Sendable {
  private let descriptor: Int32

  /// Takes the lock and writes this process's id into the file, for whoever is refused.
  init(path: String) throws(BlockStoreError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .failed("opening", path, errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let holder = Self.holder(descriptor)
      close(descriptor)
      if code == EWOULDBLOCK { throw .locked(path: path, pid: holder) }
      throw .failed("locking", path, code)
    }
    self.descriptor = descriptor
    let text = Array("\(getpid())\n".utf8)
    // The id only serves a message: a full disk must not keep the store from being read.
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
  }

  deinit {
    // Closing alone would leave the lock with a process that is being started at this moment: until
    // it executes its program, it shares the open file.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  private static func holder(_ descriptor: Int32) -> Int32? {
    var buffer = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &buffer, buffer.count, 0)
    return Int32(
      String(decoding: buffer.prefix(max(0, count)).prefix { $0 != 0x0a }, as: UTF8.self))
  }
}
