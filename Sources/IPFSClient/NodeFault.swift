public import ContentStore

/// Why a node did not do what it was asked.
public enum NodeFault: Error, Equatable, Sendable {
  /// It answered that it does not have the content.
  case missing
  /// No connection.
  case unreachable
  /// No answer in time, or silence in the middle of one.
  case timedOut
  /// It answered with an error.
  case refused(status: Int, message: String)
  /// It asked to be left alone (429 or 503 with Retry-After).
  case throttled(Duration)
  /// What it gave is not what the CID names.
  case lied(ContentError)
  /// Its answer is not of the form that its kind of node gives.
  case malformed(String)
  /// It is left alone after failures, or until the time it asked for.
  case resting
  /// The connection broke for another reason.
  case broken(String)
  /// This program has too much to do to ask it.
  case notAsked
  /// Nobody waits for its answer any more.
  case cancelled

  /// What this means for the node's standing.
  var outcome: NodeOutcome {
    switch self {
    case .missing: .missing
    case .unreachable, .timedOut, .refused, .malformed, .broken: .failed
    case .throttled(let wait): .throttled(wait)
    case .lied: .lied
    case .resting, .notAsked, .cancelled: .abandoned
    }
  }

  /// Whether the node did worse than it should: not having something is no failure.
  var isFailure: Bool {
    switch outcome {
    case .failed, .lied, .throttled: true
    case .succeeded, .missing, .abandoned: false
    }
  }
}

extension NodeFault: CustomStringConvertible {
  /// One lower-case phrase.
  public var description: String {
    switch self {
    case .missing: "does not have it"
    case .unreachable: "cannot be reached"
    case .timedOut: "did not answer in time"
    case .refused(let status, let message):
      message.isEmpty ? "answered \(status)" : "answered \(status): \(message)"
    case .throttled(let wait): "asked to be left alone for \(wait.components.seconds) s"
    case .lied(let error): "gave something else: \(error)"
    case .malformed(let reason): "gave an answer of another form: \(reason)"
    case .resting: "is left alone for a while after failures"
    case .broken(let reason): "broke off: \(reason)"
    case .notAsked: "was not asked, as too much is going on here"
    case .cancelled: "was not waited for"
    }
  }
}

/// Which node failed, and how.
public struct NodeFailure: Equatable, Sendable {
  /// The node's name.
  public let node: String
  /// What happened.
  public let fault: NodeFault
}
