internal import Networking
internal import Primitives
internal import Telemetry

/// What is counted of a gateway for Prometheus.
struct GatewayMetrics: Sendable {
  let registry: MetricsRegistry

  /// Labels are formats and statuses: their number is bounded.
  func count(format: String, status: HTTPStatus, seconds: Duration) {
    registry.counter(
      "martlet_gateway_requests_total", help: "Answered requests.",
      labels: ["format": format, "status": "\(status.code)"]
    ).increment()
    registry.histogram(
      "martlet_gateway_request_seconds", help: "From the request's head to the answer's head.",
      labels: ["format": format]
    ).observe(seconds / .seconds(1))
  }

  /// The bytes of bodies in one format.
  func bytes(_ format: String) -> Counter {
    registry.counter(
      "martlet_gateway_response_bytes_total", help: "Bytes of bodies.", labels: ["format": format])
  }
}
