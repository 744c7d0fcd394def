/// One sleep on a loop: ended by its timer or by cancellation, whichever comes first.
final class Sleeper: Sendable {
  private enum State {
    case idle
    case sleeping(UnsafeContinuation<Void, Never>, EventLoop, TimerToken)
    case finished
  }

  /// Confined to the loop: both methods run as jobs of it.
  private nonisolated(unsafe) var state = State.idle

  func begin(
    on loop: EventLoop, for delay: Duration, _ continuation: UnsafeContinuation<Void, Never>
  ) {
    let token = loop.schedule(after: delay) { self.finish() }
    state = .sleeping(continuation, loop, token)
  }

  /// Does nothing before `begin`: the caller repeats it afterwards.
  func finish() {
    guard case .sleeping(let continuation, let loop, let token) = state else { return }
    state = .finished
    loop.cancel(token)
    continuation.resume()
  }
}
