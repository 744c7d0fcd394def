import Glibc
import Telemetry

/// A few threads that hash and compress for one add; they start with the first job.
final class ContentWorkers: Sendable {
  /// More threads than this only wait for the reader.
  private static let threadsMax = 4

  /// As many wait as run: the reader is at most so far ahead.
  private let jobs: BlockStoreQueue<@Sendable () -> Void>
  private let threads = Lock<[NamedThread]>([])
  /// How many jobs run at a time.
  let count: Int

  init() {
    count = min(Self.threadsMax, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    jobs = BlockStoreQueue(elementsMax: count)
  }

  /// Runs `job` on one of the threads; waits while enough of them wait.
  func run(_ group: ContentJobGroup, _ job: @escaping @Sendable () -> Void) {
    start()
    group.enter()
    _ = jobs.put {
      job()
      group.leave()
    }
  }

  private func start() {
    let (jobs, count) = (jobs, count)
    threads.withLock { threads in
      guard threads.isEmpty else { return }
      threads = (0..<count).map { number in
        NamedThread("content-hash-\(number)") {
          while let job = jobs.takeOne() { job() }
        }
      }
    }
  }

  /// Runs what was asked for and ends the threads.
  func close() {
    jobs.close()
    let running = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in running { thread.join() }
  }
}

/// Counts jobs under way, so that one thread can wait for all of them.
final class ContentJobGroup: Sendable {
  // All three are touched only between lock and unlock, and in init and deinit.
  private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private nonisolated(unsafe) let changed: UnsafeMutablePointer<pthread_cond_t>
  private nonisolated(unsafe) var count = 0

  init() {
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

  fileprivate func enter() {
    pthread_mutex_lock(mutex)
    count += 1
    pthread_mutex_unlock(mutex)
  }

  fileprivate func leave() {
    pthread_mutex_lock(mutex)
    count -= 1
    if count == 0 { pthread_cond_broadcast(changed) }
    pthread_mutex_unlock(mutex)
  }

  /// Blocks the calling thread until every job has ended.
  func wait() {
    pthread_mutex_lock(mutex)
    while count > 0 { pthread_cond_wait(changed, mutex) }
    pthread_mutex_unlock(mutex)
  }
}
