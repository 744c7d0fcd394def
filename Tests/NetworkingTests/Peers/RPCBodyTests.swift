import Cryptography
import Networking
import Peering
import Primitives
import Telemetry
import Testing

@Suite("bodies of calls", .timeLimit(.minutes(5)))
struct RPCBodyTests {
  private static let chunk = Bytes(repeating: 5, count: 1 << 20)
  private static let chunks = 64

  /// A source, a relay in between, and somebody who reads; `sent` counts what left the source.
  private func withRelay(
    breaksOffAfter: Int? = nil,
    _ body: (PeerConnection, Lock<Int>) async throws -> Void
  ) async throws {
    let loop = try EventLoop()
    loop.start(named: "relay-loop").detach()
    let sent = Lock(0)
    let source = PeerHost(loop: loop, identity: .generate()) { _ in
      .streamed([]) { writer in
        for index in 0..<Self.chunks {
          if index == breaksOffAfter { throw PeerError.streamReset }
          try await writer.send(Self.chunk)
          sent.withLock { $0 += 1 }
        }
      }
    }
    let toSource = Lock<PeerConnection?>(nil)
    let relay = PeerHost(loop: loop, identity: .generate()) { call in
      guard call.request.method == "relay" else { return .success(call.request.body) }
      return .streamed([]) { writer in
        let connection = toSource.withLock { $0 }!
        try await writer.relay(connection.requestStream(method: "source"))
      }
    }
    let reader = PeerHost(loop: loop, identity: .generate()) { _ in .success([]) }
    let hosts = [source, relay, reader].map { host in Task { await host.run() } }
    defer { for host in hosts { host.cancel() } }
    let anywhere = try Multiaddr("/ip4/127.0.0.1/tcp/0")
    let sourceAddress = try await source.listen(on: anywhere)
    let relayAddress = try await relay.listen(on: anywhere)
    let connection = try await relay.dial(sourceAddress)
    toSource.withLock { $0 = connection }
    try await body(try await reader.dial(relayAddress), sent)
  }

  @Test("a relayed body arrives whole")
  func whole() async throws {
    try await withRelay { connection, sent in
      let body = try await connection.requestStream(method: "relay")
      let content = try await body.collect(max: Self.chunks << 20)
      #expect(content?.count == Self.chunks << 20)
      #expect(sent.withLock { $0 } == Self.chunks)
    }
  }

  @Test("a relay reads no further ahead than windows and one chunk")
  func backpressure() async throws {
    try await withRelay { connection, sent in
      let body = try await connection.requestStream(method: "relay")
      #expect(try await body.nextChunk() == Self.chunk)
      // Calls on the same connections, each answered: time enough to send everything.
      for _ in 0..<500 { _ = try await connection.request(method: "echo", body: [1]) }
      #expect(sent.withLock { $0 } <= 12)
      #expect(try await body.collect(max: Self.chunks << 20)?.count == (Self.chunks - 1) << 20)
    }
  }

  @Test("who reads gives up: so does the source")
  func givenUp() async throws {
    try await withRelay { connection, sent in
      let body = try await connection.requestStream(method: "relay")
      #expect(try await body.nextChunk() == Self.chunk)
      await body.cancel()
      for _ in 0..<500 { _ = try await connection.request(method: "echo", body: [1]) }
      #expect(sent.withLock { $0 } <= 12)
    }
  }

  @Test("a source that breaks off breaks the relayed body off, not the connection")
  func brokenOff() async throws {
    try await withRelay(breaksOffAfter: 3) { connection, _ in
      let body = try await connection.requestStream(method: "relay")
      await #expect(throws: PeerError.streamReset) {
        _ = try await body.collect(max: Self.chunks << 20)
      }
      #expect(try await connection.request(method: "echo", body: [1]) == [1])
    }
  }

  @Test(
    "who sends gives up, or its task is cancelled: the receiver is told, the connection goes on",
    arguments: [PeerError.overloaded(limit: 1), PeerError.cancelled])
  func uploadGivenUp(reason: PeerError) async throws {
    let taken = Lock(0)
    let endings = Lock<[PeerError?]>([])
    try await withReceiver(taken, endings) { (connection) async throws in
      let upload = Task {
        try await connection.upload(method: "upload") { (writer) throws(PeerError) in
          while true {
            try await writer.send(Self.chunk)
            if reason != .cancelled, taken.withLock({ $0 }) > 0 { throw reason }
          }
        }
      }
      while taken.withLock({ $0 }) == 0 { await Task.yield() }
      if reason == .cancelled { upload.cancel() }
      await #expect(throws: reason) { _ = try await upload.value }
      while endings.withLock({ $0.isEmpty }) { await Task.yield() }
      #expect(endings.withLock { $0.first } != .some(nil))
      #expect(try await connection.request(method: "echo", body: [1]) == [1])
    }
  }

  /// Takes the chunks of every upload, counts them, and keeps how each body ended: nil is its end.
  private func withReceiver(
    _ taken: Lock<Int>, _ endings: Lock<[PeerError?]>, _ body: (PeerConnection) async throws -> Void
  ) async throws {
    let loop = try EventLoop()
    loop.start(named: "upload-loop").detach()
    let receiver = PeerHost(loop: loop, identity: .generate()) { call in
      guard call.request.method == "upload" else { return .success(call.request.body) }
      var ending: PeerError?
      do throws(PeerError) {
        while try await call.nextChunk() != nil { taken.withLock { $0 += 1 } }
      } catch {
        ending = error
      }
      endings.withLock { $0.append(ending) }
      return .success([])
    }
    let sender = PeerHost(loop: loop, identity: .generate()) { _ in .success([]) }
    let hosts = [receiver, sender].map { host in Task { await host.run() } }
    defer { for host in hosts { host.cancel() } }
    try await body(try await sender.dial(receiver.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0"))))
  }

  @Test("a body above the limit is given up")
  func tooLong() async throws {
    try await withRelay { connection, _ in
      let body = try await connection.requestStream(method: "relay")
      #expect(try await body.collect(max: 3 << 20) == nil)
      #expect(try await connection.request(method: "echo", body: [1]) == [1])
    }
  }
}

@Suite("a budget of bytes")
struct ByteBudgetTests {
  @Test("who does not fit waits in line, and nobody overtakes")
  func line() async throws {
    let loop = try EventLoop()
    loop.start(named: "budget-loop").detach()
    let begun = Lock<[Int]>([])
    await loop.perform {
      let budget = ByteBudget(loop: loop, bytesMax: 100)
      await budget.take(60)
      await withTaskGroup(of: Void.self) { group in
        for (index, bytes) in [50, 10, 500, 40].enumerated() {
          group.addTask(executorPreference: loop.taskExecutor) {
            await budget.take(bytes)
            begun.withLock { $0.append(index) }
          }
          while budget.waiting + begun.withLock({ $0.count }) <= index { await Task.yield() }
        }
        #expect(begun.withLock { $0 } == [])
        budget.give(60)
        while begun.withLock({ $0.count }) < 2 { await Task.yield() }
        #expect(begun.withLock { $0.sorted() } == [0, 1])
        budget.give(50)
        #expect(budget.waiting == 2)
        budget.give(10)
        while begun.withLock({ $0.count }) < 3 { await Task.yield() }
        #expect(begun.withLock { $0.last } == 2)
        budget.give(500)
        await group.waitForAll()
      }
      #expect(begun.withLock { $0.last } == 3)
      budget.give(40)
    }
  }
}
