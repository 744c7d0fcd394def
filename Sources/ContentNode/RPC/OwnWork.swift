package import Networking
package import Primitives
package import Telemetry

/// What the program does with the store beyond Kubo's commands and those of `KuboCommands.own`:
/// a command line that finds the store open asks the process that has it for the same work.
package struct OwnWorks: Sendable {
  /// The words of a command line.
  package struct Words: Sendable {
    /// What is named without an option.
    package let arguments: [String]
    /// Options with their values.
    package let options: [String: String]
  }

  /// Does the work, counted on the meter, and gives what the command line shows.
  package typealias Run = @Sendable (Words, WorkMeter) async throws -> JSONValue

  /// Before the names of all commands of our own.
  package static let prefix = "martlet/"

  private let loop: EventLoop
  private let runs: [String: Run]
  private let failure: @Sendable (any Error) -> JSONValue

  /// Work by its names below `prefix`; `failure` says in words what an error means.
  package init(
    loop: EventLoop, runs: [String: Run], failure: @escaping @Sendable (any Error) -> JSONValue
  ) {
    self.loop = loop
    self.runs = runs
    self.failure = failure
  }

  /// The command at a path below `/api/v0`, if it is one of these.
  func command(_ path: String) -> KuboCommand? {
    guard path.hasPrefix(Self.prefix), let run = runs[String(path.dropFirst(Self.prefix.count))]
    else { return nil }
    let (loop, failure) = (loop, failure)
    return KuboCommand(path, more: true) { call in
      let words = Words(arguments: call.arguments, options: call.options)
      return .objects(OwnWorkStream(run, words, failure, loop))
    }
  }
}

/// Work under way: now and then a line says how far it is (`Done`, `Total`), the last one what came
/// of it (`Result` or `Failure`). It ends with its reader.
final class OwnWorkStream: KuboStream {
  /// Between two lines; one that changes faster nobody can read.
  private static let interval: Duration = .milliseconds(100)
  /// Most work is over before anybody could see how far it is.
  private static let firstPause: Duration = .milliseconds(1)

  private struct State: Sendable {
    var outcome: JSONValue?
    var pause = OwnWorkStream.firstPause
    var isOver = false
  }

  private let loop: EventLoop
  private let meter = WorkMeter()
  private let state: Lock<State>
  private let task: Task<Void, Never>

  init(
    _ run: @escaping OwnWorks.Run, _ words: OwnWorks.Words,
    _ failure: @escaping @Sendable (any Error) -> JSONValue, _ loop: EventLoop
  ) {
    self.loop = loop
    let (state, meter) = (Lock(State()), meter)
    self.state = state
    task = Task {
      let outcome: JSONValue
      do {
        outcome = ["Result": try await run(words, meter)]
      } catch { outcome = ["Failure": failure(error)] }
      state.withLock { $0.outcome = outcome }
    }
  }

  deinit { task.cancel() }

  func next() async throws -> Bytes? {
    while true {
      if state.withLock({ $0.isOver }) { return nil }
      if let line = takeOutcome() { return line }
      let pause = state.withLock { state in
        defer { state.pause = min(state.pause * 2, Self.interval) }
        return state.pause
      }
      try await loop.sleep(for: pause)
      if let line = takeOutcome() { return line }
      guard pause == Self.interval else { continue }
      return KuboJSON.line([
        "Done": JSONValue(meter.done), "Total": meter.total.map { JSONValue($0) } ?? .null,
      ])
    }
  }

  private func takeOutcome() -> Bytes? {
    state.withLock { state in
      guard let outcome = state.outcome.take() else { return nil }
      state.isOver = true
      return KuboJSON.line(outcome)
    }
  }
}
