import Charts
import Cryptography
import Glibc
import NeuralNetworks
import Node
import Primitives
import UsefulWork

/// The page of `--report`.
struct TrainingReport {
  private let outcome: TrainingOutcome
  private let order: TrainingOrder

  /// Batch losses are noisy: the mean of about the last hundredth of the curve's places shows.
  private static let smoothingPlaces = 100.0

  /// Classes listed one by one.
  private static let classRowsMax = 40

  init(_ outcome: TrainingOutcome, _ order: TrainingOrder) {
    self.outcome = outcome
    self.order = order
  }

  private var history: TrainingHistory { outcome.result.history }
  private var task: TrainingTask { outcome.local.task }

  var page: ReportPage {
    ReportPage(
      title: "\(task.architecture.title) on \(Self.fileName(order.data.training))",
      subtitle: "martlet \(AboutCommands.version), kernels \(Kernels.specification) "
        + "(\(Kernels.variantName)), \(Self.now())",
      figures: figures, blocks: charts + classes + tables)
  }

  private static func fileName(_ path: String) -> String {
    path.pathNames.last ?? path
  }

  /// The time of day in words that need no locale.
  private static func now() -> String {
    var seconds = Glibc.time(nil)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1_900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)) UTC"
  }

  private var figures: [ReportPage.Fact] {
    let metrics = outcome.score.metrics.map {
      ReportPage.Fact("test \($0.name)", SessionText.decimal($0.value))
    }
    return metrics + [
      .init("test loss", SessionText.decimal(outcome.score.loss)),
      .init("parameters", Decimals.grouped(task.architecture.parameterCount)),
      .init("steps", Decimals.grouped(task.schedule.steps)),
      .init("time", time),
    ]
  }

  private var time: String {
    history.seconds < 60
      ? "\(Decimals.text(history.seconds, digits: 3)) s"
      : TrainingTable.duration(history.seconds)
  }

  // MARK: Charts

  private static func points(_ curve: StepCurve) -> [Point] {
    curve.means.map { Point(x: $0.step + 1, y: $0.mean) }
  }

  private var charts: [ReportPage.Block] {
    var charts = [lossChart] + metricCharts
    charts.append(
      .chart(
        LineChart(
          title: "Learning rate", xName: "step",
          series: [.init(name: "rate", points: Self.points(history.rates))])))
    if history.gradientNorms.steps > 0 {
      charts.append(
        .chart(
          LineChart(
            title: "Gradient norm", xName: "step",
            series: [.init(name: "norm", points: Self.points(history.gradientNorms))],
            scale: .logarithmic)))
    }
    return charts
  }

  private var lossChart: ReportPage.Block {
    let losses = Self.points(history.losses)
    let places = max(1, Double(losses.count) / Self.smoothingPlaces)
    let test = history.epochs.map { Point(x: Double($0.step), y: $0.testLoss) }
    return .chart(
      LineChart(
        title: "Loss", xName: "step",
        series: [
          .init(name: "batches", points: losses, style: .faint),
          .init(
            name: "training", points: Thinning.smoothed(losses, keep: 1 - 1 / places)),
          .init(name: "test", points: test, style: .second),
        ]))
  }

  private var metricCharts: [ReportPage.Block] {
    let names = history.epochs.first?.metrics.map(\.name) ?? []
    return names.map { name in
      let points = history.epochs.compactMap { score in
        score.metrics.first { $0.name == name }.map { Point(x: Double(score.epoch), y: $0.value) }
      }
      return .chart(
        LineChart(
          title: "Test \(name)", xName: "epoch", series: [.init(name: name, points: points)]))
    }
  }

  // MARK: Classes

  private var classes: [ReportPage.Block] {
    guard let confusion = outcome.score.confusion else { return [] }
    let preparation = outcome.local.data.preparation
    let names = (0..<confusion.classes).map(preparation.name(ofClass:))
    let rows = names.enumerated().map { number, name in
      [
        name, Decimals.fixed(confusion.precision(of: number), places: 4),
        Decimals.fixed(confusion.recall(of: number), places: 4),
        Decimals.fixed(confusion.f1(of: number), places: 4),
        Decimals.grouped(confusion.support(of: number)),
      ]
    }
    var blocks: [ReportPage.Block] = [
      .matrix(
        CountMatrix(
          title: "Confusion on the test data", names: names, counts: confusion.counts)),
      .table(
        title: "Classes of the test data",
        header: ["class", "precision", "recall", "F1", "examples"],
        rows: Array(rows.prefix(Self.classRowsMax)), numbersFrom: 1),
    ]
    if let counts = try? outcome.local.data.classCounts() {
      blocks.append(
        .bars(
          title: "Training examples of each class",
          counts.enumerated().map {
            .init(preparation.name(ofClass: $0.offset), count: $0.element)
          }))
    }
    return blocks
  }

  // MARK: Tables

  private var tables: [ReportPage.Block] {
    [
      .facts(title: "Data", dataFacts), .facts(title: "Training", settingFacts),
      .facts(title: "Hashes", hashFacts),
      .code(title: "Configuration", order.configurationText),
      .code(title: "Command", Self.commandLine),
    ]
  }

  private var dataFacts: [ReportPage.Fact] {
    let data = outcome.local.data
    var facts: [ReportPage.Fact] = [
      .init("training file", data.description.training.path),
      .init("SHA-256", data.description.training.digest.hex),
    ]
    if let test = data.description.test {
      facts += [.init("test file", test.path), .init("SHA-256", test.digest.hex)]
    }
    if let vocabulary = data.preparation.vocabulary {
      facts.append(.init("vocabulary", "\(Decimals.grouped(vocabulary.size)) tokens"))
    }
    let shape = data.training.layout.inputShape.map { "\($0)" }.joined(separator: " × ")
    return facts + [
      .init("inputs", shape), .init("scaling", scaling),
      .init("training rows", Decimals.grouped(data.training.rows)),
      .init("test rows", Decimals.grouped(data.test.rows) + aside),
    ]
  }

  private var scaling: String {
    switch outcome.local.data.description.scaling {
    case .none: "none"
    case .standard: "mean 0 and deviation 1 by the training rows"
    case .divisor(let number): "divided by \(number)"
    }
  }

  private var aside: String {
    let parts = outcome.local.data.description.testPartsPerMillion
    return parts == 0 ? "" : ", \(Decimals.text(Double(parts) / 1e4, digits: 4)) % kept aside"
  }

  private var settingFacts: [ReportPage.Fact] {
    let settings = task.settings
    return [
      .init("loss", task.architecture.output.name), .init("optimizer", settings.optimizer.name),
      .init("learning rate", "\(settings.learningRate)"),
      .init("batch size", Decimals.grouped(settings.batchSize)),
      .init("epochs", Decimals.grouped(settings.epochs)), .init("seed", "\(task.seed)"),
      .init("threads", "\(outcome.local.threads)"),
    ]
  }

  private var hashFacts: [ReportPage.Fact] {
    var facts: [ReportPage.Fact] = [
      .init("model", outcome.finalHash), .init("task", task.digest.hex),
      .init("examples", task.dataset.hex), .init("base model", task.base.hex),
    ]
    if let record = outcome.result.record { facts.append(.init("work root", record.workRoot.hex)) }
    return facts
  }

  /// What was typed, in a form that can be typed again.
  private static var commandLine: String {
    (["martlet"] + CommandLine.arguments.dropFirst()).map(quoted).joined(separator: " ")
  }

  private static func quoted(_ word: String) -> String {
    let plain = word.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "-_./:=,+@%".utf8.contains(byte)
      }
    }
    guard !plain || word.isEmpty else { return word }
    return "'"
      + word.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "'\\''") + "'"
  }
}
