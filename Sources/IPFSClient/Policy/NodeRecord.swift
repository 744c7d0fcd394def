public import Primitives

/// How a request to a node ended, as far as the node's standing is concerned.
public enum NodeOutcome: Equatable, Sendable {
  /// It gave content that was checked, or did what was asked.
  case succeeded
  /// "I do not have it": an answer like any other.
  case missing
  /// No answer, or one that says the node cannot answer.
  case failed
  /// It asked to be left alone until later.
  case throttled(Duration)
  /// It gave content that is not what its CID names.
  case lied
  /// Nobody waited for the answer any more.
  case abandoned
}

/// What is known of one node. A machine: time is handed in.
public struct NodeRecord: Equatable, Sendable {
  /// How good it has been.
  public private(set) var score = NodeScore()
  /// Its last latencies of reads.
  public private(set) var readLatencies = LatencyWindow()
  /// Probes that failed since one went well.
  public private(set) var failedProbes = 0
  /// Until then it asked to be left alone (Retry-After).
  public private(set) var notBefore = Tick.zero
  private var breakers: [CircuitBreaker]

  /// A node that nothing is known of.
  public init(_ rule: CircuitBreakerRule = CircuitBreakerRule()) {
    breakers = OperationClass.allCases.map { _ in CircuitBreaker(rule) }
  }

  /// The breaker of a class of operations.
  public func breaker(for operation: OperationClass) -> CircuitBreaker {
    breakers[Self.index(operation)]
  }

  /// Whether a request may be made now.
  public func mayTry(_ operation: OperationClass, at now: Tick) -> Bool {
    now >= notBefore && breaker(for: operation).mayTry(at: now)
  }

  /// When a node that asked to be left alone may be asked again; nil where a breaker is in the way.
  public func askedBackAt(_ operation: OperationClass) -> Tick? {
    breaker(for: operation).mayTry(at: notBefore) ? notBefore : nil
  }

  /// Asks to make a request.
  public mutating func begin(_ operation: OperationClass, at now: Tick) -> Bool {
    guard now >= notBefore else { return false }
    return breakers[Self.index(operation)].begin(at: now)
  }

  /// Notes how a request ended.
  public mutating func finish(
    _ operation: OperationClass, _ outcome: NodeOutcome, latency: Duration, at now: Tick
  ) {
    let index = Self.index(operation)
    switch outcome {
    case .succeeded, .missing:
      breakers[index].succeeded()
      score.noteAnswer(latency: latency)
      if operation == .read { readLatencies.note(latency) }
      if outcome == .succeeded { score.noteVerified() }
    case .failed:
      breakers[index].failed(at: now)
      score.noteFailure()
    case .throttled(let wait):
      // It said when to come back, so this is no fault; a probe is still owed.
      breakers[index].abandoned(at: now)
      notBefore = max(notBefore, now.advanced(by: wait))
    case .lied:
      breakers[index].failed(at: now)
      score.noteLie()
    case .abandoned: breakers[index].abandoned(at: now)
    }
  }

  /// Notes a health probe, which waits for no breaker: one that went well lets the next request
  /// through open ones.
  public mutating func noteProbe(succeeded: Bool, latency: Duration, at now: Tick) {
    if succeeded {
      failedProbes = 0
      score.noteAnswer(latency: latency)
      for index in breakers.indices { breakers[index].hasten(to: now) }
    } else {
      failedProbes += 1
      score.noteFailure()
    }
  }

  private static func index(_ operation: OperationClass) -> Int {
    switch operation {
    case .read: 0
    case .stream: 1
    case .write: 2
    case .pin: 3
    }
  }
}
