import Glibc

/// The exclusive lock on a store's directory; the kernel drops it when the process dies.
final class BlockStoreLockFile: Sendable {
  /// Room for a process id and the longest address that is written.
  private static let textByteCountMax = 512

  private let descriptor: Int32

  /// Takes the lock and writes this process's id, and where it answers, into the file, for whoever
  /// is refused.
  init(path: String, address: String?) throws(BlockStoreError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .failed("opening", path, errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let holder = Self.holder(descriptor)
      close(descriptor)
      guard code == EWOULDBLOCK else { throw .failed("locking", path, code) }
      throw .locked(path: path, pid: holder.pid, address: holder.address)
    }
    self.descriptor = descriptor
    write(address: address)
  }

  deinit {
    // Closing alone would leave the lock with a process that is being started at this moment: until
    // it executes its program, it shares the open file.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Writes where this process answers.
  func write(address: String?) {
    let address = address.map { $0 + "\n" } ?? ""
    let text = Array("\(getpid())\n\(address)".utf8.prefix(Self.textByteCountMax))
    // The text only serves a message: a full disk must not keep the store from being read.
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
  }

  private static func holder(_ descriptor: Int32) -> (pid: Int32?, address: String?) {
    var buffer = [UInt8](repeating: 0, count: textByteCountMax)
    let count = pread(descriptor, &buffer, buffer.count, 0)
    let lines = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
    return (
      lines.first.flatMap { Int32($0) }, lines.count > 1 ? String(lines[1]) : nil
    )
  }
}
