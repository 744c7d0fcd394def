internal import Networking
internal import Primitives
internal import Telemetry

/// What every route needs: the coordinator, the gate before it, and the table of routes.
struct APIContext: Sendable {
  /// Which door a request came through; only the listener knows, the address can be missing.
  enum Door: Sendable {
    /// The socket file in the home directory: its mode has checked the user.
    case localSocket
    case network
  }

  let coordinator: CoordinatorServer
  let gate: APIGate
  let metrics: APIMetrics
  let settings: APISettings
  let hosts: HTTPHostPolicy
  let log: Log

  /// Answers a request; every failure becomes a status, a code and a hint.
  func answer(_ request: HTTPRequest, through door: Door) async -> HTTPResponse {
    let began = coordinator.loop.now
    var route: APIRoute?
    let response: HTTPResponse
    do {
      if case .network = door { try checkHost(of: request) }
      let (found, parameters) = try Self.find(request)
      route = found
      try await gate.admit(request, to: found, through: door)
      let call = APICall(request: request, context: self, parameters: parameters)
      response = try await found.handle(call)
    } catch {
      let failure = APIError(describing: error)
      if failure.status.code >= 500 {
        log(
          .error, "a request failed",
          ["route": route?.path.text ?? "-", "code": failure.code, "error": "\(error)"])
      }
      response = failure.response
    }
    metrics.count(
      request, route: route, status: response.status,
      seconds: coordinator.loop.now.duration(since: began) / .seconds(1))
    return response
  }

  /// A page of another site must not reach us under its own name (DNS rebinding).
  private func checkHost(of request: HTTPRequest) throws(APIError) {
    guard let refusal = hosts.refusal(of: request) else { return }
    var reason = "this server does not answer to this host or origin"
    if case .bytes(let bytes) = refusal.body {
      reason = String(decoding: bytes.filter { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
    throw APIError(
      .forbidden, "foreign_host", reason,
      hint: "use the server's address, or start it with the name it is known by")
  }

  private static func find(
    _ request: HTTPRequest
  ) throws(APIError) -> (APIRoute, [String: String]) {
    let parts = request.path.utf8.split(separator: UInt8(ascii: "/")).compactMap {
      HTTPPercent.decode($0)
    }
    let wanted: HTTPMethod = request.method == .head ? .get : request.method
    var others: [String] = []
    for route in APIRoutes.all {
      guard let parameters = route.path.match(parts) else { continue }
      if route.method == wanted { return (route, parameters) }
      others.append(route.method.name)
    }
    guard others.isEmpty else { throw .wrongMethod(request.method.name, allow: others) }
    throw .unknownRoute(request.path)
  }
}
