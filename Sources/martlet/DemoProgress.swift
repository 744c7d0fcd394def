import Glibc
import Primitives
import Telemetry

/// What a person sees while the demonstration runs: one block that rewrites itself on a terminal,
/// plain lines elsewhere, nothing with `--json`.
final class DemoProgress: Sendable {
  private struct State {
    var rounds: [Int64: String] = [:]
    var printed: Set<Int64> = []
    var rejected: [String] = []
    var drawnLines = 0
    var firstRoundAt: Double?
  }

  private let isQuiet: Bool
  private let isTerminal = Output.isTerminal
  private let plan: DemoPlan
  private let state = Lock(State())

  init(isQuiet: Bool, plan: DemoPlan) {
    self.isQuiet = isQuiet
    self.plan = plan
    note(
      "starting 1 coordinator, 1 validator, 1 evaluator and \(plan.workers) workers, "
        + "\(plan.liars) of them lying")
  }

  func note(_ text: String) {
    guard !isQuiet else { return }
    Output.note(text)
  }

  func begin(session: String) { note("session \(session.prefix(16)), \(plan.rounds) rounds") }

  /// When the first news of a round came, by the monotonic clock.
  var firstRoundAt: Double? { state.withLock { $0.firstRoundAt } }

  /// Takes the session itself: one that runs has begun its first round.
  func session(_ view: JSONValue) {
    if view["state"]?.text == "running" { noteRound() }
  }

  private func noteRound() {
    state.withLock { $0.firstRoundAt = $0.firstRoundAt ?? Clock.seconds() }
  }

  /// Takes one state of a round.
  func round(_ view: JSONValue) {
    noteRound()
    guard !isQuiet, let number = view["round"]?.integer else { return }
    state.withLock { state in
      for update in view["updates"]?.elements ?? [] where update["status"]?.text == "rejected" {
        let line =
          "round \(number): update of \(update["worker_label"]?.text ?? "") for client "
          + "\(update["client"]?.integer ?? 0) rejected: \(update["reason"]?.text ?? "")"
        if !state.rejected.contains(line) {
          state.rejected.append(line)
          if !isTerminal { Output.note(line) }
        }
      }
      if let line = SessionText.round(view) { state.rounds[number] = line }
      draw(&state)
    }
  }

  private func draw(_ state: inout State) {
    let settled = state.rounds.sorted { $0.key < $1.key }
    guard isTerminal else {
      for (number, line) in settled where state.printed.insert(number).inserted {
        Output.note(line)
      }
      return
    }
    let shownMax = 12
    let lines = state.rejected.suffix(3) + settled.suffix(shownMax).map(\.value)
    var text = state.drawnLines > 0 ? "\u{1b}[\(state.drawnLines)A\u{1b}[J" : ""
    for line in lines { text += line.prefix(100) + "\n" }
    state.drawnLines = lines.count
    Output.write(text, to: STDERR_FILENO)
  }

  /// Leaves the block as it is.
  func finish() { state.withLock { $0.drawnLines = 0 } }
}
