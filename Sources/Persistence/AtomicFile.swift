public import Glibc
public import Primitives

/// Small files that are replaced as a whole: a crash leaves either the old or the new bytes.
///
/// For secrets and state of one process; the temporary name beside the file is overwritten.
public enum AtomicFile {
  /// Bytes of one file: keys, guards and genesis documents are far smaller.
  public static let byteCountMax = 16 << 20

  /// Writes beside `path`, syncs, renames and syncs the directory; acknowledged bytes stay.
  ///
  /// - Parameter isDurable: false leaves out both syncs, for what can be computed again: after a
  ///   loss of power the file may be missing or empty.
  public static func write(
    _ bytes: Bytes, to path: String, mode: mode_t = 0o600, byteCountMax: Int = Self.byteCountMax,
    isDurable: Bool = true
  ) throws(FileError) {
    guard bytes.count <= byteCountMax else {
      throw .tooLarge(path: path, size: bytes.count, limit: byteCountMax)
    }
    let temporary = path + ".new"
    // A left-over of a crash may have another mode.
    unlink(temporary)
    do throws(FileError) {
      let file = try FileDescriptor(
        opening: temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
      try file.write(bytes, at: 0)
      if isDurable { try file.synchronize() }
    } catch {
      unlink(temporary)
      throw error.renamed(to: path)
    }
    guard rename(temporary, path) == 0 else {
      let code = errno
      unlink(temporary)
      throw .failed("renaming", path, code)
    }
    if isDurable { try FileDescriptor.synchronizeDirectory(of: path) }
  }

  /// Forgets a file; one that is not there is as good.
  public static func remove(_ path: String) { unlink(path) }

  /// Reads a whole file; nil if it does not exist.
  public static func read(
    _ path: String, byteCountMax: Int = Self.byteCountMax
  ) throws(FileError) -> Bytes? {
    let file: FileDescriptor
    do throws(FileError) {
      file = try FileDescriptor(opening: path, O_RDONLY)
    } catch {
      if case .notFound = error { return nil }
      throw error
    }
    let size = try file.size()
    guard size <= byteCountMax else {
      throw .tooLarge(path: path, size: size, limit: byteCountMax)
    }
    return try file.read(size, at: 0)
  }
}

extension FileError {
  /// The same fault under the name that the caller knows.
  fileprivate func renamed(to path: String) -> FileError {
    switch self {
    case .diskFull: .diskFull(path: path)
    case .permissionDenied: .permissionDenied(path: path)
    case .notFound: .notFound(path: path)
    case .locked: .locked(path: path)
    case .damaged: .damaged(path: path)
    case .tooLarge(_, let size, let limit): .tooLarge(path: path, size: size, limit: limit)
    case .system(let operation, _, let code):
      .system(operation: operation, path: path, errno: code)
    }
  }
}
