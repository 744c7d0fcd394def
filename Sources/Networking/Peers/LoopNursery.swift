/// Runs tasks that events on a loop begin, as children of whoever runs the nursery: connections and
/// calls arrive at any time, yet each belongs to one task group.
///
/// Confined to the loop.
package final class LoopNursery: Sendable {
  /// One task.
  package typealias Body = @Sendable () async -> Void

  private let loop: EventLoop
  private let tasksMax: Int
  // Confined to the loop's thread, checked at each entry.
  private nonisolated(unsafe) var waiting: [Body] = []
  private nonisolated(unsafe) var running = 0
  private nonisolated(unsafe) var isStopped = false
  private nonisolated(unsafe) var sleeper: UnsafeContinuation<Void, Never>?

  /// An idle nursery for at most `tasksMax` tasks.
  package init(loop: EventLoop, tasksMax: Int) {
    self.loop = loop
    self.tasksMax = tasksMax
  }

  /// Begins a task; returns false when stopped or full.
  package func begin(_ body: @escaping Body) -> Bool {
    loop.preconditionCurrent()
    guard !isStopped, running + waiting.count < tasksMax else { return false }
    waiting.append(body)
    wake()
    return true
  }

  /// Ends `run()` and cancels its tasks.
  package func stop() {
    loop.preconditionCurrent()
    isStopped = true
    wake()
  }

  /// Runs tasks until `stop()` or cancellation; returns when all of them have ended. The caller's
  /// task prefers the loop (`EventLoop.perform`).
  package nonisolated(nonsending) func run() async {
    loop.preconditionCurrent()
    await withDiscardingTaskGroup { group in
      while !isStopped {
        for body in waiting {
          running += 1
          group.addTask(executorPreference: loop.taskExecutor) { [self] in
            await body()
            loop.execute { self.running -= 1 }
          }
        }
        waiting.removeAll(keepingCapacity: true)
        await sleep()
      }
      group.cancelAll()
    }
  }

  private nonisolated(nonsending) func sleep() async {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        sleeper = continuation
        if !waiting.isEmpty || isStopped { wake() }
        if Task.isCancelled { stop() }
      }
    } onCancel: {
      loop.execute { self.stop() }
    }
  }

  private func wake() {
    guard let sleeper else { return }
    self.sleeper = nil
    sleeper.resume()
  }
}
