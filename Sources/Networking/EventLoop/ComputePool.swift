internal import Glibc
internal import Telemetry

/// Why a compute pool did not run a piece of work.
package enum ComputePoolError: Error, Equatable {
  case full(queued: Int)
  case stopped
}

/// Named threads with one bounded queue, for work that blocks or computes: file syncs, LMDB, bulk
/// hashing, training. Never run such work on a loop or on the cooperative pool.
package final class ComputePool: Sendable {
  private struct State {
    var queue: [@Sendable () -> Void] = []
    var head = 0
    var isStopped = false
    var threads: [NamedThread] = []
    var waiting: Int { queue.count - head }
  }

  private let state = Lock(State())
  private let available: Semaphore
  private let queueMax: Int

  /// Starts `threads` threads; at most `queueMax` pieces of work wait for one.
  package init(named name: String, threads: Int, queueMax: Int) {
    precondition(threads > 0 && queueMax > 0)
    self.queueMax = queueMax
    available = Semaphore()
    let handles = (0..<threads).map { index in
      NamedThread("\(name)-\(index)") { [self] in work() }
    }
    state.withLock { $0.threads = handles }
  }

  /// Runs `body` on a thread of the pool; throws `ComputePoolError.full` rather than queue without
  /// limit. Cancellation does not interrupt a body that has begun.
  package func run<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withUnsafeThrowingContinuation { continuation in
      let refusal = submit {
        continuation.resume(with: Swift.Result { try body() })
      }
      if let refusal { continuation.resume(throwing: refusal) }
    }
  }

  /// Runs `body` on a thread of the pool if it works on more than `bytesMax` bytes, else here: two
  /// changes of threads take longer than a little work.
  package nonisolated(nonsending) func run<Result: Sendable>(
    ifMoreThan bytesMax: Int, _ byteCount: Int, _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    byteCount > bytesMax ? try await run(body) : try body()
  }

  /// Ends the threads after the queued work; blocks until they are gone.
  package func stop() {
    let threads = state.withLock { state in
      state.isStopped = true
      defer { state.threads = [] }
      return state.threads
    }
    for _ in threads { available.signal() }
    for thread in threads { thread.join() }
  }

  private func submit(_ call: @escaping @Sendable () -> Void) -> ComputePoolError? {
    let refusal: ComputePoolError? = state.withLock { state in
      if state.isStopped { return .stopped }
      if state.waiting >= queueMax { return .full(queued: state.waiting) }
      state.queue.append(call)
      return nil
    }
    if refusal == nil { available.signal() }
    return refusal
  }

  private func work() {
    while true {
      available.wait()
      guard let call = next() else { return }
      call()
    }
  }

  /// Each signal pays for one piece of work or, once stopped and drained, for one thread's end.
  private func next() -> (@Sendable () -> Void)? {
    state.withLock { state in
      guard state.waiting > 0 else { return nil }
      let call = state.queue[state.head]
      state.head += 1
      if state.head == state.queue.count {
        state.queue.removeAll(keepingCapacity: true)
        state.head = 0
      }
      return call
    }
  }
}

/// A POSIX semaphore: what idle pool threads sleep on.
private final class Semaphore: Sendable {
  /// The semaphore itself is thread-safe; the pointer never changes.
  private nonisolated(unsafe) let pointer: UnsafeMutablePointer<sem_t>

  init() {
    pointer = .allocate(capacity: 1)
    pointer.initialize(to: sem_t())
    sem_init(pointer, 0, 0)
  }

  deinit {
    sem_destroy(pointer)
    pointer.deallocate()
  }

  func signal() {
    sem_post(pointer)
  }

  func wait() {
    while sem_wait(pointer) != 0 {}  // only a signal handler can interrupt it
  }
}
