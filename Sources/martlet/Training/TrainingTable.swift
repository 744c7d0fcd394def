import Charts
import Glibc
import Node
import Telemetry

/// What a person sees while a model trains: a table and a curve that rewrite themselves on a
/// terminal, a line for each epoch elsewhere, nothing with `--json`.
final class TrainingTable: Sendable {
  private struct State {
    var epochs: [EpochScore] = []
    var curve = StepCurve()
    var running = (step: 0, loss: 0.0, rate: 0.0)
    var steps = 0
    var epochCount = 0
    /// Where this run began, to tell its pace.
    var firstStep = 0
    var beganAt = 0.0
    var drawnAt = 0.0
    var block = LiveBlock()
    var printedEpochs = 0
  }

  private enum Limits {
    /// Epochs shown above the running one.
    static let epochsShown = 8
    /// Seconds between two drawings: faster than this nobody reads.
    static let drawSeconds = 0.1
    /// Lines of a run that nobody watches, however many epochs it has.
    static let plainLines = 40
    static let plotRows = 8
    static let plotColumns = 64
    /// Batches differ: a mean over this part of the curve shows.
    static let smoothingPlaces = 50.0
    /// A curve that falls by more than this would lie on the lower edge of a linear plot.
    static let linearRatio = 10.0
  }

  private let isQuiet: Bool
  private let isTerminal = Output.isTerminal
  private let state = Lock(State())

  /// - Parameter isQuiet: shows nothing.
  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  /// Takes news in.
  func take(_ news: TrainingNews) {
    guard !isQuiet else { return }
    state.withLock { state in
      switch news {
      case .began(let step, let steps, let epochs):
        state.firstStep = step
        state.running.step = step
        state.steps = steps
        state.epochCount = epochs
        state.beganAt = Clock.seconds()
        if step > 0 { Output.note("going on behind step \(step) of \(steps)") }
      case .stepped(let step, let loss, let rate, let losses):
        state.curve = losses
        state.running = (step, loss, rate)
        if isTerminal { drawIfDue(&state) }
      case .scored(let score):
        state.epochs.append(score)
        if !isTerminal { printIfDue(score, &state) }
      case .saved: break
      }
    }
  }

  /// Leaves the last picture.
  func finish() {
    guard !isQuiet, isTerminal else { return }
    state.withLock { state in
      draw(&state)
      state.block.leave()
    }
  }

  // MARK: Lines

  private static func header(metric: String?) -> String {
    row(["epoch", "step", "loss", "test loss", metric ?? "metric", "rate", "steps/s", "left"])
  }

  private static let widths = [9, 9, 9, 10, 11, 9, 8, 8]

  private static func row(_ cells: [String]) -> String {
    zip(cells, widths).map { cell, width in
      String(repeating: " ", count: max(1, width - cell.count)) + cell
    }.joined()
  }

  private func line(_ score: EpochScore, _ state: State) -> String {
    Self.row([
      "\(score.epoch)/\(state.epochCount)", "\(score.step)",
      Decimals.text(score.trainingLoss, digits: 4), Decimals.text(score.testLoss, digits: 4),
      score.metrics.first.map { Decimals.text($0.value, digits: 4) } ?? "",
      Decimals.text(state.running.rate, digits: 3), "", "",
    ])
  }

  private func running(_ state: State) -> String {
    let seconds = Clock.seconds() - state.beganAt
    let done = state.running.step - state.firstStep
    let pace = seconds > 0 ? Double(done) / seconds : 0
    let left = pace > 0 ? Double(state.steps - state.running.step) / pace : nil
    let perEpoch = max(1, state.steps / max(1, state.epochCount))
    return Self.row([
      "\(min(state.epochCount, state.running.step / perEpoch + 1))/\(state.epochCount)",
      "\(state.running.step)", Decimals.text(state.running.loss, digits: 4), "", "",
      Decimals.text(state.running.rate, digits: 3), Decimals.text(pace, digits: 3),
      left.map(Self.duration) ?? "",
    ])
  }

  /// "0:07", "12:30" or "3:05:00".
  static func duration(_ seconds: Double) -> String {
    let whole = Int(min(max(0, seconds), 1e7).rounded(.up))
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let (hours, minutes) = (whole / 3_600, whole / 60 % 60)
    return hours > 0
      ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
  }

  private func printIfDue(_ score: EpochScore, _ state: inout State) {
    // Every so many epochs, so that a long run stays a screenful; the last one always.
    let due = score.epoch * Limits.plainLines / max(1, state.epochCount)
    guard due > state.printedEpochs || score.epoch == state.epochCount else { return }
    if state.printedEpochs == 0 {
      Output.note(Self.header(metric: score.metrics.first?.name))
    }
    state.printedEpochs = max(1, due)
    Output.note(line(score, state))
  }

  // MARK: The picture

  private func drawIfDue(_ state: inout State) {
    let now = Clock.seconds()
    guard now - state.drawnAt >= Limits.drawSeconds else { return }
    state.drawnAt = now
    draw(&state)
  }

  private func draw(_ state: inout State) {
    let (columns, rows) = Terminal.size
    let metric = state.epochs.last?.metrics.first?.name
    var lines = [Self.header(metric: metric)]
    lines += state.epochs.suffix(Limits.epochsShown).map { line($0, state) }
    if state.running.step < state.steps { lines.append(running(state)) }
    let plotRows = min(Limits.plotRows, rows - lines.count - 5)
    if plotRows >= 3 { lines += plot(state, columns: columns, rows: plotRows) }
    state.block.show(lines)
  }

  private func plot(_ state: State, columns: Int, rows: Int) -> [String] {
    let means = state.curve.means.map { Point(x: $0.step + 1, y: $0.mean) }
    let places = max(1, Double(means.count) / Limits.smoothingPlaces)
    let points = Thinning.smoothed(means, keep: 1 - 1 / places)
    let isWide = (points.map(\.y).max() ?? 0) > Limits.linearRatio * (points.map(\.y).min() ?? 0)
    let plot = TextPlot(
      title: isWide ? "loss, logarithmic" : "loss", xName: "step",
      columns: min(Limits.plotColumns, columns - 12), rows: rows,
      scale: isWide ? .logarithmic : .linear,
      characters: Terminal.isUnicode ? .braille : .ascii)
    return plot.lines(points).map { "  " + $0 }
  }
}
