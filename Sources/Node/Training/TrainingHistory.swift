package import Primitives

/// What is known of a model after an epoch.
package struct EpochScore: Hashable, Sendable {
  /// One figure with the name that people know it by.
  package struct Metric: Hashable, Sendable {
    /// "accuracy", "r2", "perplexity", ….
    package let name: String
    /// Its value.
    package let value: Double

    /// Pairs both.
    package init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// Epochs done, from 1.
  package let epoch: Int
  /// Steps done.
  package let step: Int
  /// Mean of the epoch's batch losses.
  package let trainingLoss: Double
  /// Mean loss on the test data.
  package let testLoss: Double
  /// Figures on the test data, the most telling first.
  package let metrics: [Metric]

  /// Collects the parts.
  package init(
    epoch: Int, step: Int, trainingLoss: Double, testLoss: Double, metrics: [Metric]
  ) {
    self.epoch = epoch
    self.step = step
    self.trainingLoss = trainingLoss
    self.testLoss = testLoss
    self.metrics = metrics
  }
}

/// What a run leaves behind for people: curves and scores. It never enters a digest of work.
package struct TrainingHistory: Hashable, Sendable {
  /// Batch losses.
  package var losses = StepCurve()
  /// Learning rates.
  package var rates = StepCurve()
  /// Norms of the gradients before clipping, if the engine tells them.
  package var gradientNorms = StepCurve()
  /// One entry an epoch.
  package var epochs: [EpochScore] = []
  /// Seconds of training so far, over all interruptions.
  package var seconds = 0.0
  /// The loss of the first batch: what the untrained model gives.
  package var firstLoss: Double?
  /// Sum of the batch losses of the running epoch.
  package var epochLossSum = 0.0
  /// Steps of the running epoch.
  package var epochSteps = 0

  /// The history of a run that has not begun.
  package init() {}

  /// Takes one step in.
  package mutating func note(loss: Double, rate: Double, gradientNorm: Double?) {
    firstLoss = firstLoss ?? loss
    losses.append(loss)
    rates.append(rate)
    if let gradientNorm { gradientNorms.append(gradientNorm) }
    epochLossSum += loss
    epochSteps += 1
  }

  /// Ends the running epoch with its scores.
  package mutating func note(_ score: EpochScore) {
    epochs.append(score)
    epochLossSum = 0
    epochSteps = 0
  }

  /// Mean batch loss of the running epoch.
  package var epochLoss: Double { epochSteps == 0 ? 0 : epochLossSum / Double(epochSteps) }
}

extension TrainingHistory: CanonicalCodable {
  /// A map of all fields; numbers as IEEE 754 bit patterns.
  package var canonicalValue: CanonicalValue {
    .map([
      "first": .unsigned((firstLoss ?? 0).bitPattern), "losses": losses.canonicalValue,
      "rates": rates.canonicalValue,
      "norms": gradientNorms.canonicalValue, "epochs": .list(epochs),
      "seconds": .unsigned(seconds.bitPattern), "loss": .unsigned(epochLossSum.bitPattern),
      "steps": .unsigned(UInt64(epochSteps)),
    ])
  }

  /// Reads a history back.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    firstLoss = Double(bitPattern: try fields.unsigned("first"))
    losses = try fields.nested("losses")
    rates = try fields.nested("rates")
    gradientNorms = try fields.nested("norms")
    epochs = try fields.list("epochs")
    seconds = Double(bitPattern: try fields.unsigned("seconds"))
    epochLossSum = Double(bitPattern: try fields.unsigned("loss"))
    epochSteps = try fields.count("steps", max: 1 << 50)
    try fields.finish()
  }
}

extension EpochScore: CanonicalCodable {
  /// A map of all fields; numbers as IEEE 754 bit patterns.
  package var canonicalValue: CanonicalValue {
    .map([
      "epoch": .unsigned(UInt64(epoch)), "step": .unsigned(UInt64(step)),
      "training": .unsigned(trainingLoss.bitPattern), "test": .unsigned(testLoss.bitPattern),
      "names": .array(metrics.map { .text($0.name) }),
      "values": .array(metrics.map { .unsigned($0.value.bitPattern) }),
    ])
  }

  /// Reads a score back.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    epoch = try fields.count("epoch", max: 1 << 40)
    step = try fields.count("step", max: 1 << 50)
    trainingLoss = Double(bitPattern: try fields.unsigned("training"))
    testLoss = Double(bitPattern: try fields.unsigned("test"))
    let names = try fields.array("names")
    let values = try fields.array("values")
    guard names.count == values.count else {
      throw .malformed(what: "score", reason: "names and values differ in number")
    }
    var metrics: [Metric] = []
    for (name, value) in zip(names, values) {
      guard case .text(let name) = name, case .unsigned(let bits) = value else {
        throw .malformed(what: "score", reason: "expected names and bit patterns")
      }
      metrics.append(Metric(name, Double(bitPattern: bits)))
    }
    self.metrics = metrics
    try fields.finish()
  }
}
