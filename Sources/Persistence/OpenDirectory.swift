import Glibc
import Primitives

/// An open directory whose entries are reached by name alone: never through a link, never above it.
package final class OpenDirectory: Sendable {
  private static let targetByteCountMax = Int(PATH_MAX)

  fileprivate let descriptor: Int32
  /// The path it was opened by, for messages.
  let path: String

  /// Takes over an open descriptor.
  init(_ descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  /// The path of an entry, for messages.
  func path(of name: Bytes) -> String { "\(path)/\(String(decoding: name, as: UTF8.self))" }

  /// The names in the order of their bytes, those that begin with a period only if asked for.
  func names(hidden: Bool) throws(BlockStoreError) -> [Bytes] {
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else { throw .failed("listing", path, errno) }
    defer { closedir(stream) }
    var names: [Bytes] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else { break }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Bytes($0.prefix { $0 != 0 }) }
      if name == [UInt8(ascii: ".")] || name == Bytes("..".utf8) { continue }
      if !hidden, name.first == UInt8(ascii: ".") { continue }
      guard names.count < ContentTreeLimits.entriesMax else {
        throw .treeTooLarge(path: path, limit: ContentTreeLimits.entriesMax)
      }
      names.append(name)
    }
    guard errno == 0 else { throw .failed("listing", path, errno) }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// What an entry is; a link is not followed.
  func status(of name: Bytes) throws(BlockStoreError) -> stat {
    var status = stat()
    let result = withText(name) { fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
    guard result == 0 else { throw .failed("stat", path(of: name), errno) }
    return status
  }

  /// Opens an entry that is no link; never waits for the other end of a pipe.
  func open(_ name: Bytes, _ flags: Int32, path: String) throws(BlockStoreError) -> Int32 {
    let flags = flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
    let opened = withText(name) { openat(descriptor, $0, flags) }
    guard opened >= 0 else { throw .failed("opening", path, errno) }
    return opened
  }

  /// Where a link points to.
  func target(of name: Bytes) throws(BlockStoreError) -> Bytes {
    var buffer = [CChar](repeating: 0, count: Self.targetByteCountMax)
    let count = withText(name) { readlinkat(descriptor, $0, &buffer, buffer.count) }
    guard count >= 0 else { throw .failed("reading", path(of: name), errno) }
    return buffer.prefix(count).map { UInt8(bitPattern: $0) }
  }

  // MARK: - Writing

  /// Creates a file that was not there.
  func create(_ name: Bytes) throws(BlockStoreError) -> Int32 {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let opened = withText(name) { openat(descriptor, $0, flags, 0o644) }
    guard opened >= 0 else { throw .failed("creation", path(of: name), errno) }
    return opened
  }

  /// Creates a directory that was not there, and opens it.
  func createDirectory(_ name: Bytes) throws(BlockStoreError) -> OpenDirectory {
    let path = path(of: name)
    guard withText(name, { mkdirat(descriptor, $0, 0o755) }) == 0 else {
      throw .failed("creation", path, errno)
    }
    return OpenDirectory(try open(name, O_RDONLY | O_DIRECTORY, path: path), path: path)
  }

  /// Creates a link that was not there; what it points to is not looked at.
  func createLink(_ name: Bytes, to target: Bytes) throws(BlockStoreError) {
    let result = withText(name) { name in
      withText(target) { symlinkat($0, descriptor, name) }
    }
    guard result == 0 else { throw .failed("creation", path(of: name), errno) }
  }

  /// Makes the names durable.
  func synchronize() throws(BlockStoreError) {
    guard fsync(descriptor) == 0 else { throw .failed("sync", path, errno) }
  }

  fileprivate func withText<Result>(
    _ bytes: Bytes, _ body: (UnsafePointer<CChar>) -> Result
  ) -> Result {
    let text = bytes.map { CChar(bitPattern: $0) } + [0]
    return text.withUnsafeBufferPointer { body($0.baseAddress!) }
  }
}

extension OpenDirectory {
  /// Deletes a directory with everything in it, as far as that goes; links are not followed.
  package static func removeTree(_ path: String) {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    OpenDirectory(descriptor, path: path).removeAll()
    rmdir(path)
  }

  private func removeAll() {
    for name in (try? names(hidden: true)) ?? [] {
      let path = path(of: name)
      if let inside = try? open(name, O_RDONLY | O_DIRECTORY, path: path) {
        OpenDirectory(inside, path: path).removeAll()
        _ = withText(name) { unlinkat(descriptor, $0, AT_REMOVEDIR) }
      } else {
        _ = withText(name) { unlinkat(descriptor, $0, 0) }
      }
    }
  }
}
