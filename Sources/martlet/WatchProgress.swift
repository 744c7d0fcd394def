import Glibc
import Primitives
import Telemetry

/// What a person sees of `fl watch`: a line for each settled round and, on a terminal, one line
/// below that says what the session waits for and erases itself.
final class WatchProgress: Sendable {
  private struct State {
    var printed: Set<Int64> = []
    var isLineShown = false
  }

  private static let eraseLine = "\r\u{1b}[K"
  private let isQuiet: Bool
  private let isTerminal = Output.isTerminal
  private let state = Lock(State())

  /// - Parameter isQuiet: shows nothing, for `--json`.
  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  /// Takes one state of a round; prints it once it is settled and scored.
  func round(_ view: JSONValue) {
    guard !isQuiet, let number = view["round"]?.integer, let line = SessionText.round(view)
    else { return }
    state.withLock { state in
      guard state.printed.insert(number).inserted else { return }
      erase(&state)
      Output.note(line)
    }
  }

  /// Takes one state of the session.
  func session(_ view: JSONValue) {
    guard !isQuiet, isTerminal, !SessionText.isOver(view) else { return }
    let waiting = view["waiting_for"]?.text.map { ", waits for \($0)" } ?? ""
    let text =
      "round \(SessionText.text(view, "round")) of \(SessionText.text(view, "total_rounds"))"
      + ": \(SessionText.text(view, "state"))\(waiting)"
    state.withLock { state in
      erase(&state)
      Output.write(text, to: STDERR_FILENO)
      state.isLineShown = true
    }
  }

  /// Leaves only the rounds.
  func finish() { state.withLock { erase(&$0) } }

  private func erase(_ state: inout State) {
    if state.isLineShown { Output.write(Self.eraseLine, to: STDERR_FILENO) }
    state.isLineShown = false
  }
}
