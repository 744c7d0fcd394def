public import Primitives

/// Time and waiting, handed to a client so that tests can have their own.
public struct ClientClock: Sendable {
  /// The present moment on a monotonic clock.
  public var now: @Sendable () -> Tick
  /// Waits; throws `CancellationError` when the task is cancelled.
  public var sleep: @Sendable (Duration) async throws -> Void

  /// A clock of the caller's own.
  public init(
    now: @escaping @Sendable () -> Tick,
    sleep: @escaping @Sendable (Duration) async throws -> Void
  ) {
    self.now = now
    self.sleep = sleep
  }

  /// The system's monotonic clock.
  public static let system: ClientClock = {
    let start = ContinuousClock().now
    return ClientClock(
      now: { Tick(nanoseconds: 0).advanced(by: ContinuousClock().now - start) },
      sleep: { try await Task.sleep(for: $0) })
  }()
}
