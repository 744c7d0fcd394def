import NeuralNetworks
import Node
import Persistence
import Primitives
import UsefulWork

/// The options of `martlet train`, read and checked.
struct TrainingOrder {
  let configuration: ModelConfiguration
  let configurationText: String
  let data: DataOrder
  let settings: TrainingSettings
  let seed: UInt64
  let threads: Int
  let segmentSteps: Int
  let commitDirectory: String?
  let modelPath: String?
  let reportPath: String?
  let resumeDirectory: String?
  let checkpointSeconds: Int
  let stateBudget: ByteCount
  let lie: Int?
  let initialPath: String?
  let namesPath: String?

  private enum Limits {
    static let configurationBytesMax = 1 << 20
    static let checkpointSecondsDefault = 30
    /// A whole day between checkpoints is as good as none.
    static let checkpointSecondsMax = 86_400
    static let epochsDefault = 10
    static let batchSizeDefault = 32
    static let testFractionDefault = 0.2
    /// Nobody trains on less than a twentieth of the data.
    static let testFractionMax = 0.95
    static let stateMebibytesMax = 1 << 20
    /// Divisors of features: 16 for the digits, 255 for bytes, 65,535 for deep images.
    static let scaleRange = 1e-6...1e6
    static let threadsMax = 256
  }

  static let options =
    [
      Option(name: "config", value: "FILE", short: "c", summary: "model_config.json"),
      Option(
        name: "data", value: "FILE", short: "d", summary: "CSV, NPY, NPZ, IDX or text, also .gz"),
      Option(name: "test", value: "FILE", summary: "test data of the same form, or"),
      Option(name: "test-fraction", value: "X", summary: "the share kept aside (default 0.2)"),
    ] + dataOptions + [
      Option(name: "epochs", value: "N", short: "e", summary: "passes over the data"),
      Option(name: "seed", value: "N", summary: "fixes initialisation and order (default 0)"),
      Option(name: "batch-size", value: "N", short: "b", summary: "examples a step"),
      Option(name: "rate", value: "X", short: "l", summary: "learning rate"),
      Option(name: "threads", value: "N", summary: "the same bits with any number (default 1)"),
      Option(name: "initial", value: "FILE", summary: "begin with this safetensors or ONNX model"),
      Option(name: "names", value: "MAP", summary: "which of its tensors becomes which (JSON)"),
      Option(name: "save", value: "FILE", summary: "write the model as safetensors"),
      Option(name: "report", value: "FILE", summary: "write a page with charts (HTML)"),
      Option(name: "commit", value: "DIR", summary: "write a work commitment to be checked"),
      Option(name: "segment-steps", value: "N", summary: "steps of a segment (default 10)"),
      Option(
        name: "state-budget", value: "SIZE", summary: "room for start states (default 64MiB)"),
      Option(name: "resume", value: "DIR", summary: "keep the checkpoint in DIR, go on from it"),
      Option(
        name: "checkpoint-seconds", value: "N", summary: "between checkpoints (default 30)"),
      Option(name: "lie", value: "STEP", summary: "flip a bit in this step, to see it found"),
    ]

  private static let dataOptions = [
    Option(name: "labels", value: "FILE", summary: "labels beside an array of features"),
    Option(name: "test-labels", value: "FILE", summary: "the same for --test"),
    Option(name: "target", value: "NAME", summary: "the label column (default the last)"),
    Option(name: "scale", value: "HOW", summary: "standard, none, or a divisor such as 255"),
  ]

  init(_ arguments: Arguments) throws {
    (configuration, configurationText) = try Self.configuration(arguments.required("config"))
    data = try Self.data(arguments)
    settings = try Self.settings(arguments, configuration)
    seed = UInt64(try arguments.integer("seed", in: 0...Int.max) ?? 0)
    threads = try Self.threads(arguments)
    segmentSteps =
      try arguments.integer("segment-steps", in: 1...TrainingTask.Limits.segmentStepsMax)
      ?? TrainingTask.Limits.segmentStepsDefault
    checkpointSeconds =
      try arguments.integer("checkpoint-seconds", in: 0...Limits.checkpointSecondsMax)
      ?? Limits.checkpointSecondsDefault
    stateBudget =
      try arguments.size(
        "state-budget", max: .mebibytes(Limits.stateMebibytesMax), bareUnit: .mebibytes(1))
      ?? CommitmentDirectory.stateBudgetDefault
    commitDirectory = arguments.text("commit")
    modelPath = arguments.text("save")
    reportPath = arguments.text("report")
    resumeDirectory = arguments.text("resume")
    lie = try arguments.integer("lie", in: 0...Int(Int32.max))
    (initialPath, namesPath) = (arguments.text("initial"), arguments.text("names"))
    try checkInitial()
    try checkMinimumAccuracy(arguments)
  }

  /// Who checks a commitment makes the first model from the seed.
  private func checkInitial() throws {
    guard initialPath != nil || namesPath == nil else {
      throw CommandFailure.usage("--names belongs to a model", hint: "give --initial FILE")
    }
    guard initialPath == nil || commitDirectory == nil else {
      throw CommandFailure.usage(
        "--commit does not go with --initial",
        hint: "a commitment is checked from the seed; leave one of them away")
    }
  }

  private func checkMinimumAccuracy(_ arguments: Arguments) throws {
    let architecture = configuration.architecture
    let isValues = if case .values = architecture.output { true } else { false }
    if isValues || architecture.readsTokens, configuration.minimumAccuracy != nil {
      throw CommandFailure(
        "\(arguments.text("config") ?? ""): the model has no accuracy for `min_accuracy`",
        hint: "leave it out, or train a model of classes")
    }
  }

  static func threads(_ arguments: Arguments) throws -> Int {
    try Settings(arguments: arguments).integer("threads", in: 1...Limits.threadsMax)
  }

  private static func data(_ arguments: Arguments) throws -> DataOrder {
    guard arguments.text("test") == nil || arguments.text("test-fraction") == nil else {
      throw CommandFailure.usage("--test and --test-fraction name two test sets", hint: "give one")
    }
    return DataOrder(
      training: try arguments.required("data"), labels: arguments.text("labels"),
      test: arguments.text("test"), testLabels: arguments.text("test-labels"),
      testFraction: try arguments.number("test-fraction", in: 0.001...Limits.testFractionMax)
        ?? Limits.testFractionDefault,
      targetColumn: arguments.text("target"), scaling: try scaling(arguments))
  }

  private static func scaling(_ arguments: Arguments) throws -> DataScaling? {
    switch arguments.text("scale") {
    case nil: return nil
    case "standard": return .standard
    case "none": return DataScaling.none
    case .some(let text):
      guard let number = Double(text), Limits.scaleRange.contains(number) else {
        throw CommandFailure.usage(
          "--scale is `\(text)`", hint: "give standard, none, or a number to divide by")
      }
      return .divisor(Float(number))
    }
  }

  /// A flag beats the file, the file beats the default.
  private static func settings(
    _ arguments: Arguments, _ configuration: ModelConfiguration
  ) throws -> TrainingSettings {
    typealias Bounds = TrainingSettings.Limits
    let rate = try arguments.number("rate", in: 0...Double(Bounds.learningRateMax)).map {
      Float($0)
    }
    do {
      return try TrainingSettings(
        learningRate: rate ?? configuration.learningRate
          ?? configuration.optimizer.usualRate,
        batchSize: try arguments.integer("batch-size", in: 1...Bounds.batchSizeMax)
          ?? configuration.batchSize ?? Limits.batchSizeDefault,
        epochs: try arguments.integer("epochs", in: 1...Bounds.epochsMax)
          ?? configuration.epochs ?? Limits.epochsDefault,
        optimizer: configuration.optimizer, schedule: configuration.schedule,
        gradientNormMax: configuration.gradientNormMax)
    } catch let error as TrainingSettingsError {
      throw CommandFailure.usage("\(error)")
    }
  }

  /// Reads `model_config.json`; its text goes into the report.
  private static func configuration(_ path: String) throws -> (ModelConfiguration, String) {
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

extension Optimizer {
  /// What its authors and PyTorch's tutorials begin with.
  fileprivate var usualRate: Float {
    switch rule {
    case .sgd: 0.1
    case .adam, .adamW, .rmsProp: 0.001
    case .adaGrad: 0.01
    }
  }
}

extension ModelArchitecture {
  /// A few words for people: "mlp 64-128-10", "cnn 8×8×1".
  var title: String {
    switch body {
    case .perceptron(let network):
      "\(familyName) \(network.units.map { "\($0)" }.joined(separator: "-"))"
    case .convolutional(let network):
      "\(familyName) \(network.image.height)×\(network.image.width)×\(network.image.channels)"
    case .transformer(let network):
      "\(familyName) \(network.layers)×\(network.width), context \(network.context)"
    case .logistic(let inputs, let outputs), .linear(let inputs, let outputs):
      "\(familyName) \(inputs)-\(outputs)"
    }
  }
}
