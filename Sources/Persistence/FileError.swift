import Glibc

/// Why a file could not be read or written: the fact, and the path to look at.
public enum FileError: Error, Equatable, Sendable {
  /// The file system or the quota has no room.
  case diskFull(path: String)
  /// The file permissions, or a read-only file system, forbid it.
  case permissionDenied(path: String)
  /// There is no such file or directory.
  case notFound(path: String)
  /// Another process has the file open.
  case locked(path: String)
  /// The file is longer than anything this program writes there.
  case tooLarge(path: String, size: Int, limit: Int)
  /// The file holds something else than what was written.
  case damaged(path: String)
  /// A system call failed for another reason.
  case system(operation: String, path: String, errno: Int32)

  /// Maps the errno of a failed call.
  static func failed(_ operation: String, _ path: String, _ code: Int32) -> FileError {
    switch code {
    case ENOSPC, EDQUOT, EFBIG: .diskFull(path: path)
    case EACCES, EPERM, EROFS: .permissionDenied(path: path)
    case ENOENT, ENOTDIR: .notFound(path: path)
    default: .system(operation: operation, path: path, errno: code)
    }
  }
}

extension FileError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .diskFull(let path): "no space is left for \(path)"
    case .permissionDenied(let path): "permission denied for \(path)"
    case .notFound(let path): "\(path) does not exist"
    case .locked(let path): "\(path) is open in another process"
    case .tooLarge(let path, let size, let limit):
      "\(path) has \(size) bytes, the limit is \(limit)"
    case .damaged(let path): "\(path) is damaged"
    case .system(let operation, let path, let code):
      "\(operation) \(path) failed: \(String(cString: strerror(code)))"
    }
  }

  /// What to do next.
  public var hint: String {
    switch self {
    case .diskFull: "free some space, then start again; nothing that was acknowledged is lost"
    case .permissionDenied: "check the owner and mode of the file and its directory"
    case .notFound: "check the path"
    case .locked: "stop the other process, or use another home directory"
    case .tooLarge: "this is not a file of ours; check the path"
    case .damaged: "restore it from a backup"
    case .system: "see the system's log"
    }
  }
}
