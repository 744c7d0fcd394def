import Primitives
import Telemetry

/// What a person sees while the demonstration runs: one block that rewrites itself on a terminal,
/// plain lines elsewhere, nothing with `--json`.
final class DemoProgress: Sendable {
  private struct State {
    var rounds: [Int64: String] = [:]
    var printed: Set<Int64> = []
    var rejected: [String] = []
    /// What the running round does, on a terminal only.
    var running = ""
    var block = LiveBlock()
    var firstRoundAt: Double?

    /// Keeps a line about a rejected update, told once.
    mutating func show(_ line: String, isTerminal: Bool) {
      guard !rejected.contains(line) else { return }
      rejected.append(line)
      if !isTerminal { Output.note(line) }
    }
  }

  private enum Limits {
    /// Settled rounds of the block, so that it fits the smallest usual terminal of 24 lines.
    static let roundsShownMax = 12
    /// Lines about rejected updates: two for each.
    static let rejectionsShownMax = 4
    /// Cells of the bar.
    static let barCells = 20
  }

  private let isQuiet: Bool
  private let isTerminal = Output.isTerminal
  private let plan: DemoPlan
  private let state = Lock(State())

  init(isQuiet: Bool, plan: DemoPlan) {
    self.isQuiet = isQuiet
    self.plan = plan
    note(
      "starting \(plan.workers) workers (\(plan.liars) lying), a coordinator, a validator, "
        + "an evaluator")
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
          "round \(number)  \(update["worker_label"]?.text ?? "") rejected for client "
          + "\(update["client"]?.integer ?? 0): \(update["reason"]?.text ?? "")"
        state.show(line, isTerminal: isTerminal)
        if let dispute = SessionText.dispute(update) {
          state.show("round \(number)  \(dispute)", isTerminal: isTerminal)
        }
      }
      if let line = SessionText.round(view) { state.rounds[number] = line }
      if view["state"]?.text == "running" { state.running = running(number, view) }
      if isTerminal { draw(&state) } else { printNew(&state) }
    }
  }

  private func printNew(_ state: inout State) {
    for (number, line) in state.rounds.sorted(by: { $0.key < $1.key })
    where state.printed.insert(number).inserted {
      Output.note(line)
    }
  }

  /// A bar of the rounds, and where each logical client of the running one is.
  private func running(_ number: Int64, _ view: JSONValue) -> String {
    let updates = view["updates"]?.elements ?? []
    let accepted = updates.count { $0["status"]?.text == "accepted" }
    let checking = updates.count { $0["reason"]?.text == "checking" }
    let training = updates.count { $0["status"]?.text == "pending" } - checking
    let full = min(Limits.barCells, Int(number - 1) * Limits.barCells / max(1, plan.rounds))
    let bar =
      String(repeating: "#", count: full) + String(repeating: ".", count: Limits.barCells - full)
    return "[\(bar)] round \(number) of \(plan.rounds): \(training) training, "
      + "\(checking) being checked, \(accepted) accepted"
  }

  private func draw(_ state: inout State) {
    let settled = state.rounds.sorted { $0.key < $1.key }.suffix(Limits.roundsShownMax)
    var lines = state.rejected.suffix(Limits.rejectionsShownMax) + settled.map(\.value)
    if !state.running.isEmpty { lines.append(state.running) }
    state.block.show(Array(lines))
  }

  /// Leaves the rounds; nothing runs any more.
  func finish() {
    guard !isQuiet, isTerminal else { return }
    state.withLock { state in
      state.running = ""
      draw(&state)
      state.block.leave()
    }
  }
}
