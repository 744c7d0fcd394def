/// How a node does, in the words of `docs/specs/ipfs-client.md`.
public enum NodeHealth: String, Sendable, CaseIterable {
  case healthy
  case degraded
  case unhealthy
}

/// The rule by which a node is healthy, degraded or unhealthy.
public struct HealthRule: Equatable, Sendable {
  /// So many failed probes in a row make a node unhealthy.
  public var failedProbesMax = 3
  /// A node with less trust has lied lately; nobody should be sent to it.
  public var trustMin = 0.5
  /// A healthy node answers at least this share.
  public var successMin = 0.9
  /// A healthy node answers within this time on average.
  public var latencySecondsMax = 2.0

  /// The usual rule.
  public init() {}

  /// Unhealthy: `failedProbesMax` failed probes in a row (one where it never answered yet), trust
  /// below `trustMin`, or a breaker for reading that is not closed. Degraded: not yet heard from,
  /// the last probe failed, another breaker is not closed, success below `successMin`, or slower
  /// than `latencySecondsMax`.
  public func health(of node: NodeRecord) -> NodeHealth {
    let isReadingStopped = node.breaker(for: .read).state != .closed
    let isNeverHeard = node.score.latencySeconds == nil && node.failedProbes > 0
    if isNeverHeard || node.failedProbes >= failedProbesMax || node.score.trust < trustMin
      || isReadingStopped
    {
      return .unhealthy
    }
    let areBreakersClosed = OperationClass.allCases.allSatisfy {
      node.breaker(for: $0).state == .closed
    }
    guard let latency = node.score.latencySeconds, latency <= latencySecondsMax,
      node.failedProbes == 0, areBreakersClosed, node.score.success >= successMin
    else { return .degraded }
    return .healthy
  }
}
