internal import Telemetry

/// Lets a number of operations run at once; the others wait in line.
final class OperationGate: Sendable {
  private struct State: Sendable {
    var running = 0
    var line: [(number: UInt64, waiter: CheckedContinuation<Bool, Never>)] = []
    var next: UInt64 = 0
  }

  private let runningMax: Int
  private let waitingMax: Int
  private let state = Lock(State())

  init(runningMax: Int, waitingMax: Int) {
    self.runningMax = runningMax
    self.waitingMax = waitingMax
  }

  /// Runs `body` when it is its turn; throws `busy` when the line is full.
  func run<Result: Sendable>(_ body: @Sendable () async throws -> Result) async throws -> Result {
    try await enter()
    defer { leave() }
    return try await body()
  }

  private enum Entry { case entered, full, waits(UInt64) }

  private func enter() async throws {
    let entry = state.withLock { state -> Entry in
      if state.running < runningMax {
        state.running += 1
        return .entered
      }
      guard state.line.count < waitingMax else { return .full }
      defer { state.next += 1 }
      return .waits(state.next)
    }
    switch entry {
    case .entered: return
    case .full: throw IPFSClientError.busy(waiting: waitingMax)
    case .waits(let number):
      guard await wait(number) else { throw CancellationError() }
    }
  }

  /// False when the caller was cancelled before its turn.
  private func wait(_ number: UInt64) async -> Bool {
    await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        let answer: Bool? = state.withLock { state in
          if Task.isCancelled { return false }
          // A place may have become free since the caller looked.
          if state.running < runningMax {
            state.running += 1
            return true
          }
          state.line.append((number, waiter))
          return nil
        }
        if let answer { waiter.resume(returning: answer) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.line.firstIndex { $0.number == number }.map { state.line.remove(at: $0).waiter }
      }
      waiter?.resume(returning: false)
    }
  }

  private func leave() {
    // The place goes on to the first in line.
    let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      if state.line.isEmpty {
        state.running -= 1
        return nil
      }
      return state.line.removeFirst().waiter
    }
    next?.resume(returning: true)
  }
}
