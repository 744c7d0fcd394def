/// Runs tasks on an event loop; a separate object because no type may be both kinds of executor.
package final class LoopTaskExecutor: TaskExecutor {
  /// Set once, before the loop is handed to anybody; the loop owns this object and outlives its
  /// jobs.
  private nonisolated(unsafe) unowned var loop: EventLoop?

  func attach(to loop: EventLoop) {
    self.loop = loop
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    guard let loop else { preconditionFailure("the loop of this executor is gone") }
    loop.enqueueTask(UnownedJob(job))
  }
}
