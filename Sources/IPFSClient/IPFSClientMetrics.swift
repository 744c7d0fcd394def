internal import Telemetry

/// The figures of a client, under the names of PRSM's guide and a few more.
struct IPFSClientMetrics: Sendable {
  /// What is counted and timed.
  enum Operation: String, CaseIterable { case upload, download, block, pin, unpin, health }

  /// From a kibibyte to a gibibyte, in steps of eight.
  private static let sizeBounds: [Double] = (0...7).map { Double(1_024 << ($0 * 3)) }
  /// A download may take minutes, so the usual bounds go on.
  private static let secondsBounds = Histogram.secondsBounds + [30, 60, 120, 300, 600]

  private let registry: MetricsRegistry
  let cacheHits: Counter
  let cacheMisses: Counter
  let hedges: Counter

  init(_ registry: MetricsRegistry) {
    self.registry = registry
    cacheHits = registry.counter("ipfs_cache_hits_total", help: "Blocks that the cache had.")
    cacheMisses = registry.counter(
      "ipfs_cache_misses_total", help: "Blocks that the cache did not have.")
    hedges = registry.counter(
      "ipfs_hedged_requests_total", help: "Reads that were asked of a second node because of time.")
    // Figures that are there from the start begin at 0: a rate over them misses no first event.
    for operation in Operation.allCases {
      for succeeded in [true, false] { _ = ended(operation, succeeded: succeeded) }
      _ = seconds(operation)
    }
    for operation in OperationClass.allCases { _ = retries(operation) }
    setCacheBytes(0)
    setPinsQueued(0)
  }

  func note(_ operation: Operation, succeeded: Bool, seconds: Double, size: UInt64?) {
    ended(operation, succeeded: succeeded).increment()
    self.seconds(operation).observe(seconds)
    guard let size else { return }
    registry.histogram(
      "ipfs_content_size_bytes", help: "How large the content of operations was.",
      bounds: Self.sizeBounds, labels: ["operation": operation.rawValue]
    ).observe(Double(size))
  }

  private func ended(_ operation: Operation, succeeded: Bool) -> Counter {
    registry.counter(
      "ipfs_operations_total", help: "Operations by how they ended.",
      labels: ["operation": operation.rawValue, "status": succeeded ? "success" : "error"])
  }

  private func seconds(_ operation: Operation) -> Histogram {
    registry.histogram(
      "ipfs_operation_duration_seconds", help: "How long operations took.",
      bounds: Self.secondsBounds, labels: ["operation": operation.rawValue])
  }

  func noteRetry(_ operation: OperationClass) { retries(operation).increment() }

  private func retries(_ operation: OperationClass) -> Counter {
    registry.counter(
      "ipfs_retries_total", help: "Passes over the nodes beyond the first.",
      labels: ["operation": operation.rawValue])
  }

  func noteFailure(node: String, _ fault: NodeFault) {
    registry.counter(
      "ipfs_node_failures_total", help: "Requests to a node that failed, and why.",
      labels: ["node": node, "reason": fault.word]
    ).increment()
  }

  func setHealth(_ health: NodeHealth, node: String) {
    let value =
      switch health {
      case .healthy: 1.0
      case .degraded: 0.5
      case .unhealthy: 0.0
      }
    registry.gauge(
      "ipfs_node_health", help: "IPFS node health (0=unhealthy, 0.5=degraded, 1=healthy).",
      labels: ["node": node]
    ).set(value)
  }

  func setCacheBytes(_ count: Int) {
    registry.gauge("ipfs_cache_bytes", help: "Bytes that the cache holds.").set(Double(count))
  }

  func setPinsQueued(_ count: Int) {
    registry.gauge("ipfs_pins_queued", help: "Pins that wait for a node.").set(Double(count))
  }
}

extension NodeFault {
  /// One word for a label.
  var word: String {
    switch self {
    case .missing: "missing"
    case .unreachable: "unreachable"
    case .timedOut: "timeout"
    case .refused: "refused"
    case .throttled: "throttled"
    case .lied: "lied"
    case .malformed: "malformed"
    case .resting: "resting"
    case .broken: "broken"
    case .notAsked: "not-asked"
    case .cancelled: "cancelled"
    }
  }
}
