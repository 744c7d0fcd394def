internal import Networking
internal import Primitives
internal import Telemetry

/// Why a Redis server gave no answer.
enum RedisError: Error, Equatable {
  case malformedAddress(String)
  case socket(SocketError)
  case answer(RESPError)
  case refused(String)
  /// It failed a moment ago and is not asked again yet.
  case resting
}

/// A client of one Redis server: one connection, one command at a time, made when it is needed.
///
/// It is a cache behind a cache: after a failure it is left alone for a while, and nobody waits for
/// it longer than `timeout`.
final class RedisClient: Sendable {
  private static let timeout = Duration.seconds(1)
  private static let restFor = Duration.seconds(5)
  /// Commands that wait for the connection; more are refused.
  private static let waitingMax = 100

  private struct Connection: Sendable {
    let socket: Socket
    var decoder = RESPDecoder()
  }

  private struct State: Sendable {
    var connection: Connection?
    var restsUntil = Tick.zero
  }

  private let address: RedisAddress
  private let loop: EventLoop
  private let thread: NamedThread
  private let gate = OperationGate(runningMax: 1, waitingMax: RedisClient.waitingMax)
  private let state = Lock(State())

  /// A client of `redis://[:password@]host:port` or `unix:/path`; nothing is connected yet.
  init(address: String) throws {
    self.address = try RedisAddress(parsing: address)
    loop = try EventLoop()
    thread = loop.start(named: "martlet-redis")
  }

  /// Ends the connection and its thread.
  func close() {
    loop.execute { [self] in
      let connection = state.withLock { state in
        state.restsUntil = Tick(nanoseconds: .max)
        defer { state.connection = nil }
        return state.connection
      }
      connection?.socket.close()
      loop.stop()
    }
    thread.join()
  }

  /// The value of a key; nil where there is none.
  func get(_ key: String) async throws -> Bytes? {
    switch try await command(["GET", key].map { Bytes($0.utf8) }) {
    case .bulk(let bytes): return bytes
    case .null: return nil
    case .simple, .error, .integer, .bool, .double, .bigNumber, .verbatim, .array, .set, .push,
      .map:
      throw RedisError.answer(.malformed("no string"))
    }
  }

  /// Sets a key for a time.
  func set(_ key: String, to value: Bytes, for time: Duration) async throws {
    let milliseconds = max(1, Int(time / .milliseconds(1)))
    _ = try await command(
      [Bytes("SET".utf8), Bytes(key.utf8), value, Bytes("PX".utf8), Bytes("\(milliseconds)".utf8)])
  }

  func command(_ words: [Bytes]) async throws -> RESPValue {
    try await gate.run {
      try await self.loop.perform {
        guard self.loop.now >= self.state.withLock({ $0.restsUntil }) else {
          throw RedisError.resting
        }
        return try await self.exchange(words)
      }
    }
  }

  private nonisolated(nonsending) func exchange(_ words: [Bytes]) async throws -> RESPValue {
    do throws(RedisError) {
      let deadline = loop.now.advanced(by: Self.timeout)
      var connection = try await connected(by: deadline)
      let answer = try await Self.answer(to: words, on: &connection, by: deadline)
      let kept = connection
      state.withLock { $0.connection = kept }
      if case .error(let text) = answer { throw RedisError.refused(text) }
      return answer
    } catch {
      // A refusal leaves the connection as it was; all else may have left half an answer in it.
      if case .refused = error { throw error }
      let until = loop.now.advanced(by: Self.restFor)
      let broken = state.withLock { state in
        state.restsUntil = max(state.restsUntil, until)
        defer { state.connection = nil }
        return state.connection
      }
      broken?.socket.close()
      throw error
    }
  }

  private nonisolated(nonsending) func connected(
    by deadline: Tick
  ) async throws(RedisError) -> Connection {
    if let kept = state.withLock({ $0.connection }), !kept.socket.isAtEnd { return kept }
    var connection: Connection
    do throws(SocketError) {
      connection = Connection(
        socket: try await Socket.connect(
          to: address.socket, on: loop, within: deadline.duration(since: loop.now)))
    } catch { throw .socket(error) }
    let opened = connection
    // Kept at once, so that a failure below closes it.
    state.withLock { $0.connection = opened }
    // A server that knows version 2 alone refuses this and speaks version 2.
    let hello = try await Self.answer(to: address.hello, on: &connection, by: deadline)
    if case .error(let text) = hello, text.hasPrefix("WRONGPASS") { throw .refused(text) }
    return connection
  }

  private nonisolated(nonsending) static func answer(
    to words: [Bytes], on connection: inout Connection, by deadline: Tick
  ) async throws(RedisError) -> RESPValue {
    do throws(SocketError) {
      try await connection.socket.write(respCommand(words), deadline: deadline)
    } catch { throw .socket(error) }
    while true {
      do throws(RESPError) {
        while let value = try connection.decoder.next() {
          // What was not asked for answers nothing.
          if case .push = value { continue }
          return value
        }
      } catch { throw .answer(error) }
      var bytes = Bytes()
      do throws(SocketError) {
        guard
          try await connection.socket.read(appendingTo: &bytes, deadline: deadline) > 0
        else { throw .closed }
      } catch { throw .socket(error) }
      do throws(RESPError) { try connection.decoder.append(bytes) } catch { throw .answer(error) }
    }
  }
}

/// Where a Redis server is.
struct RedisAddress: Equatable, Sendable {
  private static let unixPrefix = "unix:"
  private static let tcpPrefix = "redis://"
  private static let defaultPort: UInt16 = 6_379

  let socket: SocketAddress
  private let password: String?

  /// Reads `redis://[:password@]host[:port]`, where host is numeric, or `unix:/path`.
  init(parsing text: String) throws(RedisError) {
    if text.hasPrefix(Self.unixPrefix) {
      socket = .unix(path: String(text.dropFirst(Self.unixPrefix.count)))
      password = nil
      return
    }
    guard text.hasPrefix(Self.tcpPrefix) else { throw .malformedAddress(text) }
    var place = text.dropFirst(Self.tcpPrefix.count)
    if let at = place.lastIndex(of: "@") {
      let user = place[..<at]
      guard let colon = user.firstIndex(of: ":") else { throw .malformedAddress(text) }
      password = String(user[user.index(after: colon)...])
      place = place[place.index(after: at)...]
    } else {
      password = nil
    }
    let parts = place.split(separator: ":", omittingEmptySubsequences: false)
    guard let host = parts.first, !host.isEmpty, parts.count <= 2 else {
      throw .malformedAddress(text)
    }
    let port = parts.count == 2 ? UInt16(parts[1]) : Self.defaultPort
    guard let port else { throw .malformedAddress(text) }
    socket = .tcp(host: host == "localhost" ? "127.0.0.1" : String(host), port: port)
  }

  /// Asks for version 3 of the protocol, with the password if there is one.
  var hello: [Bytes] {
    let authorization = password.map { ["AUTH", "default", $0] } ?? []
    return (["HELLO", "3"] + authorization).map { Bytes($0.utf8) }
  }
}
