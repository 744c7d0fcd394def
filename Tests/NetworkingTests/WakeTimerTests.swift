import Networking
import Primitives
import Telemetry
import Testing

@Suite("wake timer", .timeLimit(.minutes(1)))
struct WakeTimerTests {
  @Test("the last moment that was set counts, an earlier one or a later one")
  func replaced() async throws {
    let rings = try await rings { timer, loop, ring in
      let now = loop.now
      timer.set(at: now.advanced(by: .milliseconds(2)), on: loop) { ring("early") }
      timer.set(at: now.advanced(by: .milliseconds(4)), on: loop) { ring("late") }
    }
    #expect(rings == ["late"])
  }

  @Test("it advances to earlier moments only")
  func advanced() async throws {
    let rings = try await rings { timer, loop, ring in
      let now = loop.now
      timer.advance(to: now.advanced(by: .milliseconds(4)), on: loop) { ring("first") }
      timer.advance(to: now.advanced(by: .milliseconds(2)), on: loop) { ring("earlier") }
      timer.advance(to: now.advanced(by: .milliseconds(2)), on: loop) { ring("as early") }
      timer.advance(to: now.advanced(by: .milliseconds(3)), on: loop) { ring("later") }
    }
    #expect(rings == ["earlier"])
  }

  @Test("after it has rung it advances to any moment")
  func rang() async throws {
    let rings = try await rings { timer, loop, ring in
      let now = loop.now
      timer.advance(to: now, on: loop) { ring("at once") }
      timer.rang()
      timer.advance(to: now.advanced(by: .milliseconds(2)), on: loop) { ring("again") }
    }
    #expect(rings == ["at once", "again"])
  }

  @Test("cancelled, or set to no moment, it does not ring")
  func cancelled() async throws {
    let rings = try await rings { timer, loop, ring in
      timer.advance(to: loop.now, on: loop) { ring("cancelled") }
      timer.cancel(on: loop)
      timer.set(at: loop.now, on: loop) { ring("replaced by none") }
      timer.set(at: nil, on: loop) { ring("none") }
    }
    #expect(rings == [])
  }

  private typealias Ring = @Sendable (String) -> Void

  /// What rings, in order, once all moments of `body` have passed.
  private func rings(
    _ body: @escaping @Sendable (inout WakeTimer, EventLoop, @escaping Ring) -> Void
  ) async throws -> [String] {
    let heard = Lock<[String]>([])
    try await withLoop { loop in
      try await loop.perform {
        var timer = WakeTimer()
        body(&timer, loop) { word in heard.withLock { $0.append(word) } }
        // Deadlines are kept in order: whatever was to ring before the end of this wait has rung.
        try await loop.sleep(for: .milliseconds(5))
      }
    }
    return heard.withLock { $0 }
  }
}
