/// Owned bytes; the one byte container of every module.
public typealias Bytes = [UInt8]

/// Why foreign bytes or text were refused. `what` names the thing that was read.
public enum DecodingFailure: Error, Equatable, Sendable {
  case truncated(what: String)
  case malformed(what: String, reason: String)
  case tooLarge(what: String, size: Int, limit: Int)
  case trailingBytes(what: String, count: Int)
  case missingField(String)
  case unknownField(String)
}

extension DecodingFailure: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .truncated(let what): "\(what) ends too early"
    case .malformed(let what, let reason): "\(what) is malformed: \(reason)"
    case .tooLarge(let what, let size, let limit):
      "\(what) has \(size) bytes or entries, the limit is \(limit)"
    case .trailingBytes(let what, let count): "\(count) bytes follow the end of \(what)"
    case .missingField(let name): "the field `\(name)` is missing"
    case .unknownField(let name): "the field `\(name)` is unknown"
    }
  }
}
