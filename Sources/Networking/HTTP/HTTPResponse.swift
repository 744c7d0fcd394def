package import Primitives

/// What a handler answers.
package struct HTTPResponse: Sendable {
  /// Writes a streamed body; throwing breaks the connection, so that the client sees the failure.
  package typealias Producer = @Sendable (HTTPBodyWriter) async throws -> Void

  /// The body, complete or yet to be produced.
  package enum Body: Sendable {
    case bytes(Bytes)
    /// Chunked, or with a Content-Length where `length` is known; the producer must keep to it.
    case stream(length: Int? = nil, Producer)
    /// Server-sent events: unbuffered, kept alive by comments, ended when the client goes.
    case events(Producer)
  }

  /// The status.
  package var status: HTTPStatus
  /// Header fields besides Date, Content-Length, Transfer-Encoding and Connection.
  package var headers: HTTPHeaders
  /// The body.
  package var body: Body

  /// A response.
  package init(status: HTTPStatus, headers: HTTPHeaders = [:], body: Body = .bytes([])) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// A short text, for errors below any route.
  package static func text(_ status: HTTPStatus, _ text: String) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: ["Content-Type": "text/plain; charset=utf-8"],
      body: .bytes(Bytes(text.utf8)))
  }
}

/// Writes one streamed response body.
package struct HTTPBodyWriter: Sendable {
  let connection: HTTPConnection

  /// Sends `bytes`; suspends while the client is slow.
  package func write(_ bytes: Bytes) async throws {
    let connection = connection
    if connection.loop.isCurrent { return try await connection.writeBody(bytes) }
    try await connection.loop.perform { try await connection.writeBody(bytes) }
  }

  /// Sends what small pieces have gathered, for a client that waits for them.
  package func flush() async throws {
    let connection = connection
    if connection.loop.isCurrent { return try await connection.flushBody() }
    try await connection.loop.perform { try await connection.flushBody() }
  }

  /// Adds a field behind the body (RFC 9112 §7.1.2). The response must name it in `Trailer`; a
  /// client of HTTP/1.0 and a body of known length have no place for it.
  package func trailer(_ name: String, _ value: String) async {
    let connection = connection
    await connection.loop.perform { connection.trailers.append(name, value) }
  }

  /// Sends one server-sent event (WHATWG HTML §9.2); line breaks in `data` are kept.
  package func writeEvent(_ data: String, name: String? = nil, id: String? = nil) async throws {
    var text = ""
    if let id { text += "id: \(Self.oneLine(id))\n" }
    if let name { text += "event: \(Self.oneLine(name))\n" }
    for line in data.split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    {
      text += "data: \(line)\n"
    }
    text += "\n"
    try await write(Bytes(text.utf8))
  }

  private static func oneLine(_ text: String) -> String {
    String(text.map { $0.isNewline ? " " : $0 })
  }
}
