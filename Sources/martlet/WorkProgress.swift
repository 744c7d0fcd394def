import Charts
import Glibc
import Persistence
import Telemetry

/// One line at the end of a terminal about long work, which erases itself.
///
/// The work only counts on a meter; a thread looks at it now and then and draws.
final class WorkProgress: Sendable {
  private struct State: Sendable {
    var rate = ProgressRate()
    var entryRate = ProgressRate()
    var isLineShown = false
    var isOver = false
  }

  /// Faster changes nobody can read; what is over sooner needs no line.
  private static let intervalMicroseconds: UInt32 = 200_000
  private static let eraseLine = "\r\u{1b}[K"

  /// What stores and backups are counted in.
  static let blocks = ProgressLine.Unit.items("blocks")

  /// Where the work is counted; nil where nobody watches.
  let meter: WorkMeter?
  private let unit: ProgressLine.Unit
  private let label: String
  private let started = ContinuousClock.now
  private let state = Lock(State())

  /// Silent without a terminal, and with `--json`.
  private init(_ unit: ProgressLine.Unit, _ label: String, _ arguments: Arguments) {
    self.unit = unit
    self.label = label
    meter = arguments.isJSON || !Output.isTerminal ? nil : WorkMeter()
    guard let meter else { return }
    NamedThread("progress") {
      repeat { usleep(Self.intervalMicroseconds) } while self.draw(meter)
    }.detach()
  }

  /// Shows a line about `body`, with a word in front where it is a part of the work.
  static func during<Result>(
    _ arguments: Arguments, _ label: String = "", counting unit: ProgressLine.Unit = .bytes,
    _ body: (WorkProgress) throws -> Result
  ) rethrows -> Result {
    let progress = WorkProgress(unit, label, arguments)
    defer { progress.finish() }
    return try body(progress)
  }

  /// The same for work that waits.
  static func during<Result>(
    _ arguments: Arguments, _ label: String = "", counting unit: ProgressLine.Unit = .bytes,
    _ body: (WorkProgress) async throws -> Result
  ) async rethrows -> Result {
    let progress = WorkProgress(unit, label, arguments)
    defer { progress.finish() }
    return try await body(progress)
  }

  /// False when the work is over.
  private func draw(_ meter: WorkMeter) -> Bool {
    state.withLock { state in
      guard !state.isOver else { return false }
      let done = meter.done
      let (entriesDone, entryTotal) = meter.entries
      let seconds = (ContinuousClock.now - started) / .seconds(1)
      state.rate.note(done, at: seconds)
      state.entryRate.note(entriesDone, at: seconds)
      guard done > 0 || meter.total != nil else { return true }
      let entriesLeft = Double(entryTotal - min(entriesDone, entryTotal))
      let line = ProgressLine(
        done: done, total: meter.total, rate: state.rate.perSecond, unit: unit,
        secondsMin: state.entryRate.perSecond.map { $0 > 0 ? entriesLeft / $0 : 0 } ?? 0,
        label: label)
      // One that wraps could not be erased.
      let fitting = String(line.text.prefix(Terminal.size.columns - 1))
      Output.write(Self.eraseLine + fitting, to: STDERR_FILENO)
      state.isLineShown = true
      return true
    }
  }

  /// So much there is to do.
  func expect(_ total: UInt64) { meter?.expect(total) }

  /// All bytes of the file or the tree at a path are to be read.
  func expect(below path: String, includingHidden: Bool = false) {
    guard let meter else { return }
    TreeMeasurement(includesHidden: includingHidden).expect(path, on: meter)
  }

  /// Takes how far work is that counts by itself.
  func show(_ done: UInt64, of total: UInt64) {
    meter?.expect(total)
    meter?.reach(done)
  }

  /// Prints results while the work goes on.
  func beside(_ print: () -> Void) {
    // Elsewhere they do not meet the line.
    guard meter != nil, isatty(STDOUT_FILENO) == 1 else { return print() }
    state.withLock { state in
      Self.erase(&state)
      print()
    }
  }

  private static func erase(_ state: inout State) {
    if state.isLineShown { Output.write(eraseLine, to: STDERR_FILENO) }
    state.isLineShown = false
  }

  private func finish() {
    state.withLock { state in
      Self.erase(&state)
      state.isOver = true
    }
  }
}
