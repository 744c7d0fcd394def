import Glibc

/// A value that one thread at a time may touch, and whose changes other threads wait for: a mutex
/// with a condition (Hoare, "Monitors", CACM 1974). Only for threads that may block.
package final class Monitor<Value>: Sendable {
  // All three are touched only between lock and unlock (and in init and deinit, where no other
  // reference exists), which is what makes the class Sendable.
  private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private nonisolated(unsafe) let changed: UnsafeMutablePointer<pthread_cond_t>
  private nonisolated(unsafe) var value: Value

  /// A monitor of `value`.
  package init(_ value: sending Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    changed = .allocate(capacity: 1)
    changed.initialize(to: pthread_cond_t())
    precondition(pthread_mutex_init(mutex, nil) == 0)
    precondition(pthread_cond_init(changed, nil) == 0)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Waits until `isReady`, runs `body`, and wakes those who wait for a change.
  package func withLock<Result>(
    when isReady: (borrowing Value) -> Bool = { _ in true },
    _ body: (inout sending Value) -> sending Result
  ) -> sending Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isReady(value) { pthread_cond_wait(changed, mutex) }
    defer { pthread_cond_broadcast(changed) }
    return body(&value)
  }
}
