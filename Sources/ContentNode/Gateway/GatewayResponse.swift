internal import Networking
internal import Primitives
internal import Telemetry

/// What a gateway answers, before its body is counted and given a limit of time.
struct GatewayResponse: Sendable {
  typealias Producer = @Sendable (GatewayWriter) async throws -> Void

  enum Body: Sendable {
    case bytes(Bytes)
    case stream(length: Int? = nil, Producer)
  }

  var status = HTTPStatus.ok
  var headers: HTTPHeaders = [:]
  var body = Body.bytes([])

  /// Leads the client elsewhere on this server.
  static func redirect(_ status: HTTPStatus, to location: String) -> GatewayResponse {
    GatewayResponse(status: status, headers: ["Location": location])
  }
}

/// Writes one streamed body, counts it, and ends it when its time is over.
struct GatewayWriter: Sendable {
  let writer: HTTPBodyWriter
  let loop: EventLoop
  let deadline: Tick
  let written: Counter

  func write(_ bytes: Bytes) async throws {
    guard loop.now < deadline else { throw GatewayError.tooSlow }
    try await writer.write(bytes)
    written.increment(by: UInt64(bytes.count))
  }
}
