public import Primitives

/// All nodes of a client and what is known of them. A machine: time is handed in.
public struct NodeBook: Sendable {
  private let kinds: [NodeKind]
  private let rule: HealthRule
  /// In the order of the configuration.
  public private(set) var records: [NodeRecord]

  /// Knows nothing yet of nodes of these kinds.
  public init(
    kinds: [NodeKind], health: HealthRule = HealthRule(),
    breaker: CircuitBreakerRule = CircuitBreakerRule()
  ) {
    self.kinds = kinds
    rule = health
    records = kinds.map { _ in NodeRecord(breaker) }
  }

  /// The health of a node.
  public func health(of node: Int) -> NodeHealth { rule.health(of: records[node]) }

  /// The nodes that may be asked now, the first choice first: nodes that are not unhealthy before
  /// others, then embedded before RPC before gateways, then by score, then by place in the
  /// configuration.
  public func order(for operation: OperationClass, at now: Tick) -> [Int] {
    let able = kinds.indices.filter {
      kinds[$0].can(operation) && records[$0].mayTry(operation, at: now)
    }
    let ranked = able.map { node in
      (node: node, rank: (health(of: node) == .unhealthy ? 1 : 0, kinds[node].rank))
    }
    return ranked.sorted { left, right in
      if left.rank != right.rank { return left.rank < right.rank }
      let (one, other) = (records[left.node].score.value, records[right.node].score.value)
      return one == other ? left.node < right.node : one > other
    }.map(\.node)
  }

  /// When the first of the nodes that asked to be left alone may be asked again.
  public func askedBackAt(_ operation: OperationClass) -> Tick? {
    kinds.indices.filter { kinds[$0].can(operation) }
      .compactMap { records[$0].askedBackAt(operation) }.min()
  }

  /// Asks to make a request.
  public mutating func begin(_ node: Int, _ operation: OperationClass, at now: Tick) -> Bool {
    records[node].begin(operation, at: now)
  }

  /// Notes how a request ended.
  public mutating func finish(
    _ node: Int, _ operation: OperationClass, _ outcome: NodeOutcome, latency: Duration,
    at now: Tick
  ) {
    records[node].finish(operation, outcome, latency: latency, at: now)
  }

  /// Notes a health probe.
  public mutating func noteProbe(
    _ node: Int, succeeded: Bool, latency: Duration, at now: Tick
  ) {
    records[node].noteProbe(succeeded: succeeded, latency: latency, at: now)
  }
}
