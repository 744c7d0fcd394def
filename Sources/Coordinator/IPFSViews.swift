internal import IPFSClient
internal import Primitives

extension APIRoutes {
  /// The answer of PRSM's guide, field by field. A node counts as healthy when it can be used.
  static func healthView(_ report: HealthReport, _ figures: IPFSClientFigures) -> JSONValue {
    let latencies = report.nodes.compactMap(\.latencySeconds)
    let average = latencies.isEmpty ? 0 : latencies.reduce(0, +) / Double(latencies.count)
    return [
      "status": .string(report.status.rawValue),
      "nodes": [
        "total": JSONValue(report.nodes.count), "healthy": JSONValue(report.healthyCount),
        "unhealthy": JSONValue(report.nodes.count - report.healthyCount),
      ],
      "performance": [
        "avg_response_time": .number(average),
        "cache_hit_rate": .number(figures.cacheHitRate),
        "operations_per_second": .number(figures.operationsPerSecond),
      ],
    ]
  }

  /// One node as `martlet content nodes --json` shows it.
  static func nodeView(_ node: NodeStatus) -> JSONValue {
    [
      "node": .string(node.name), "url": .string(node.url), "kind": .string(node.kind.rawValue),
      "health": .string(node.health.rawValue), "healthy": .bool(node.isHealthy),
      "score": .number(node.score),
      "latency_seconds": node.latencySeconds.map { .number($0) } ?? .null,
      "lies": JSONValue(node.lies),
      "breakers": .object(
        node.breakers.map { .init($0.operation.rawValue, .string($0.state)) }),
      "version": node.version.map { .string($0) } ?? .null,
      "fault": node.fault.map { .string("\($0)") } ?? .null,
    ]
  }
}
