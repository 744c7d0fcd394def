public import ContentStore
public import Cryptography
import Glibc

/// Why a block could not be stored or read.
public enum BlockStoreError: Error, Equatable, Sendable {
  /// Another process has the store open.
  case locked(path: String, pid: Int32?, address: String?)
  /// The file system has no room; nothing of the request was kept.
  case diskFull(path: String)
  /// The file permissions forbid it.
  case permissionDenied(path: String)
  /// A system call failed for another reason.
  case system(operation: String, path: String, errno: Int32)
  /// The index failed; `code` is LMDB's.
  case index(operation: String, code: Int32)
  /// The files were written by a version of the format that this program does not know.
  case unsupportedFormat(path: String)
  /// The path names no regular file.
  case notAFile(path: String)
  /// The directory has more entries, or goes deeper, than the limit.
  case treeTooLarge(path: String, limit: Int)
  /// A directory is to be written where something is already.
  case exists(path: String)
  /// The store does not have the block.
  case notFound(Digest)
  /// The stored bytes no longer have their digest.
  case corrupt(Digest)
  /// The bytes handed in do not have the digest they were given.
  case digestMismatch(Digest)
  /// The block is larger than any peer would accept.
  case blockTooLarge(size: Int, limit: Int)
  /// A pin holds the block.
  case inUse(Digest)
  /// A pin gave back a reference that nobody held.
  case notReferenced(Digest)
  /// The content has no pin of this kind.
  case notPinned(CID)
  /// The content is pinned with everything below it, which a direct pin would only lessen.
  case pinnedRecursively(CID)
  /// The name of a pin is too long.
  case pinNameTooLong(size: Int, limit: Int)
  /// There is more below the pin than one pin may hold.
  case pinTooLarge(CID, limit: Int)
  /// Another collection runs.
  case collectionRunning
  /// Too many requests wait; try again.
  case busy(waiting: Int)
  /// The store was closed, or stopped after a failed sync; open it again.
  case closed

  /// Maps the errno of a failed call.
  static func failed(_ operation: String, _ path: String, _ code: Int32) -> BlockStoreError {
    switch code {
    case ENOSPC, EDQUOT: .diskFull(path: path)
    case EACCES, EPERM, EROFS: .permissionDenied(path: path)
    default: .system(operation: operation, path: path, errno: code)
    }
  }
}

extension BlockStoreError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .locked(let path, let pid, let address):
      "the block store \(path) is open in \(pid.map { "process \($0)" } ?? "another process")"
        + (address.map { ", which answers at \($0)" } ?? "")
    case .diskFull(let path): "no space is left for \(path)"
    case .permissionDenied(let path): "permission denied for \(path)"
    case .system(let operation, let path, let code):
      "\(operation) of \(path) failed: \(String(cString: strerror(code)))"
    case .index(let operation, let code): "the block index failed to \(operation) (LMDB \(code))"
    case .unsupportedFormat(let path): "\(path) has a format this version does not know"
    case .notAFile(let path): "\(path) is not a regular file"
    case .treeTooLarge(let path, let limit): "the tree at \(path) exceeds the limit of \(limit)"
    case .exists(let path): "\(path) is there already"
    case .notFound(let digest): "the block \(digest.hex) is not stored here"
    case .corrupt(let digest): "the stored block \(digest.hex) is damaged"
    case .digestMismatch(let digest): "the bytes do not have the digest \(digest.hex)"
    case .blockTooLarge(let size, let limit): "a block of \(size) bytes exceeds \(limit)"
    case .inUse(let digest): "a pin holds the block \(digest.hex)"
    case .notReferenced(let digest): "nobody holds a reference to \(digest.hex)"
    case .notPinned(let cid): "\(cid) is not pinned"
    case .pinnedRecursively(let cid): "\(cid) is pinned recursively already"
    case .pinNameTooLong(let size, let limit): "a pin's name of \(size) bytes exceeds \(limit)"
    case .pinTooLarge(let cid, let limit): "there are more than \(limit) blocks below \(cid)"
    case .collectionRunning: "another collection of this store runs"
    case .busy(let waiting): "\(waiting) requests already wait for the block store"
    case .closed: "the block store is closed"
    }
  }
}
