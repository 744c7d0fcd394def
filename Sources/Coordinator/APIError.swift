package import Networking
package import Primitives

/// What a REST client is told when something cannot be done: a status, a stable code for programs,
/// the fact and the next step for people.
package struct APIError: Error, Equatable {
  /// The HTTP status.
  package let status: HTTPStatus
  /// Snake case; never changes once published.
  package let code: String
  /// One lower-case sentence.
  package let message: String
  /// The next step.
  package let hint: String
  /// When to try again, for 429 and 503.
  package var retryAfter: Duration?

  /// Collects the parts.
  package init(_ status: HTTPStatus, _ code: String, _ message: String, hint: String) {
    self.status = status
    self.code = code
    self.message = message
    self.hint = hint
  }

  /// `{"code","message","hint"}`.
  package var json: JSONValue {
    ["code": .string(code), "message": .string(message), "hint": .string(hint)]
  }

  /// The answer.
  package var response: HTTPResponse {
    var response = HTTPResponse.json(json, status: status)
    if let retryAfter {
      let seconds = max(1, (retryAfter / .seconds(1)).rounded(.up))
      response.headers.append("Retry-After", "\(Int(min(seconds, Double(Int32.max))))")
    }
    if status == .unauthorized { response.headers.append("WWW-Authenticate", "Bearer") }
    return response
  }
}

extension HTTPResponse {
  /// A JSON document; it shows a moment and is not kept by caches.
  package static func json(_ value: JSONValue, status: HTTPStatus = .ok) -> HTTPResponse {
    HTTPResponse(
      status: status,
      headers: [
        "Content-Type": "application/json", "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
      ],
      body: .bytes(value.encoded()))
  }
}

/// An error of the coordinator that knows how it looks to a REST client.
package protocol APIReportable: Error {
  /// The same fact as an answer.
  var apiError: APIError { get }
}

extension APIError {
  /// Nothing is served at `path`.
  static func unknownRoute(_ path: String) -> APIError {
    APIError(
      .notFound, "unknown_route", "nothing is served at \(path.prefix(200))",
      hint: "see /api/v1/openapi.json for every route")
  }

  static func wrongMethod(_ method: String) -> APIError {
    APIError(
      .methodNotAllowed, "wrong_method", "this path does not take \(method.prefix(20))",
      hint: "use one of the methods in Allow")
  }

  static func malformed(_ what: String, _ value: String, expected: String) -> APIError {
    APIError(
      .badRequest, "malformed_\(what)", "`\(value.prefix(100))` is not \(expected)",
      hint: "give \(expected)")
  }

  static func unknown(_ what: String, _ value: String, hint: String) -> APIError {
    APIError(
      .notFound, "unknown_\(what)", "there is no \(what) \(value.prefix(100))", hint: hint)
  }
}
