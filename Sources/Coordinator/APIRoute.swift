internal import ContentStore
internal import Cryptography
internal import Networking
internal import Primitives

/// One verb on one path: who may use it, what it does, and how it is described.
struct APIRoute: Sendable {
  /// Who may use a route.
  enum Access: String, Sendable {
    /// Everybody: what a browser needs before it has a key, and what probes ask.
    case open
    /// Callers on this machine, and holders of a key.
    case read
    /// Holders of a key, and the owner of the home directory through its socket.
    case change
  }

  let method: HTTPMethod
  /// With parameters in braces, such as `/api/v1/content/{cid}`.
  let path: String
  let access: Access
  let operation: APIOperation
  let handle: @Sendable (APICall) async throws -> HTTPResponse

  init(
    _ method: HTTPMethod, _ path: String, _ access: Access, _ operation: APIOperation,
    handle: @escaping @Sendable (APICall) async throws -> HTTPResponse
  ) {
    self.method = method
    self.path = path
    self.access = access
    self.operation = operation
    self.handle = handle
  }
}

/// One request on its way through its route.
struct APICall: Sendable {
  /// JSON bodies; a session order with a model of hundreds of layers takes a tenth.
  static let jsonBytesMax = JSONLimits.bytesMax

  let request: HTTPRequest
  let context: APIContext
  let parameters: HTTPPathParameters

  var coordinator: CoordinatorServer { context.coordinator }

  /// A path parameter; the route's path must name it.
  func text(_ name: String) -> String { parameters[name] }

  func digest(_ name: String) throws(APIError) -> Digest {
    let text = text(name)
    guard let digest = try? Digest(hex: text.lowercased()) else {
      throw .malformed("id", text, expected: "an identifier of 64 hexadecimal digits")
    }
    return digest
  }

  func number(_ name: String, max: Int) throws(APIError) -> Int {
    try number(text: text(name), max: max)
  }

  /// A query item that is a whole number.
  func query(_ name: String, max: Int) throws(APIError) -> Int? {
    guard let text = request.query(name) else { return nil }
    return try number(text: text, max: max)
  }

  private func number(text: String, max: Int) throws(APIError) -> Int {
    guard let number = Int(text), (0...max).contains(number), String(number) == text else {
      throw .malformed("number", text, expected: "a whole number of at most \(max)")
    }
    return number
  }

  /// The CID of the path, of content that its owner gives to everybody.
  func readableContent() throws -> CID {
    let cid = try CID(parsing: text("cid"))
    if let reason = context.settings.refusal(cid) {
      throw APIError(
        .forbidden, "content_refused", reason, hint: "ask who runs this coordinator")
    }
    return cid
  }

  /// The JSON body.
  func json() async throws -> JSONValue {
    let type = request.headers["Content-Type"]?.prefix { $0 != ";" }.lowercased()
    guard type == "application/json" else {
      throw APIError(
        .unsupportedMediaType, "not_json", "the body is of type \(type ?? "unknown")",
        hint: "send Content-Type: application/json")
    }
    let bytes = try await request.body.collect(max: Self.jsonBytesMax)
    do {
      return try JSONValue(parsing: bytes)
    } catch {
      throw APIError(
        .badRequest, "malformed_json", error.description, hint: "send one JSON document")
    }
  }

  /// Refuses a body that is not empty: the route takes none, and a mistake should be seen.
  func noBody() async throws {
    guard try await request.body.collect(max: Self.jsonBytesMax).isEmpty else {
      throw APIError(
        .badRequest, "unexpected_body", "this route takes no body", hint: "send it without one")
    }
  }
}
