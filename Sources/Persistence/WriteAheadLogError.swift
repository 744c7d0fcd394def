/// What one log accepts.
public enum WriteAheadLogLimits {
  /// Bytes of one record: the largest block with its certificate fits.
  public static let recordBytesMax = 4 << 20
  /// Bytes of one group: the longest tail that a crash can tear.
  public static let frameBytesMax = 8 << 20
  /// Records that wait for the disk; above that `append` throws `busy`.
  public static let waitingRecordsMax = 4_096
  /// Bytes that wait for the disk.
  public static let waitingBytesMax = 64 << 20
}

/// Why a log could not be opened or written.
public enum WriteAheadLogError: Error, Equatable, Sendable {
  /// The operating system said no.
  case file(FileError)
  /// The file is not a log of this format.
  case notALog(path: String)
  /// A frame is damaged and later ones are whole: acknowledged records would be lost.
  case corrupt(path: String, offset: Int)
  /// The record is larger than `recordBytesMax`, or empty.
  case recordSize(Int, limit: Int)
  /// Too much waits for the disk; nothing of the request was kept.
  case busy(waiting: Int)
  /// The log was closed, or stopped after a failed sync; open it again.
  case closed
}

extension WriteAheadLogError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .file(let error): error.description
    case .notALog(let path): "\(path) is not a log of this program"
    case .corrupt(let path, let offset): "\(path) is damaged at byte \(offset)"
    case .recordSize(let size, let limit): "a record has \(size) bytes, the limit is \(limit)"
    case .busy(let waiting): "\(waiting) records wait for the disk already"
    case .closed: "the log is closed"
    }
  }

  /// What to do next.
  public var hint: String {
    switch self {
    case .file(let error): error.hint
    case .notALog: "check the path"
    case .corrupt: "restore the file from a copy; it is refused so that nothing is lost silently"
    case .recordSize: "split the record"
    case .busy: "try again later"
    case .closed: "restart the process"
    }
  }
}

/// What opening a log found.
public struct WriteAheadLogRecovery: Equatable, Sendable {
  /// Whole records.
  public internal(set) var records: UInt64 = 0
  /// Bytes of an unacknowledged write that a crash tore; they were cut off.
  public internal(set) var tornBytes = 0
}

/// Where a record lies, for reading it again.
public struct WriteAheadLogLocation: Hashable, Sendable {
  /// The record's number, from 0.
  public let index: UInt64
  let offset: Int
  let byteCount: Int
}
