internal import CShim
internal import Glibc
package import Primitives
internal import Synchronization
package import Telemetry

/// One thread around one epoll: the executor of everything that touches its sockets.
///
/// Actors live on it through `unownedExecutor`, tasks through `taskExecutor`. Work that blocks or
/// computes for more than a millisecond belongs on a `ComputePool`, never here.
package final class EventLoop: SerialExecutor {
  /// Rounds of jobs between two looks at the sockets, so that chatty tasks cannot starve I/O.
  private static let jobRoundsMax = 16
  /// Descriptors reported by one `epoll_wait`; the shim's own array has this size.
  private static let readyMax = 256

  /// Work in the order in which it was handed in.
  private enum Job {
    case serial(UnownedJob)
    case task(UnownedJob)
    case call(@Sendable () -> Void)
  }

  /// What other threads leave for the loop.
  private struct Inbox {
    var jobs: [Job] = []
    var isSignalled = false
    var isStopped = false
  }

  private let epoll: Int32
  private let wake: Int32
  private let inbox = Lock(Inbox())
  /// Where tasks of this loop run: `Task(executorPreference:)`, `addTask(executorPreference:)`.
  package let taskExecutor = LoopTaskExecutor()

  // Confined to the loop's thread once `run()` has begun; nothing else reads or writes them.
  private nonisolated(unsafe) var localJobs: [Job] = []
  private nonisolated(unsafe) var running: [Job] = []
  /// Where reads land before their bytes are appended to an array; valid until the next read.
  nonisolated(unsafe) let scratch = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Socket.readBytesMax, alignment: 64)
  private nonisolated(unsafe) var descriptors: [Descriptor?] = []
  private nonisolated(unsafe) var timers = TimerHeap()
  private nonisolated(unsafe) var generation: UInt64 = 0
  private nonisolated(unsafe) var cachedNow: Tick
  /// The thread in `run()`, 0 before and after; other threads only learn that it is not theirs.
  private let thread = Atomic<pthread_t>(0)

  /// Throws `SocketError.system` when the process is out of descriptors.
  package init() throws(SocketError) {
    shim_ignore_sigpipe()
    epoll = try SocketError.checked(shim_epoll_create(), "epoll_create1")
    do throws(SocketError) {
      wake = try SocketError.checked(shim_eventfd(), "eventfd")
    } catch {
      close(epoll)
      throw error
    }
    cachedNow = Self.readClock()
    _ = shim_epoll_add(epoll, wake, shim_event_read, UInt64(UInt32(bitPattern: wake)))
    taskExecutor.attach(to: self)
  }

  deinit {
    scratch.deallocate()
    close(wake)
    close(epoll)
  }

  /// Whether the caller is on this loop's thread.
  @inline(__always)
  package var isCurrent: Bool { pthread_self() == thread.load(ordering: .relaxed) }

  /// Traps unless the caller is on this loop's thread: confined state is about to be touched.
  @inline(__always)
  package func preconditionCurrent() {
    precondition(isCurrent, "loop-confined state touched from another thread")
  }

  /// The monotonic clock; on the loop it is read once a turn.
  package var now: Tick { isCurrent ? cachedNow : Self.readClock() }

  private static func readClock() -> Tick {
    Tick(nanoseconds: shim_monotonic_nanoseconds())
  }

  // MARK: Executor

  /// Runs a job of an actor that lives on this loop.
  package func enqueue(_ job: consuming ExecutorJob) {
    push(.serial(UnownedJob(job)))
  }

  func enqueueTask(_ job: UnownedJob) {
    push(.task(job))
  }

  /// Runs `call` on the loop's thread, after the work already handed in.
  package func execute(_ call: @escaping @Sendable () -> Void) {
    push(.call(call))
  }

  package func checkIsolated() {
    preconditionCurrent()
  }

  package func isIsolatingCurrentContext() -> Bool? { isCurrent }

  private func push(_ job: Job) {
    if isCurrent {
      localJobs.append(job)
      return
    }
    let needsSignal = inbox.withLock { inbox in
      inbox.jobs.append(job)
      defer { inbox.isSignalled = true }
      return !inbox.isSignalled
    }
    if needsSignal { shim_eventfd_signal(wake) }
  }

  // MARK: Running

  /// Serves the loop on the calling thread until `stop()`.
  package func run() {
    thread.store(pthread_self(), ordering: .relaxed)
    var events = [UInt32](repeating: 0, count: Self.readyMax)
    var tokens = [UInt64](repeating: 0, count: Self.readyMax)
    while true {
      let count = shim_epoll_wait(
        epoll, &events, &tokens, Int32(Self.readyMax), waitMilliseconds())
      precondition(count >= 0, "epoll_wait: \(-count)")
      cachedNow = Self.readClock()
      for index in 0..<Int(count) { deliver(events[index], to: tokens[index]) }
      fireTimers()
      if runJobs() { break }
    }
    thread.store(0, ordering: .relaxed)
  }

  /// Runs the loop on a thread of its own; `stop()` and then `join()` end it.
  package func start(named name: String) -> NamedThread {
    NamedThread(name) { self.run() }
  }

  /// Ends `run()` after the jobs of the present turn; tasks still suspended here stay suspended.
  package func stop() {
    inbox.withLock { $0.isStopped = true }
    shim_eventfd_signal(wake)
  }

  private func waitMilliseconds() -> Int32 {
    guard localJobs.isEmpty else { return 0 }
    guard let deadline = timers.nextDeadline else { return -1 }
    let now = Self.readClock()
    guard deadline > now else { return 0 }
    // Rounded up, so that the loop does not spin through a timer's last millisecond.
    let milliseconds = (deadline.nanoseconds - now.nanoseconds - 1) / 1_000_000 + 1
    return Int32(clamping: milliseconds)
  }

  /// Returns true when the loop was told to stop.
  private func runJobs() -> Bool {
    for _ in 0..<Self.jobRoundsMax {
      swap(&localJobs, &running)
      let isStopped = inbox.withLock { inbox in
        running.append(contentsOf: inbox.jobs)
        inbox.jobs.removeAll(keepingCapacity: true)
        inbox.isSignalled = false
        return inbox.isStopped
      }
      for job in running { perform(job) }
      let wasIdle = running.isEmpty
      running.removeAll(keepingCapacity: true)
      if isStopped { return true }
      if wasIdle { break }
    }
    return false
  }

  @inline(__always)
  private func perform(_ job: Job) {
    switch job {
    case .serial(let job):
      // Naming both executors keeps an actor's calls of its own methods from being enqueued again.
      job.runSynchronously(
        isolatedTo: asUnownedSerialExecutor(),
        taskExecutor: taskExecutor.asUnownedTaskExecutor())
    case .task(let job): job.runSynchronously(on: taskExecutor.asUnownedTaskExecutor())
    case .call(let call): call()
    }
  }

  // Inlined into a caller on another executor, the optimiser (Swift 6.3.1) runs the body there.
  /// Runs `body` as part of the calling task, on this loop.
  @inline(never)
  package func perform<Result: Sendable, Failure: Error>(
    _ body: @Sendable () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    try await withTaskExecutorPreference(taskExecutor, operation: body)
  }

  // MARK: Timers

  /// Calls `action` on the loop once `delay` has passed; must be called on the loop.
  @discardableResult
  package func schedule(
    after delay: Duration, _ action: @escaping @Sendable () -> Void
  ) -> TimerToken {
    schedule(at: now.advanced(by: delay), action)
  }

  /// Calls `action` on the loop at `deadline`; must be called on the loop.
  @discardableResult
  package func schedule(
    at deadline: Tick, _ action: @escaping @Sendable () -> Void
  ) -> TimerToken {
    preconditionCurrent()
    return timers.insert(at: deadline, action)
  }

  /// Forgets a timer; one that has fired is already forgotten.
  package func cancel(_ token: TimerToken) {
    preconditionCurrent()
    timers.remove(token)
  }

  private func fireTimers() {
    while let action = timers.popDue(at: cachedNow) { action() }
  }

  /// Suspends for `delay`; cancellation ends it early with `CancellationError`.
  package nonisolated(nonsending) func sleep(for delay: Duration) async throws {
    await Sleeper().wait(on: self, for: delay)
    try Task.checkCancellation()
  }

  // MARK: Descriptors

  /// Tells the descriptors that get one number after another apart.
  func nextGeneration() -> UInt64 {
    generation = (generation &+ 1) & 0xFFFF_FFFF
    return generation
  }

  func add(_ descriptor: Descriptor, events: UInt32) -> Int32 {
    let index = Int(descriptor.number)
    while descriptors.count <= index { descriptors.append(nil) }
    descriptors[index] = descriptor
    return shim_epoll_add(epoll, descriptor.number, events, descriptor.token)
  }

  func modify(_ descriptor: Descriptor, events: UInt32) -> Int32 {
    shim_epoll_modify(epoll, descriptor.number, events, descriptor.token)
  }

  func remove(_ descriptor: Descriptor) {
    descriptors[Int(descriptor.number)] = nil
    _ = shim_epoll_remove(epoll, descriptor.number)
  }

  @inline(__always)
  private func deliver(_ events: UInt32, to token: UInt64) {
    let number = Int(UInt32(truncatingIfNeeded: token))
    guard number != Int(wake) else { return shim_eventfd_clear(wake) }
    // The token's upper half tells a reused number from the descriptor the event was for.
    guard number < descriptors.count, let descriptor = descriptors[number],
      descriptor.token == token
    else { return }
    descriptor.becameReady(events)
  }
}
