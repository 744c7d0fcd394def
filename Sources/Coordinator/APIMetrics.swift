internal import Consensus
internal import Ledger
internal import Networking
internal import Orchestration
internal import Primitives
internal import Telemetry

/// What is counted for Prometheus.
struct APIMetrics: Sendable {
  private let registry = MetricsRegistry()

  /// The figures of one route, looked up once and not at each request.
  struct OfRoute: Sendable {
    let seconds: Histogram
    let success: Counter
  }

  func figures(of route: APIRoute) -> OfRoute {
    OfRoute(
      seconds: registry.histogram(
        "martlet_http_request_seconds", help: "From the request's head to the answer's head.",
        labels: ["route": route.path]),
      success: counter(route, status: route.operation.status))
  }

  /// Labels are route patterns, never paths: their number is bounded.
  private func counter(_ route: APIRoute, status: Int) -> Counter {
    registry.counter(
      "martlet_http_requests_total", help: "Answered requests.",
      labels: ["method": route.method.name, "route": route.path, "status": "\(status)"])
  }

  /// Counts one answered request.
  func count(_ route: APIRoute, _ figures: OfRoute, status: HTTPStatus, seconds: Double) {
    figures.seconds.observe(seconds)
    let isSuccess = status.code == route.operation.status
    (isSuccess ? figures.success : counter(route, status: status.code)).increment()
  }

  /// All figures now.
  func text(of coordinator: CoordinatorServer) async -> String {
    for figure in await coordinator.figures {
      registry.gauge(figure.name, help: figure.help).set(figure.value)
    }
    await coordinator.ipfs.noteStore(on: coordinator.disk)
    // No name is in both.
    return registry.prometheusText() + coordinator.ipfs.registry.prometheusText()
  }
}

/// One number about the coordinator.
struct CoordinatorFigure: Sendable {
  let name: String
  let help: String
  let value: Double
}

extension CoordinatorServer {
  var figures: [CoordinatorFigure] {
    let running = sessions.values.count {
      ["running", "recruiting", "paused"].contains($0.stateName)
    }
    let uptime = loop.now.duration(since: startedAt) / .seconds(1)
    return [
      .init(
        name: "martlet_ledger_height", help: "The newest block followed.",
        value: Double(chain.state.chain.height)),
      .init(
        name: "martlet_ledger_accounts", help: "Accounts on the ledger.",
        value: Double(chain.state.accounts.count)),
      .init(
        name: "martlet_ledger_pending_transactions", help: "Transactions that no block holds yet.",
        value: Double(pending.waiting.count)),
      .init(
        name: "martlet_nodes_connected", help: "Nodes connected now.", value: Double(nodes.count)),
      .init(
        name: "martlet_sessions_total", help: "Sessions ever ordered.",
        value: Double(sessionOrder.count)),
      .init(name: "martlet_sessions_running", help: "Sessions under way.", value: Double(running)),
      .init(
        name: "martlet_disputes_open", help: "Disputes over rejected updates that are not over.",
        value: Double(disputes.underWay + disputes.waiting.count)),
      .init(
        name: "martlet_disputes_settled_total", help: "Disputes over rejected updates that ended.",
        value: Double(rulings.count)),
      .init(
        name: "martlet_disputes_validator_wrong_total",
        help: "Disputes that found the validator wrong.",
        value: Double(rulings.count(where: \.isValidatorWrong))),
      .init(name: "martlet_uptime_seconds", help: "Seconds since the start.", value: uptime),
    ]
  }
}
