internal import Telemetry

/// One run of a work for all who ask for its result at the same time.
///
/// When the one that does the work is cancelled, the next of those who wait does it instead.
final class Singleflight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private typealias Waiter = CheckedContinuation<Result<Value, any Error>?, Never>

  private struct State: Sendable {
    var waiters: [Key: [UInt64: Waiter]] = [:]
    var next: UInt64 = 0
  }

  private let state = Lock(State())

  func run(
    _ key: Key, _ body: @Sendable () async throws -> Value
  ) async throws -> Value {
    while true {
      try Task.checkCancellation()
      guard begin(key) else {
        if let result = await wait(key) { return try result.get() }
        continue
      }
      let result: Result<Value, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      finish(key, Task.isCancelled ? nil : result)
      return try result.get()
    }
  }

  /// True for the first, who does the work.
  private func begin(_ key: Key) -> Bool {
    state.withLock { state in
      guard state.waiters[key] == nil else { return false }
      state.waiters[key] = [:]
      return true
    }
  }

  /// Nil when the work was not done, or the caller is cancelled.
  private func wait(_ key: Key) async -> Result<Value, any Error>? {
    let number = state.withLock { state in
      defer { state.next += 1 }
      return state.next
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        let isLate = state.withLock { state in
          guard state.waiters[key] != nil, !Task.isCancelled else { return true }
          state.waiters[key]?[number] = waiter
          return false
        }
        if isLate { waiter.resume(returning: nil) }
      }
    } onCancel: {
      let waiter = state.withLock { $0.waiters[key]?.removeValue(forKey: number) }
      waiter?.resume(returning: nil)
    }
  }

  private func finish(_ key: Key, _ result: Result<Value, any Error>?) {
    let waiters = state.withLock { $0.waiters.removeValue(forKey: key) } ?? [:]
    for waiter in waiters.values { waiter.resume(returning: result) }
  }
}
