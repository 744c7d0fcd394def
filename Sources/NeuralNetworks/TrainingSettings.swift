public import Primitives

/// How a client trains in one round.
public struct TrainingSettings: Hashable, Sendable {
  /// η of w ← w − η·g.
  public let learningRate: Float
  /// Examples of one step; the last batch of an epoch may be smaller.
  public let batchSize: Int
  /// Passes over the client's examples in one round.
  public let epochs: Int
  /// The rule that turns gradients into steps.
  public let optimizer: Optimizer

  /// Stochastic gradient descent with the momentum and L2 decay of PyTorch's `SGD`:
  /// d = g + decay·w; v ← momentum·v + d; w ← w − η·v. Velocity starts at 0 in each round.
  public struct Optimizer: Hashable, Sendable {
    /// μ, 0 for none.
    public let momentum: Float
    /// λ, 0 for none.
    public let weightDecay: Float
    /// Whether a velocity is part of the state.
    public var hasVelocity: Bool { momentum != 0 || weightDecay != 0 }
    /// Plain gradient descent.
    public static let sgd = Optimizer(uncheckedMomentum: 0, weightDecay: 0)

    private init(uncheckedMomentum: Float, weightDecay: Float) {
      momentum = uncheckedMomentum
      self.weightDecay = weightDecay
    }

    /// Checks 0 ≤ momentum < 1 and 0 ≤ decay < 1.
    public init(momentum: Float, weightDecay: Float) throws(TrainingSettingsError) {
      guard (0..<1).contains(momentum) else { throw .momentum(momentum) }
      guard (0..<1).contains(weightDecay) else { throw .weightDecay(weightDecay) }
      // + 0 turns −0 into +0, so that equal settings have equal bytes.
      self.init(uncheckedMomentum: momentum + 0, weightDecay: weightDecay + 0)
    }
  }

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
    learningRate: Float, batchSize: Int, epochs: Int, optimizer: Optimizer = .sgd
  ) throws(TrainingSettingsError) {
    guard learningRate > 0, learningRate <= Limits.learningRateMax else {
      throw .learningRate(learningRate)
    }
    guard (1...Limits.batchSizeMax).contains(batchSize) else { throw .batchSize(batchSize) }
    guard (1...Limits.epochsMax).contains(epochs) else { throw .epochs(epochs) }
    self.learningRate = learningRate
    self.batchSize = batchSize
    self.epochs = epochs
    self.optimizer = optimizer
  }
}

/// Which setting was out of its range.
public enum TrainingSettingsError: Error, Equatable, Sendable {
  case learningRate(Float)
  case batchSize(Int)
  case epochs(Int)
  case momentum(Float)
  case weightDecay(Float)
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
    case .weightDecay(let value): "the weight decay \(value) is not in 0..<1"
    }
  }
}

extension TrainingSettings: CanonicalCodable {
  /// Real numbers appear as their IEEE 754 bit patterns: canonical bytes hold no floats.
  public var canonicalValue: CanonicalValue {
    .map([
      "batch": .unsigned(UInt64(batchSize)), "epochs": .unsigned(UInt64(epochs)),
      "rate": .unsigned(UInt64(learningRate.bitPattern)),
      "momentum": .unsigned(UInt64(optimizer.momentum.bitPattern)),
      "decay": .unsigned(UInt64(optimizer.weightDecay.bitPattern)),
    ])
  }

  /// Reads and checks settings.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let batch = try fields.count("batch", max: Limits.batchSizeMax)
    let epochs = try fields.count("epochs", max: Limits.epochsMax)
    let rate = try Self.float("rate", from: &fields)
    let momentum = try Self.float("momentum", from: &fields)
    let decay = try Self.float("decay", from: &fields)
    try fields.finish()
    do {
      try self.init(
        learningRate: rate, batchSize: batch, epochs: epochs,
        optimizer: Optimizer(momentum: momentum, weightDecay: decay))
    } catch {
      throw .malformed(what: "training settings", reason: error.description)
    }
    guard self.canonicalValue == canonicalValue else {
      throw .malformed(what: "training settings", reason: "a zero is negative")
    }
  }

  private static func float(
    _ name: String, from fields: inout CanonicalFields
  ) throws(DecodingFailure) -> Float {
    Float(bitPattern: UInt32(try fields.count(name, max: Int(UInt32.max))))
  }
}
