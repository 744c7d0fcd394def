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
  private let count = Monitor(0)

  fileprivate func enter() { count.withLock { $0 += 1 } }

  fileprivate func leave() { count.withLock { $0 -= 1 } }

  /// Blocks the calling thread until every job has ended.
  func wait() { count.withLock(when: { $0 == 0 }, { _ in }) }
}
