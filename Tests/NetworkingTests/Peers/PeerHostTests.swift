import Cryptography
import Networking
import Peering
import Primitives
import Telemetry
import Testing

@Suite("peer hosts", .timeLimit(.minutes(5)))
struct PeerHostTests {
  @Test("a call is answered and both sides know each other's identity")
  func echo() async throws {
    try await withHosts { server, client, address in
      let connection = try await client.dial(address)
      #expect(await connection.provenPeer == server.peerID)
      let answer = try await connection.request(method: "echo", body: [1, 2, 3])
      #expect(answer == [1, 2, 3])
      let caller = try await connection.request(method: "whoami")
      #expect(caller == client.peerID.bytes)
    }
  }

  @Test("a called host calls back over the caller's connection")
  func callBack() async throws {
    try await withHosts { _, client, address in
      let connection = try await client.dial(address)
      let answer = try await connection.request(method: "call me back")
      #expect(answer == Bytes("called back".utf8))
    }
  }

  @Test("a wrong identity is refused and both ids are named")
  func wrongIdentity() async throws {
    try await withHosts { server, client, address in
      let other = SigningKey.generate().publicKey.peerID
      await #expect(
        throws: PeerError.peering(.wrongPeer(expected: other, actual: server.peerID))
      ) {
        _ = try await client.dial(address.naming(other))
      }
    }
  }

  @Test("a refusal arrives with its code, message and hint")
  func refusal() async throws {
    try await withHosts { _, client, address in
      let connection = try await client.dial(address)
      let error = RPCError(code: "unknown_method", message: "no `dance`", hint: "try `echo`")
      await #expect(throws: PeerError.refused(error)) {
        _ = try await connection.request(method: "dance")
      }
    }
  }

  @Test("a call without an answer ends at its deadline and the answering task is cancelled")
  func deadline() async throws {
    try await withHosts { _, client, address in
      let connection = try await client.dial(address)
      let time: Duration = .milliseconds(30)
      await #expect(throws: PeerError.deadlineExceeded(method: "sleep", after: time)) {
        _ = try await connection.request(method: "sleep", deadline: time)
      }
      // The handler counts its own cancellation before the next call is answered.
      var cancelled: Bytes = [0]
      while cancelled == [0] { cancelled = try await connection.request(method: "cancelled") }
      #expect(cancelled == [1])
    }
  }

  @Test("a cancelled caller cancels the answering task")
  func cancellation() async throws {
    try await withHosts { _, client, address in
      let connection = try await client.dial(address)
      let call = Task { try await connection.request(method: "sleep", deadline: .seconds(50)) }
      var sleeping: Bytes = [0]
      while sleeping == [0] { sleeping = try await connection.request(method: "sleeping") }
      call.cancel()
      await #expect(throws: PeerError.cancelled) { try await call.value }
      var cancelled: Bytes = [0]
      while cancelled == [0] { cancelled = try await connection.request(method: "cancelled") }
      #expect(cancelled == [1])
    }
  }

  @Test("a streamed body of many windows arrives whole, in both directions")
  func streams() async throws {
    try await withHosts { _, client, address in
      let connection = try await client.dial(address)
      let chunk = Bytes((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
      let reader = try await connection.requestStream(method: "download", body: chunk)
      #expect(reader.head == [42])
      var count = 0
      while let piece = try await reader.nextChunk() {
        #expect(piece == chunk)
        count += 1
      }
      #expect(count == 50)
      let answer = try await connection.upload(method: "upload") {
        (writer) async throws(PeerError) in
        for _ in 0..<50 { try await writer.send(chunk) }
      }
      #expect(answer == Bytes("5000000".utf8))
    }
  }

  @Test("a refusal of an upload arrives though its body was never read")
  func refusedUpload() async throws {
    try await withHosts { _, client, address in
      let connection = try await client.dial(address)
      let error = RPCError(code: "unknown_method", message: "no `refuse`", hint: "try `echo`")
      await #expect(throws: PeerError.refused(error)) {
        _ = try await connection.upload(method: "refuse") {
          (writer) async throws(PeerError) in
          for _ in 0..<20 { try await writer.send(Bytes(repeating: 1, count: 100_000)) }
        }
      }
      #expect(try await connection.request(method: "echo", body: [1]) == [1])
    }
  }

  @Test("a message as large as the limit passes, in both directions at once")
  func largeMessages() async throws {
    try await withHosts { _, client, address in
      let connection = try await client.dial(address)
      let body = Bytes(repeating: 7, count: RPCLimits.messageBytesMax - 200)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            let answer = try await connection.request(method: "echo", body: body)
            #expect(answer == body)
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test("calls in flight fail when the other side closes")
  func closing() async throws {
    try await withHosts { server, client, address in
      let connection = try await client.dial(address)
      let sleeping = Task { try await connection.request(method: "sleep", deadline: .seconds(50)) }
      _ = try await connection.request(method: "echo")
      for inbound in await server.openConnections { await inbound.close() }
      await #expect(throws: PeerError.self) { _ = try await sleeping.value }
      #expect(await connection.waitUntilClosed() == .closed)
    }
  }

  @Test("calls beyond the limit are told that the peer is busy")
  func busy() async throws {
    try await withHosts { _, client, address in
      let connection = try await client.dial(address)
      let sleepers = (0..<RPCLimits.inboundCallsMax).map { _ in
        Task { try await connection.request(method: "sleep", deadline: .seconds(50)) }
      }
      var code = ""
      while code != "busy" {
        do {
          _ = try await connection.request(method: "echo")
        } catch PeerError.refused(let error) {
          code = error.code
        }
      }
      for sleeper in sleepers { sleeper.cancel() }
      for sleeper in sleepers { _ = try? await sleeper.value }
    }
  }

  @Test("a port in use is named")
  func portInUse() async throws {
    try await withHosts { server, client, address in
      await #expect(throws: PeerError.self) { _ = try await client.listen(on: address) }
    }
  }

  @Test("a muxer ping comes back")
  func ping() async throws {
    try await withHosts { _, client, address in
      let connection = try await client.dial(address)
      #expect(try await connection.ping() > .zero)
    }
  }
}

/// Two hosts on one loop; `body` gets the address of the first.
private func withHosts(
  _ body: @Sendable (PeerHost, PeerHost, Multiaddr) async throws -> Void
) async throws {
  try await withLoop { loop in
    let server = PeerHost(
      loop: loop, identity: .generate(), handler: TestMethods(loop: loop).answer)
    let client = PeerHost(
      loop: loop, identity: .generate(),
      handler: { _ in .success(Bytes("called back".utf8)) })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await server.run() }
      group.addTask { await client.run() }
      let address = try await server.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0"))
      let outcome = await Result { try await body(server, client, address) }
      await client.stop()
      await server.stop()
      try await group.waitForAll()
      try outcome.get()
    }
  }
}

/// What the tests call.
private final class TestMethods: Sendable {
  private let loop: EventLoop
  private let sleeping = Lock(0)
  private let cancelled = Lock(0)

  init(loop: EventLoop) {
    self.loop = loop
  }

  @Sendable
  func answer(_ call: RPCCall) async -> RPCAnswer {
    switch call.request.method {
    case "echo": return .success(call.request.body)
    case "whoami": return .success(call.peer.bytes)
    case "call me back":
      let answer = try? await call.connection.request(method: "hello")
      return .success(answer ?? [])
    case "sleep":
      sleeping.withLock { $0 += 1 }
      do { try await loop.sleep(for: .seconds(100)) } catch { cancelled.withLock { $0 += 1 } }
      return .success([])
    case "sleeping": return .success([UInt8(sleeping.withLock { $0 })])
    case "cancelled": return .success([UInt8(cancelled.withLock { $0 })])
    case "download":
      let chunk = call.request.body
      return .streamed([42]) { writer in for _ in 0..<50 { try await writer.send(chunk) } }
    case "upload": return await count(call)
    default:
      return .failure(
        RPCError(
          code: "unknown_method", message: "no `\(call.request.method)`", hint: "try `echo`"))
    }
  }

  private func count(_ call: RPCCall) async -> RPCAnswer {
    var total = 0
    do throws(PeerError) {
      while let chunk = try await call.nextChunk() { total += chunk.count }
    } catch {
      return .failure(RPCError(code: "broken", message: "\(error)"))
    }
    return .success(Bytes(String(total).utf8))
  }
}

extension Result where Failure == any Error {
  /// The outcome of an asynchronous call.
  fileprivate init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
