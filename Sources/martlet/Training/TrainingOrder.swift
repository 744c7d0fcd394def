import NeuralNetworks
import Node
import Persistence
import Primitives
import UsefulWork

/// The options of `martlet train`, read and checked.
struct TrainingOrder {
  let configurationPath: String
  let configuration: ModelConfiguration
  let configurationText: String
  let dataPath: String
  let testPath: String?
  let testFraction: Double
  let settings: TrainingSettings
  let seed: UInt64
  let segmentSteps: Int
  let commitDirectory: String?
  let modelPath: String?
  let reportPath: String?
  let resumeDirectory: String?
  let checkpointSeconds: Int
  let stateBudget: ByteCount

  private enum Limits {
    static let configurationBytesMax = 1 << 20
    static let checkpointSecondsDefault = 30
    /// A whole day between checkpoints is as good as none.
    static let checkpointSecondsMax = 86_400
    static let epochsDefault = 10
    static let batchSizeDefault = 32
    static let rateDefault = 0.1
    static let testFractionDefault = 0.2
    /// Nobody trains on less than a twentieth of the data.
    static let testFractionMax = 0.95
    static let stateMebibytesMax = 1 << 20
  }

  static let options = [
    Option(name: "config", value: "FILE", short: "c", summary: "model_config.json"),
    Option(name: "data", value: "FILE", short: "d", summary: "training data: CSV, also as .gz"),
    Option(name: "test", value: "FILE", summary: "test data of the same form"),
    Option(
      name: "test-fraction", value: "X", summary: "or this share of the rows (default 0.2)"),
    Option(name: "epochs", value: "N", short: "e", summary: "passes over the data (default 10)"),
    Option(name: "seed", value: "N", summary: "fixes initialisation and order (default 0)"),
    Option(name: "batch-size", value: "N", short: "b", summary: "examples a step (default 32)"),
    Option(name: "rate", value: "X", short: "l", summary: "learning rate (default 0.1)"),
    Option(name: "save", value: "FILE", summary: "write the model as safetensors"),
    Option(name: "report", value: "FILE", summary: "write a page with charts (HTML)"),
    Option(name: "commit", value: "DIR", summary: "write a work commitment that others can check"),
    Option(
      name: "segment-steps", value: "N", summary: "steps of one committed segment (default 10)"),
    Option(
      name: "state-budget", value: "MIB", summary: "room for kept start states (default 64)"),
    Option(name: "resume", value: "DIR", summary: "keep the checkpoint in DIR and go on from it"),
    Option(
      name: "checkpoint-seconds", value: "N",
      summary: "time between checkpoints (default 30)"),
  ]

  init(_ arguments: Arguments) throws {
    configurationPath = try arguments.required("config")
    dataPath = try arguments.required("data")
    testPath = arguments.text("test")
    guard testPath == nil || arguments.text("test-fraction") == nil else {
      throw CommandFailure.usage("--test and --test-fraction name two test sets", hint: "give one")
    }
    testFraction =
      try arguments.number("test-fraction", in: 0.001...Limits.testFractionMax)
      ?? Limits.testFractionDefault
    (configuration, configurationText) = try Self.configuration(configurationPath)
    seed = UInt64(try arguments.integer("seed", in: 0...Int.max) ?? 0)
    segmentSteps =
      try arguments.integer("segment-steps", in: 1...TrainingTask.Limits.segmentStepsMax)
      ?? TrainingTask.Limits.segmentStepsDefault
    checkpointSeconds =
      try arguments.integer("checkpoint-seconds", in: 0...Limits.checkpointSecondsMax)
      ?? Limits.checkpointSecondsDefault
    stateBudget =
      try arguments.integer("state-budget", in: 0...Limits.stateMebibytesMax)
      .map { .mebibytes($0) } ?? CommitmentDirectory.stateBudgetDefault
    commitDirectory = arguments.text("commit")
    modelPath = arguments.text("save")
    reportPath = arguments.text("report")
    resumeDirectory = arguments.text("resume")
    settings = try Self.settings(arguments, configuration)
  }

  private static func settings(
    _ arguments: Arguments, _ configuration: ModelConfiguration
  ) throws -> TrainingSettings {
    typealias Bounds = TrainingSettings.Limits
    let rate = try arguments.number("rate", in: 0...Double(Bounds.learningRateMax))
    do {
      return try TrainingSettings(
        learningRate: Float(rate ?? Limits.rateDefault),
        batchSize: try arguments.integer("batch-size", in: 1...Bounds.batchSizeMax)
          ?? Limits.batchSizeDefault,
        epochs: try arguments.integer("epochs", in: 1...Bounds.epochsMax) ?? Limits.epochsDefault,
        optimizer: configuration.optimizer)
    } catch let error as TrainingSettingsError {
      throw CommandFailure.usage("\(error)")
    }
  }

  /// Reads `model_config.json`; its text goes into the report.
  static func configuration(_ path: String) throws -> (ModelConfiguration, String) {
    guard let bytes = try AtomicFile.read(path, byteCountMax: Limits.configurationBytesMax) else {
      throw CommandFailure(
        "there is no file \(path)", hint: "see Examples/model_config.json", code: .notFound)
    }
    do {
      return (try ModelConfiguration(json: bytes), String(decoding: bytes, as: UTF8.self))
    } catch {
      throw CommandFailure("\(path): \(error)", hint: "see Examples/model_config.json")
    }
  }
}
