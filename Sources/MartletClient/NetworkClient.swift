internal import Networking
internal import Primitives

/// A coordinator's REST interface, call by call; answers are its JSON documents.
///
/// `docs/specs/rest.md` and the server's own `/api/v1/openapi.json` describe every field.
public final class NetworkClient: Sendable {
  /// Where the coordinator is, and how one proves who asks.
  public enum Endpoint: Hashable, Sendable {
    /// `HOME/api.sock`: the file's mode is the proof.
    case socket(path: String)
    /// `http://…` or `https://…` with an API key for what needs one, and the PEM file of an
    /// authority other than the system's.
    case address(url: String, key: String? = nil, authorityFile: String? = nil)
  }

  enum Limits {
    /// Calls at a time: an open event stream holds one thread for its whole life.
    static let threads = 4
    static let waitingMax = 256
    /// JSON answers: the rounds of a session of a thousand rounds with sixteen clients.
    static let answerBytesMax = 64 << 20
    /// A stored file on its way here.
    static let fileBytesMax = 64 << 30
  }

  static let base = "/api/v1"
  static let sessions = base + "/federated-learning/sessions"

  /// Where it calls.
  public let endpoint: Endpoint
  private let pool: ComputePool
  let http: HTTPClient

  /// A client; nothing is connected before the first call.
  public init(_ endpoint: Endpoint) {
    self.endpoint = endpoint
    pool = ComputePool(
      named: "martlet-client", threads: Limits.threads, queueMax: Limits.waitingMax)
    http = HTTPClient(pool: pool)
  }

  /// Ends the client's threads after the calls under way; blocks until then.
  public func close() { pool.stop() }

  // MARK: Calls

  /// The endpoint as people read it.
  var place: String {
    switch endpoint {
    case .socket(let path): path
    case .address(let url, _, _): url
    }
  }

  func request(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
    var request: HTTPClientRequest
    switch endpoint {
    case .socket(let socket):
      request = HTTPClientRequest(method, "http://localhost" + path)
      request.unixSocketPath = socket
    case .address(let url, let key, let authority):
      let trimmed = url.hasSuffix("/") ? String(url.dropLast()) : url
      request = HTTPClientRequest(method, trimmed + path)
      request.authorityFile = authority
      if let key { request.headers.append("Authorization", "Bearer \(key)") }
    }
    request.responseBytesMax = Limits.answerBytesMax
    return request
  }

  func json(_ request: HTTPClientRequest) async throws(NetworkClientError) -> JSONValue {
    let response = try await send(request)
    do {
      return try JSONValue(parsing: response.body, bytesMax: Limits.answerBytesMax)
    } catch {
      throw .invalidAnswer(reason: error.description)
    }
  }

  func get(_ path: String) async throws(NetworkClientError) -> JSONValue {
    try await json(request(.get, path))
  }

  func post(
    _ path: String, _ body: JSONValue? = nil, idempotencyKey: String? = nil
  ) async throws(NetworkClientError) -> JSONValue {
    var request = request(.post, path)
    if let body {
      request.headers.append("Content-Type", "application/json")
      request.body = .bytes(body.encoded())
    }
    if let idempotencyKey { request.headers.append("Idempotency-Key", idempotencyKey) }
    return try await json(request)
  }

  private func send(
    _ request: HTTPClientRequest
  ) async throws(NetworkClientError) -> HTTPClientResponse {
    let response: HTTPClientResponse
    do {
      response = try await http.send(request)
    } catch {
      throw NetworkClientError(error, at: place)
    }
    try Self.check(response)
    return response
  }

  static func check(_ response: HTTPClientResponse) throws(NetworkClientError) {
    guard (200..<300).contains(response.status) else {
      throw NetworkClientError(status: response.status, body: response.body)
    }
  }

  /// The elements under `name`.
  func list(_ path: String, _ name: String) async throws(NetworkClientError) -> [JSONValue] {
    guard let elements = try await get(path)[name]?.elements else {
      throw .invalidAnswer(reason: "no `\(name)`")
    }
    return elements
  }

  /// Text from a person as one segment of a path (RFC 3986 §2.3).
  static func segment(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default: result += "%" + Hex.encode([byte]).uppercased()
      }
    }
    return result
  }
}
