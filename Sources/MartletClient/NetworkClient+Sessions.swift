internal import Networking
public import Primitives

extension NetworkClient {
  /// All sessions, the newest first.
  public func sessions() async throws(NetworkClientError) -> [JSONValue] {
    try await list(Self.sessions, "sessions")
  }

  /// One session.
  public func session(_ id: String) async throws(NetworkClientError) -> JSONValue {
    try await get(Self.path(id))
  }

  /// Orders a session and returns it. Repeating a call with the same key makes no second one.
  public func createSession(
    _ order: JSONValue, idempotencyKey: String = NetworkClient.newKey()
  ) async throws(NetworkClientError) -> JSONValue {
    try await post(Self.sessions, order, idempotencyKey: idempotencyKey)
  }

  /// 128 random bits for an `Idempotency-Key`.
  public static func newKey() -> String {
    let words = [UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)]
    return words.map { String($0, radix: 16) }.joined(separator: "-")
  }

  /// Has a session start as soon as its escrow is on the ledger.
  @discardableResult
  public func startSession(_ id: String) async throws(NetworkClientError) -> JSONValue {
    try await post(Self.path(id, "/start"))
  }

  /// Ends a session before its time.
  @discardableResult
  public func cancelSession(_ id: String) async throws(NetworkClientError) -> JSONValue {
    try await post(Self.path(id, "/cancel"))
  }

  /// The session's rounds, the oldest first.
  public func rounds(_ id: String) async throws(NetworkClientError) -> [JSONValue] {
    try await list(Self.path(id, "/rounds"), "rounds")
  }

  /// Has the coordinator recompute every aggregate.
  public func verify(_ id: String) async throws(NetworkClientError) -> JSONValue {
    var request = request(.post, Self.path(id, "/verify"))
    request.timeout = nil  // as long as the session has rounds
    return try await json(request)
  }

  /// The proof that a logical client (from 0) was paid for a round (from 1).
  public func receipt(
    session: String, round: Int, client: Int
  ) async throws(NetworkClientError) -> JSONValue {
    try await get(Self.path(session, "/receipts/\(round)/\(client)"))
  }

  /// Hands each event of a session to `receive`, the session itself first, until it returns false.
  /// Runs on a thread of the client; throws `broken` when the coordinator ends the stream.
  public func watch(
    _ id: String, _ receive: @escaping @Sendable (_ name: String, _ data: JSONValue) -> Bool
  ) async throws(NetworkClientError) {
    try await watch(path: Self.path(id, "/events"), receive)
  }

  /// The same for all sessions.
  public func watchAll(
    _ receive: @escaping @Sendable (_ name: String, _ data: JSONValue) -> Bool
  ) async throws(NetworkClientError) {
    try await watch(path: Self.base + "/events", receive)
  }

  private struct WatchedEnough: Error {}

  private func watch(
    path: String, _ receive: @escaping @Sendable (String, JSONValue) -> Bool
  ) async throws(NetworkClientError) {
    var request = request(.get, path)
    request.timeout = nil
    request.responseBytesMax = .max
    let response: HTTPClientResponse
    do {
      response = try await http.events(of: request) { event in
        guard receive(event.name, try JSONValue(parsing: Bytes(event.data.utf8))) else {
          throw WatchedEnough()
        }
      }
    } catch is WatchedEnough {
      return
    } catch {
      throw NetworkClientError(error, at: place)
    }
    try Self.check(response)
    throw .broken("the coordinator ended the event stream")
  }

  static func path(_ id: String, _ rest: String = "") -> String {
    "\(sessions)/\(segment(id))\(rest)"
  }
}
