import Charts
import Glibc
import Telemetry

/// One line at the end of a terminal about long work, which erases itself.
final class WorkProgress: Sendable {
  private struct State: Sendable {
    var shownAt: ContinuousClock.Instant?
    var isLineShown = false
  }

  /// Faster changes nobody can read.
  private static let interval: Duration = .milliseconds(200)
  private static let eraseLine = "\r\u{1b}[K"

  private let unit: ProgressLine.Unit
  private let isSilent: Bool
  private let started = ContinuousClock.now
  private let state = Lock(State())

  /// Silent where nobody watches: without a terminal, and with `--json`.
  init(_ unit: ProgressLine.Unit, _ arguments: Arguments) {
    self.unit = unit
    isSilent = arguments.isJSON || !Output.isTerminal
  }

  /// Shows how far the work is; may be called often and on any thread.
  func show(_ done: UInt64, of total: UInt64) {
    guard !isSilent else { return }
    let now = ContinuousClock.now
    state.withLock { state in
      // What is over at once needs no line.
      guard now - (state.shownAt ?? started) >= Self.interval else { return }
      state.shownAt = now
      state.isLineShown = true
      let line = ProgressLine(
        done: done, total: total, seconds: (now - started) / .seconds(1), unit: unit)
      // One that wraps could not be erased.
      let fitting = String(line.text.prefix(Terminal.size.columns - 1))
      Output.write(Self.eraseLine + fitting, to: STDERR_FILENO)
    }
  }

  /// Erases the line.
  func finish() {
    state.withLock { state in
      if state.isLineShown { Output.write(Self.eraseLine, to: STDERR_FILENO) }
      state.isLineShown = false
    }
  }
}
