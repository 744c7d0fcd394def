import Glibc
import Networking
import Primitives
import Telemetry
import Testing

@Suite("event loop")
struct EventLoopTests {
  @Test("timers fire in the order of their deadlines")
  func timerOrder() async throws {
    let order = Lock<[Int]>([])
    try await withLoop { loop in
      try await loop.perform {
        loop.schedule(after: .milliseconds(20)) { order.withLock { $0.append(2) } }
        loop.schedule(after: .milliseconds(10)) { order.withLock { $0.append(1) } }
        let cancelled = loop.schedule(after: .milliseconds(5)) {
          order.withLock { $0.append(0) }
        }
        loop.cancel(cancelled)
        try await loop.sleep(for: .milliseconds(30))
      }
    }
    #expect(order.withLock { $0 } == [1, 2])
  }

  @Test("a cancelled sleep ends at once")
  func cancelledSleep() async throws {
    try await withLoop { loop in
      let sleeping = Task(executorPreference: loop.taskExecutor) {
        try await loop.sleep(for: .seconds(1_000))
      }
      sleeping.cancel()
      await #expect(throws: CancellationError.self) { try await sleeping.value }
    }
  }

  @Test("an actor of the loop runs on its thread")
  func actorOnLoop() async throws {
    try await withLoop { loop in
      #expect(await LoopActor(loop).isOnLoop())
    }
  }

  @Test("signals come in order, to one source a process")
  func signals() async throws {
    try await withLoop { loop in
      try await loop.perform {
        let source = try SignalSource([.hangUp], on: loop)
        defer { source.close() }
        #expect(throws: SocketError.self) { try SignalSource([.hangUp], on: loop) }
        kill(getpid(), SIGHUP)
        let signal = try await source.next()
        #expect(signal == .hangUp)
      }
    }
  }

  @Test("names are looked up beside the loop")
  func names() async throws {
    let pool = ComputePool(named: "names", threads: 1, queueMax: 4)
    defer { pool.stop() }
    let resolver = NameResolver(pool: pool)
    #expect(try await resolver.addresses(of: "::1", port: 5) == [.tcp(host: "::1", port: 5)])
    let local = try await resolver.addresses(of: "localhost", port: 5)
    #expect(!local.isEmpty && local.allSatisfy(\.isLoopback))
    await #expect(throws: SocketError.nameUnknown("no such name")) {
      try await resolver.addresses(of: "no such name", port: 1)
    }
  }

  @Test("a pool returns values and errors, and refuses work once stopped")
  func computePool() async throws {
    let pool = ComputePool(named: "test", threads: 1, queueMax: 1)
    #expect(try await pool.run { 6 * 7 } == 42)
    await #expect(throws: SocketError.closed) { try await pool.run { throw SocketError.closed } }
    pool.stop()
    await #expect(throws: ComputePoolError.stopped) { try await pool.run {} }
  }
}

private actor LoopActor {
  let loop: EventLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
  init(_ loop: EventLoop) { self.loop = loop }
  func isOnLoop() -> Bool { loop.isCurrent }
}

/// Runs `body` beside a loop that serves until it returns.
func withLoop<Result: Sendable>(
  _ body: @Sendable (EventLoop) async throws -> Result
) async throws -> Result {
  let loop = try EventLoop()
  let thread = loop.start(named: "test-loop")
  defer {
    loop.stop()
    thread.join()
  }
  return try await body(loop)
}
