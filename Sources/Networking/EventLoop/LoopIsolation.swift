/// The isolation of code that lives on a loop. Calls inherit it, so that resuming after a wait goes
/// straight to the loop's queue instead of first asking the task which executor it prefers.
package actor LoopIsolation {
  private let loop: EventLoop

  /// The loop's executor.
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  /// An isolation domain of its own on the loop.
  package init(_ loop: EventLoop) {
    self.loop = loop
  }
}
