internal import Networking
internal import Primitives

extension APIRoutes {
  private static func metricsOperation(_ id: String) -> APIOperation {
    APIOperation(
      id: id, tag: "system", summary: "Figures in the Prometheus text format",
      answer: .init(mediaType: "text/plain", schema: nil))
  }

  static let system: [APIRoute] = [
    APIRoute(
      .get, base + "/health", .open,
      APIOperation(
        id: "getHealth", tag: "system", summary: "Whether the server works",
        answer: .json("Health"))
    ) { call in
      call.coordinator.healthAnswer(peerID: call.context.peerID)
    },
    APIRoute(.get, "/metrics", .read, metricsOperation("scrapeMetrics"), handle: metrics),
    APIRoute(.get, base + "/metrics", .read, metricsOperation("getMetrics"), handle: metrics),
    APIRoute(
      .get, base + "/openapi.json", .open,
      APIOperation(
        id: "getOpenAPI", tag: "system", summary: "This document",
        answer: .init(mediaType: "application/json", schema: nil))
    ) { _ in
      .json(OpenAPIDocument.json)
    },
    APIRoute(
      .post, base + "/login", .open,
      APIOperation(
        id: "logIn", tag: "system", summary: "Takes a one-time token and sets the browser's cookie",
        body: .json("Login"), answer: .json("LoginResult"), errors: [400, 413, 415, 422]),
      handle: logIn),
  ]

  private static func metrics(_ call: APICall) async throws -> HTTPResponse {
    HTTPResponse(
      status: .ok,
      headers: [
        "Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store",
      ],
      body: .bytes(Bytes(await call.context.metrics.text(of: call.coordinator).utf8)))
  }

  private static func logIn(_ call: APICall) async throws -> HTTPResponse {
    let document = try await call.json()
    for member in document.members ?? [] where member.name != "token" {
      throw DecodingFailure.unknownField(member.name)
    }
    guard let token = document["token"]?.text else {
      throw DecodingFailure.missingField("token")
    }
    let (secret, lifetime) = try await call.context.gate.logIn(token: token)
    let seconds = Int(lifetime / .seconds(1))
    var response = HTTPResponse.json(["expires_in_seconds": JSONValue(seconds)])
    let secure = call.request.isEncrypted ? "; Secure" : ""
    response.headers.append(
      "Set-Cookie",
      "\(APIGate.cookieName)=\(secret); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict"
        + secure)
    return response
  }
}
