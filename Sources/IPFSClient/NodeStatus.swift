internal import Primitives

/// How one node does.
public struct NodeStatus: Sendable {
  /// Its name in metrics and messages.
  public let name: String
  /// Where it is; `embedded` for one in this process.
  public let url: String
  /// How it is spoken to.
  public let kind: NodeKind
  /// Healthy, degraded or unhealthy.
  public let health: NodeHealth
  /// From 0 to 1: how good it has been.
  public let score: Double
  /// The average time of its answers; nil before the first.
  public let latencySeconds: Double?
  /// Answers that were not what their CID names.
  public let lies: Int
  /// The breaker of each class of operations that it does: `closed`, `open` or `half-open`.
  public let breakers: [(operation: OperationClass, state: String)]
  /// What it says of itself, where it was asked and tells it.
  public let version: String?
  /// Why the last probe failed.
  public let fault: NodeFault?

  /// The seed's field: whether it can be used.
  public var isHealthy: Bool { health != .unhealthy }
}

/// How all nodes do.
public struct HealthReport: Sendable {
  /// Healthy when every node is, unhealthy when none can be used, else degraded.
  public let status: NodeHealth
  /// One row a node, in the order of the configuration.
  public let nodes: [NodeStatus]
  /// Nodes that can be used.
  public var healthyCount: Int { nodes.count { $0.isHealthy } }

  /// Judges these nodes together.
  public init(nodes: [NodeStatus]) {
    self.nodes = nodes
    if nodes.allSatisfy({ $0.health == .healthy }), !nodes.isEmpty {
      status = .healthy
    } else {
      status = nodes.contains { $0.isHealthy } ? .degraded : .unhealthy
    }
  }
}
