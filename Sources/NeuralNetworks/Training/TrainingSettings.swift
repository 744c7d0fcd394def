public import Primitives

/// How a client trains in one round.
public struct TrainingSettings: Hashable, Sendable {
  /// η of w ← w − η·g, before the schedule.
  public let learningRate: Float
  /// Examples of one step; the last batch of an epoch may be smaller.
  public let batchSize: Int
  /// Passes over the client's examples in one round.
  public let epochs: Int
  /// The rule that turns gradients into steps. Its state starts at 0 in each round.
  public let optimizer: Optimizer
  /// How the learning rate changes within the round.
  public let schedule: LearningRateSchedule
  /// Gradients longer than this are shortened to it; nil leaves them.
  public let gradientNormMax: Float?

  /// Bounds of one round's work.
  public enum Limits {
    /// Above it any network of ours diverges at once.
    public static let learningRateMax: Float = 100
    /// Bounds the activations a worker must hold.
    public static let batchSizeMax = 1 << 16
    /// Keeps the global epoch number (round · epochs) inside 32 bits with `TrainingTask`'s rounds.
    public static let epochsMax = 1_000
  }

  /// Checks the settings.
  public init(
    learningRate: Float, batchSize: Int, epochs: Int, optimizer: Optimizer = .sgd,
    schedule: LearningRateSchedule = .constant, gradientNormMax: Float? = nil
  ) throws(TrainingSettingsError) {
    guard learningRate > 0, learningRate <= Limits.learningRateMax else {
      throw .learningRate(learningRate)
    }
    guard (1...Limits.batchSizeMax).contains(batchSize) else { throw .batchSize(batchSize) }
    guard (1...Limits.epochsMax).contains(epochs) else { throw .epochs(epochs) }
    if let gradientNormMax, !(gradientNormMax > 0 && gradientNormMax.isFinite) {
      throw .gradientNorm(gradientNormMax)
    }
    self.learningRate = learningRate
    self.batchSize = batchSize
    self.epochs = epochs
    self.optimizer = optimizer
    self.schedule = schedule
    self.gradientNormMax = gradientNormMax
  }
}

/// Which setting was out of its range.
public enum TrainingSettingsError: Error, Equatable, Sendable {
  case learningRate(Float)
  case batchSize(Int)
  case epochs(Int)
  case momentum(Float)
  case nesterovWithoutMomentum
  case weightDecay(Float)
  case epsilon(Float)
  /// A constant that belongs between 0 and 1; `name` is the key of a configuration.
  case fraction(name: String, Double)
  case warmupSteps(Int)
  case stepEpochs(Int)
  case gradientNorm(Float)
}

extension TrainingSettingsError: CustomStringConvertible {
  /// One lower-case sentence with the range.
  public var description: String {
    typealias Limits = TrainingSettings.Limits
    return switch self {
    case .learningRate(let value):
      "the learning rate \(value) is not above 0 and at most \(Limits.learningRateMax)"
    case .batchSize(let value): "the batch size \(value) is not in 1…\(Limits.batchSizeMax)"
    case .epochs(let value): "\(value) local epochs are not in 1…\(Limits.epochsMax)"
    case .momentum(let value): "the momentum \(value) is not in 0..<1"
    case .nesterovWithoutMomentum: "nesterov needs a momentum above 0"
    case .weightDecay(let value): "the weight decay \(value) is not in 0..<1"
    case .epsilon(let value): "epsilon \(value) is not between 0 and 1"
    case .fraction(let name, let value): "\(name) \(value) is not between 0 and 1"
    case .warmupSteps(let value):
      "\(value) warm-up steps are not in 0…\(LearningRateSchedule.warmupStepsMax)"
    case .stepEpochs(let value):
      "a step of \(value) epochs is not in 1…\(Limits.epochsMax)"
    case .gradientNorm(let value): "the largest gradient norm \(value) is not a positive number"
    }
  }
}

extension TrainingSettings: CanonicalCodable {
  /// Real numbers appear as their IEEE 754 bit patterns: canonical bytes hold no floats.
  public var canonicalValue: CanonicalValue {
    var fields: [String: CanonicalValue] = [
      "batch": .unsigned(UInt64(batchSize)), "epochs": .unsigned(UInt64(epochs)),
      "rate": .bits(learningRate), "optimizer": optimizer.canonicalValue,
      "schedule": schedule.canonicalValue,
    ]
    if let gradientNormMax { fields["clip"] = .bits(gradientNormMax) }
    return .map(fields)
  }

  /// Reads and checks settings.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let batch = try fields.count("batch", max: Limits.batchSizeMax)
    let epochs = try fields.count("epochs", max: Limits.epochsMax)
    let rate = try fields.float("rate")
    let optimizer = try fields.nested("optimizer", as: Optimizer.self)
    let schedule = try fields.nested("schedule", as: LearningRateSchedule.self)
    var clip: Float?
    if let value = fields.optional("clip") {
      guard case .unsigned(let bits) = value, let bits = UInt32(exactly: bits) else {
        throw .malformed(what: "clip", reason: "expected 32 bits")
      }
      clip = Float(bitPattern: bits)
    }
    try fields.finish()
    do {
      try self.init(
        learningRate: rate, batchSize: batch, epochs: epochs, optimizer: optimizer,
        schedule: schedule, gradientNormMax: clip)
    } catch {
      throw .malformed(what: "training settings", reason: error.description)
    }
  }
}
