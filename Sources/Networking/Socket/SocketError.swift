internal import Glibc

/// Why a socket operation did not succeed.
package enum SocketError: Error, Equatable {
  case addressInUse(String)
  case permissionDenied(String)
  case addressInvalid(String)
  case refused(String)
  case unreachable(String)
  case nameUnknown(String)
  case timedOut
  case closed
  case reset
  case cancelled
  case tooManyDescriptors
  case system(call: String, code: Int32)

  /// `result` when it is not negative, else the error that the negated errno means.
  static func checked(_ result: Int32, _ call: String, _ subject: String = "")
    throws(SocketError) -> Int32
  {
    guard result < 0 else { return result }
    throw SocketError(code: -result, call: call, subject: subject)
  }

  init(code: Int32, call: String, subject: String = "") {
    self =
      switch code {
      case EADDRINUSE: .addressInUse(subject)
      case EACCES, EPERM: .permissionDenied(subject)
      case EINVAL, EADDRNOTAVAIL, ENAMETOOLONG, ENOENT, ENOTDIR: .addressInvalid(subject)
      case ECONNREFUSED: .refused(subject)
      case ENETUNREACH, EHOSTUNREACH: .unreachable(subject)
      case ETIMEDOUT: .timedOut
      case ECONNRESET, EPIPE: .reset
      case EMFILE, ENFILE: .tooManyDescriptors
      default: .system(call: call, code: code)
      }
  }
}

extension SocketError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .addressInUse(let subject): "\(subject) is in use"
    case .permissionDenied(let subject): "no permission for \(subject)"
    case .addressInvalid(let subject): "\(subject) is not an address of this machine"
    case .refused(let subject): "\(subject) refused the connection"
    case .unreachable(let subject): "\(subject) is unreachable"
    case .nameUnknown(let subject): "no address is known for \(subject)"
    case .timedOut: "the deadline has passed"
    case .closed: "the socket is closed"
    case .reset: "the other side reset the connection"
    case .cancelled: "the operation was cancelled"
    case .tooManyDescriptors: "the process has too many open files"
    case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
    }
  }
}
