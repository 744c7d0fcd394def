/// One wait on a loop: ended by its timer, by `finish()` or by cancellation, whichever comes first.
final class Sleeper: Sendable {
  private enum State {
    case idle
    case sleeping(UnsafeContinuation<Void, Never>, EventLoop, TimerToken?)
    case finished
  }

  /// Confined to the loop: what touches it runs as a job of the loop.
  private nonisolated(unsafe) var state = State.idle

  /// Suspends the one caller; without a delay only `finish()` or cancellation ends it.
  nonisolated(nonsending) func wait(on loop: EventLoop, for delay: Duration? = nil) async {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        loop.execute { self.begin(on: loop, for: delay, continuation) }
        // A cancellation before this line has already run the handler, ahead of `begin`.
        if Task.isCancelled { loop.execute { self.cancel() } }
      }
    } onCancel: {
      loop.execute { self.cancel() }
    }
  }

  /// Ends the wait, also one that has not begun; must be called on the loop.
  func finish() {
    if case .sleeping = state { cancel() }
    state = .finished
  }

  private func begin(
    on loop: EventLoop, for delay: Duration?, _ continuation: UnsafeContinuation<Void, Never>
  ) {
    if case .finished = state { return continuation.resume() }
    let token = delay.map { loop.schedule(after: $0) { self.cancel() } }
    state = .sleeping(continuation, loop, token)
  }

  /// Does nothing before `begin`: the caller repeats it afterwards.
  private func cancel() {
    guard case .sleeping(let continuation, let loop, let token) = state else { return }
    state = .finished
    if let token { loop.cancel(token) }
    continuation.resume()
  }
}
