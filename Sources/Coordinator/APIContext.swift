internal import Networking
internal import Primitives
internal import Telemetry

/// What every route needs: the coordinator, and the gate before it.
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
  let log: Log
  /// The coordinator's own, as text: base58 is too slow to be made at each request.
  let peerID: String

  /// Finds the routes for requests through `door`.
  func router(for door: Door) -> HTTPRouter {
    var router = HTTPRouter(
      notFound: { APIError.unknownRoute($0.path).response },
      methodNotAllowed: { APIError.wrongMethod($0.method.name).response })
    for route in APIRoutes.all {
      let figures = metrics.figures(of: route)
      router.on(route.method, route.path) { request, parameters in
        await answer(request, parameters, by: route, counting: figures, through: door)
      }
    }
    return router
  }

  /// Every failure becomes a status, a code and a hint.
  private func answer(
    _ request: HTTPRequest, _ parameters: HTTPPathParameters, by route: APIRoute,
    counting figures: APIMetrics.OfRoute, through door: Door
  ) async -> HTTPResponse {
    let began = ContinuousClock.now  // the loop reads its own only once a turn
    let response: HTTPResponse
    do {
      try await gate.admit(request, to: route, through: door)
      let call = APICall(request: request, context: self, parameters: parameters)
      response = try await route.handle(call)
    } catch {
      let failure = APIError(describing: error)
      // Other servers' failures are in the figures about them.
      if failure.status.code >= 500, failure.status != .badGateway {
        log(
          .error, "a request failed",
          ["route": route.path, "code": failure.code, "error": "\(error)"])
      }
      response = failure.response
    }
    metrics.count(
      route, figures, status: response.status,
      seconds: (ContinuousClock.now - began) / .seconds(1))
    return response
  }

  /// A page of another site must not reach us under its own name (DNS rebinding).
  static func refusal(of request: HTTPRequest, by hosts: HTTPHostPolicy) -> HTTPResponse? {
    guard let refusal = hosts.refusal(of: request) else { return nil }
    var reason = "this server does not answer to this host or origin"
    if case .bytes(let bytes) = refusal.body {
      reason = String(decoding: bytes.filter { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
    return APIError(
      .forbidden, "foreign_host", reason,
      hint: "use the server's address, or start it with the name it is known by"
    ).response
  }
}
