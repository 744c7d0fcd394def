internal import Networking
internal import Primitives

/// Why a call to a coordinator failed.
public enum NetworkClientError: Error, Equatable, Sendable {
  /// The coordinator answered, and refused; `code` is stable.
  case refused(status: Int, code: String, message: String, hint: String)
  case unreachable(String)
  case timedOut(String)
  case cancelled
  /// What answered does not speak this interface.
  case invalidAnswer(reason: String)
  /// The connection ended in the middle of an answer.
  case broken(String)
  /// A local file could not be read or written.
  case file(operation: String, path: String, reason: String)

  /// The code that programs compare.
  public var code: String {
    switch self {
    case .refused(_, let code, _, _): code
    case .unreachable: "unreachable"
    case .timedOut: "timed_out"
    case .cancelled: "cancelled"
    case .invalidAnswer: "invalid_answer"
    case .broken: "broken_connection"
    case .file: "file_failed"
    }
  }

  /// The HTTP status, where there was an answer.
  public var status: Int? {
    if case .refused(let status, _, _, _) = self { status } else { nil }
  }

  /// The next step.
  public var hint: String {
    switch self {
    case .refused(_, _, _, let hint): hint
    case .unreachable: "start one with `martlet server start`, or name another with --server"
    case .timedOut: "try again, or look at the coordinator's log"
    case .cancelled: "start the command again"
    case .invalidAnswer: "check that the address is a coordinator's"
    case .broken: "try again"
    case .file: "check the path and the free space"
    }
  }
}

extension NetworkClientError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .refused(_, _, let message, _): message
    case .unreachable(let place): "no coordinator answers at \(place)"
    case .timedOut(let place): "the coordinator at \(place) did not answer in time"
    case .cancelled: "the call was cancelled"
    case .invalidAnswer(let reason): "the answer is not a coordinator's: \(reason)"
    case .broken(let reason): "the connection broke: \(reason)"
    case .file(let operation, let path, let reason): "\(operation) \(path) failed: \(reason)"
    }
  }
}

extension NetworkClientError {
  init(_ error: any Error, at place: String) {
    guard let error = error as? HTTPClientError else {
      self = error as? NetworkClientError ?? .broken("\(error)")
      return
    }
    switch error {
    case .unreachable: self = .unreachable(place)
    case .nameUnknown: self = .unreachable("\(place): the name is unknown")
    case .certificateRefused(let reason): self = .unreachable("\(place): \(reason)")
    case .timedOut: self = .timedOut(place)
    case .cancelled: self = .cancelled
    case .malformedURL(let url): self = .unreachable(url)
    case .responseTooLarge(let max): self = .invalidAnswer(reason: "it exceeds \(max) bytes")
    case .malformedResponse(let reason): self = .invalidAnswer(reason: reason)
    case .broken(let reason): self = .broken(reason)
    case .unavailable: self = .broken("libcurl does not start")
    }
  }

  /// The error in a body `{"code","message","hint"}`.
  init(status: Int, body: Bytes) {
    guard let document = try? JSONValue(parsing: body), let code = document["code"]?.text,
      let message = document["message"]?.text
    else {
      self = .invalidAnswer(reason: "status \(status) without a code")
      return
    }
    self = .refused(
      status: status, code: code, message: message, hint: document["hint"]?.text ?? "")
  }
}
