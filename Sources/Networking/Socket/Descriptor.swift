internal import CShim
internal import Glibc
package import Primitives

/// A non-blocking file descriptor whose readiness a task of its loop can wait for.
///
/// Level-triggered: a direction is armed when somebody first waits for it and disarmed when it
/// turns ready with nobody waiting, so a connection that answers promptly never calls `epoll_ctl`.
/// One waiter a direction. Confined to the loop.
package final class Descriptor: Sendable {
  /// What one waits for.
  package enum Direction: Sendable { case reading, writing }

  private enum Outcome: Sendable { case ready, cancelled, timedOut, closed }

  private struct Waiter {
    var continuation: UnsafeContinuation<Outcome, Never>
    var sequence: UInt64
    var deadline: Tick?
  }

  /// The number the kernel knows it by; meaningless after `close()`.
  package let number: Int32
  /// The loop it is confined to.
  package let loop: EventLoop
  let token: UInt64

  // Confined to the loop's thread, checked at each entry.
  private nonisolated(unsafe) var reader: Waiter?
  private nonisolated(unsafe) var writer: Waiter?
  private nonisolated(unsafe) var armed: UInt32 = 0
  private nonisolated(unsafe) var isOpen = true
  private nonisolated(unsafe) var sequence: UInt64 = 0
  /// False after a short read: the next one would only learn that nothing is there. A wait for
  /// reading sets it again.
  nonisolated(unsafe) var mayBeReadable = true
  private nonisolated(unsafe) var timer: (token: TimerToken, deadline: Tick)?

  /// Takes over `number`, which must be non-blocking; closes it on `close()` or at its end.
  package init(_ number: Int32, on loop: EventLoop) {
    loop.preconditionCurrent()
    self.number = number
    self.loop = loop
    token = loop.nextGeneration() << 32 | UInt64(UInt32(bitPattern: number))
  }

  deinit {
    // A waiter or an armed direction keeps the loop's reference, so nothing is registered here.
    if isOpen { Glibc.close(number) }
  }

  /// Whether `close()` has not been called.
  package var isStillOpen: Bool { isOpen }

  /// Suspends until the direction is ready; a `deadline` is on the loop's clock.
  package nonisolated(nonsending) func wait(
    for direction: Direction, deadline: Tick? = nil
  ) async throws(SocketError) {
    loop.preconditionCurrent()
    guard isOpen else { throw .closed }
    try arm(direction)
    sequence &+= 1
    let ticket = sequence
    let outcome = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        park(Waiter(continuation: continuation, sequence: ticket, deadline: deadline), direction)
        // A cancellation before this line has already run the handler, ahead of `park`.
        if Task.isCancelled { finish(direction, ticket, .cancelled) }
      }
    } onCancel: {
      loop.execute { self.finish(direction, ticket, .cancelled) }
    }
    switch outcome {
    case .ready: if direction == .reading { mayBeReadable = true }
    case .cancelled: throw .cancelled
    case .timedOut: throw .timedOut
    case .closed: throw .closed
    }
  }

  /// Closes the descriptor and wakes both waiters with `SocketError.closed`.
  package func close() {
    loop.preconditionCurrent()
    guard isOpen else { return }
    isOpen = false
    if armed != 0 { loop.remove(self) }
    armed = 0
    if let timer { loop.cancel(timer.token) }
    timer = nil
    Glibc.close(number)
    resume(&reader, .closed)
    resume(&writer, .closed)
  }

  // MARK: Readiness

  private static func mask(_ direction: Direction) -> UInt32 {
    direction == .reading ? shim_event_read : shim_event_write
  }

  private func arm(_ direction: Direction) throws(SocketError) {
    let wanted = armed | Self.mask(direction)
    guard wanted != armed else { return }
    let status =
      armed == 0 ? loop.add(self, events: wanted) : loop.modify(self, events: wanted)
    _ = try SocketError.checked(status, "epoll_ctl")
    armed = wanted
  }

  func becameReady(_ events: UInt32) {
    let failed = events & shim_event_failure != 0
    var unwanted: UInt32 = 0
    if failed || events & shim_event_read != 0 {
      if reader == nil { unwanted |= shim_event_read } else { resume(&reader, .ready) }
    }
    if failed || events & shim_event_write != 0 {
      if writer == nil { unwanted |= shim_event_write } else { resume(&writer, .ready) }
    }
    disarm(unwanted, failed: failed)
  }

  /// A failure event cannot be masked out, so with nobody waiting the descriptor leaves the epoll.
  private func disarm(_ unwanted: UInt32, failed: Bool) {
    let kept = armed & ~unwanted
    guard kept != armed else { return }
    if kept == 0 { loop.remove(self) } else { _ = loop.modify(self, events: kept) }
    armed = kept
  }

  // MARK: Waiters

  private func park(_ waiter: Waiter, _ direction: Direction) {
    switch direction {
    case .reading:
      precondition(reader == nil, "two readers on one descriptor")
      reader = waiter
    case .writing:
      precondition(writer == nil, "two writers on one descriptor")
      writer = waiter
    }
    if let deadline = waiter.deadline { ensureTimer(by: deadline) }
  }

  private func resume(_ waiter: inout Waiter?, _ outcome: Outcome) {
    guard let continuation = waiter?.continuation else { return }
    waiter = nil
    continuation.resume(returning: outcome)
  }

  private func finish(_ direction: Direction, _ ticket: UInt64, _ outcome: Outcome) {
    switch direction {
    case .reading: if reader?.sequence == ticket { resume(&reader, outcome) }
    case .writing: if writer?.sequence == ticket { resume(&writer, outcome) }
    }
  }

  // MARK: Deadlines

  /// One timer a descriptor, moved only when it fires too early: a wait costs no heap operation.
  private func ensureTimer(by deadline: Tick) {
    if let timer {
      guard deadline < timer.deadline else { return }
      loop.cancel(timer.token)
    }
    let token = loop.schedule(at: deadline) { [weak self] in self?.timerFired() }
    timer = (token, deadline)
  }

  private func timerFired() {
    timer = nil
    let now = loop.now
    if let due = reader?.deadline, due <= now { resume(&reader, .timedOut) }
    if let due = writer?.deadline, due <= now { resume(&writer, .timedOut) }
    if let next = [reader?.deadline, writer?.deadline].compactMap({ $0 }).min() {
      ensureTimer(by: next)
    }
  }
}
