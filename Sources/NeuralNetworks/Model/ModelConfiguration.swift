public import Primitives

/// A model and how it is trained: what `model_config.json` says (docs/model-configuration.md).
///
/// Every key or value that is not understood is refused by its path.
public struct ModelConfiguration: Hashable, Sendable {
  /// Sizes, loss and parameters.
  public var architecture: ModelArchitecture
  /// The rule that turns gradients into steps.
  public var optimizer: Optimizer
  /// How the learning rate changes.
  public var schedule: LearningRateSchedule
  /// The learning rate, if the file has one; an order or a flag comes first.
  public var learningRate: Float?
  /// Examples of one step, if the file has them.
  public var batchSize: Int?
  /// Passes over the data, if the file has them.
  public var epochs: Int?
  /// Training may end once this is reached.
  public var minimumAccuracy: Double?
  /// Gradients longer than this are shortened to it.
  public var gradientNormMax: Float?
  /// What is reported.
  public var metrics: [MetricName]

  /// What can be reported.
  public enum MetricName: String, Hashable, Sendable, CaseIterable {
    case accuracy, loss, precision, recall, f1, auc
    case confusionMatrix = "confusion_matrix"
    case perplexity, r2
  }

  /// Collects the parts.
  public init(
    architecture: ModelArchitecture, optimizer: Optimizer = .sgd,
    schedule: LearningRateSchedule = .constant, learningRate: Float? = nil, batchSize: Int? = nil,
    epochs: Int? = nil, minimumAccuracy: Double? = nil, gradientNormMax: Float? = nil,
    metrics: [MetricName] = []
  ) {
    self.architecture = architecture
    self.optimizer = optimizer
    self.schedule = schedule
    self.learningRate = learningRate
    self.batchSize = batchSize
    self.epochs = epochs
    self.minimumAccuracy = minimumAccuracy
    self.gradientNormMax = gradientNormMax
    self.metrics = metrics
  }

  /// Reads `model_config.json`; `family` comes before its `model_type`.
  public init(json bytes: Bytes, family: String? = nil) throws(ModelConfigurationError) {
    do {
      try self.init(JSONValue(parsing: bytes), family: family)
    } catch let failure as DecodingFailure {
      throw .notJSON(failure)
    } catch let failure as ModelConfigurationError {
      throw failure
    } catch {
      preconditionFailure("only these two errors are thrown")
    }
  }

  /// Reads a parsed document; `family` comes before its `model_type`.
  public init(
    _ document: JSONValue, family: String? = nil
  ) throws(ModelConfigurationError) {
    var root = try ConfigurationObject(document, path: "")
    architecture = try ModelArchitecture(from: &root, family: family)
    var rule = try root.object("optimizer")
    optimizer = try Optimizer(from: &rule)
    let inner = try rule.optionalNumber("learning_rate").map { Float($0) }
    try rule.finish()
    learningRate = try root.optionalNumber("learning_rate").map { Float($0) } ?? inner
    schedule = try LearningRateSchedule(from: &root)
    batchSize = try root.optionalInteger("batch_size")
    let words = [try root.optionalInteger("epochs"), try root.optionalInteger("max_epochs")]
    guard words.contains(nil) else { throw .duplicateKey(path: "max_epochs") }
    epochs = words.compactMap(\.self).first
    minimumAccuracy = try root.optionalNumber("min_accuracy")
    if let minimumAccuracy, !(0...1).contains(minimumAccuracy) {
      throw .settings(.fraction(name: "min_accuracy", minimumAccuracy))
    }
    gradientNormMax = try root.optionalNumber("gradient_clip").map { Float($0) }
    metrics = try Self.metrics(root.optional("metrics"))
    try root.finish()
    try checkSettings()
  }

  /// Checks rate, batch, epochs and clip as a training would.
  private func checkSettings() throws(ModelConfigurationError) {
    do {
      _ = try TrainingSettings(
        learningRate: learningRate ?? 1, batchSize: batchSize ?? 1, epochs: epochs ?? 1,
        gradientNormMax: gradientNormMax)
    } catch {
      throw .settings(error)
    }
  }

  private static func metrics(
    _ value: JSONValue?
  ) throws(ModelConfigurationError) -> [MetricName] {
    guard let value else { return [] }
    guard let list = value.elements else {
      throw .wrongType(path: "metrics", expected: "a list of names")
    }
    var metrics: [MetricName] = []
    for (index, element) in list.enumerated() {
      guard let name = element.text.flatMap(MetricName.init(rawValue:)) else {
        throw .unsupported(
          path: "metrics[\(index)]", value: element.text ?? "\(element)",
          supported: MetricName.allCases.map(\.rawValue))
      }
      metrics.append(name)
    }
    return metrics
  }
}

extension Optimizer {
  /// The names of a configuration.
  static let names = ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad"]

  /// The usual momentum where a name implies one.
  private static let momentumDefault: Float = 0.9

  fileprivate init(from object: inout ConfigurationObject) throws(ModelConfigurationError) {
    let name = try object.word("type", oneOf: Self.names)
    let rule = try Self.rule(name, from: &object)
    let decay = try object.number("weight_decay", default: 0)
    do {
      try self.init(rule, weightDecay: decay)
    } catch {
      throw .settings(error)
    }
  }

  private static func rule(
    _ name: String, from object: inout ConfigurationObject
  ) throws(ModelConfigurationError) -> Rule {
    switch name {
    case "adam", "adamw":
      let usual = Moments()
      let moments = Moments(
        first: try object.optionalNumber("beta1") ?? usual.first,
        second: try object.optionalNumber("beta2") ?? usual.second,
        epsilon: try object.number("epsilon", default: usual.epsilon))
      return name == "adam" ? .adam(moments) : .adamW(moments)
    case "rmsprop":
      return .rmsProp(
        smoothing: try object.optionalNumber("alpha") ?? 0.99,
        epsilon: try object.number("epsilon", default: 1e-8),
        momentum: try object.number("momentum", default: 0))
    case "adagrad":
      return .adaGrad(
        epsilon: try object.number("epsilon", default: 1e-10),
        rateDecay: try object.optionalNumber("lr_decay") ?? 0)
    default:
      let momentum = try object.number(
        "momentum", default: name == "sgd" ? 0 : momentumDefault)
      let nesterov = name == "nesterov" ? true : try object.flag("nesterov", default: false)
      return .sgd(momentum: momentum, nesterov: nesterov)
    }
  }
}

extension LearningRateSchedule {
  fileprivate init(from root: inout ConfigurationObject) throws(ModelConfigurationError) {
    guard var object = try root.optionalObject("schedule") else {
      self = .constant
      return
    }
    let decay: Decay
    switch try object.word("type", oneOf: ["constant", "step", "exponential", "cosine"]) {
    case "step":
      decay = .step(
        epochs: try object.integer("step_epochs"),
        factor: try object.optionalNumber("factor") ?? 0.1)
    case "exponential": decay = .exponential(factor: try object.optionalNumber("factor") ?? 0.95)
    case "cosine": decay = .cosine(floor: try object.optionalNumber("floor") ?? 0)
    default: decay = .constant
    }
    let warmup = try object.optionalInteger("warmup_steps") ?? 0
    try object.finish()
    do {
      try self.init(decay, warmupSteps: warmup)
    } catch {
      throw .settings(error)
    }
  }
}

/// Why a model configuration was refused; `path` names the key.
public enum ModelConfigurationError: Error, Equatable, Sendable {
  case notJSON(DecodingFailure)
  case missing(path: String)
  case unknownKey(path: String)
  case duplicateKey(path: String)
  case wrongType(path: String, expected: String)
  case unsupported(path: String, value: String, supported: [String])
  case architecture(ModelArchitectureError)
  case settings(TrainingSettingsError)
}

extension ModelConfigurationError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .notJSON(let failure): failure.description
    case .missing(let path): "the key `\(path)` is missing"
    case .unknownKey(let path): "the key `\(path)` is unknown"
    case .duplicateKey(let path): "the key `\(path)` occurs twice"
    case .wrongType(let path, let expected): "`\(path)` is not \(expected)"
    case .unsupported(let path, let value, let supported):
      "`\(path)` is `\(value)`; supported: \(supported.joined(separator: ", "))"
    case .architecture(let error): error.description
    case .settings(let error): error.description
    }
  }
}

/// Fuzz entry: any bytes give a configuration or a `ModelConfigurationError`.
package func fuzzModelConfiguration(_ bytes: Bytes) {
  _ = try? ModelConfiguration(json: bytes)
}
