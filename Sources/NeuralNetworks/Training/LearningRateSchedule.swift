public import Primitives

/// How the learning rate changes within a run: a linear warm-up times a decay.
///
/// Factors are binary64 products in a fixed order, without the C library, so that every machine
/// has the same ones (docs/specs/models.md §3).
public struct LearningRateSchedule: Hashable, Sendable {
  /// What follows the warm-up.
  public enum Decay: Hashable, Sendable {
    case constant
    /// × factor after every `epochs` epochs.
    case step(epochs: Int, factor: Double)
    /// × factor after every epoch.
    case exponential(factor: Double)
    /// From 1 down to `floor` over the steps of the run, along half a cosine
    /// (Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts).
    case cosine(floor: Double)
  }

  /// What follows the warm-up.
  public let decay: Decay
  /// Steps in which the rate grows in equal parts to its full value.
  public let warmupSteps: Int

  /// The same rate in every step.
  public static let constant = LearningRateSchedule(unchecked: .constant, warmupSteps: 0)

  /// A warm-up longer than a million steps is a mistake.
  public static let warmupStepsMax = 1_000_000

  private init(unchecked decay: Decay, warmupSteps: Int) {
    self.decay = decay
    self.warmupSteps = warmupSteps
  }

  /// Checks the constants: factors and floors in 0…1.
  public init(_ decay: Decay, warmupSteps: Int = 0) throws(TrainingSettingsError) {
    guard (0...Self.warmupStepsMax).contains(warmupSteps) else {
      throw .warmupSteps(warmupSteps)
    }
    switch decay {
    case .constant: break
    case .step(let epochs, let factor):
      guard (1...TrainingSettings.Limits.epochsMax).contains(epochs) else {
        throw .stepEpochs(epochs)
      }
      try Self.check("factor", factor)
    case .exponential(let factor): try Self.check("factor", factor)
    case .cosine(let floor): try Self.check("floor", floor)
    }
    self.init(unchecked: decay, warmupSteps: warmupSteps)
  }

  private static func check(_ name: String, _ value: Double) throws(TrainingSettingsError) {
    guard value >= 0, value <= 1, value.sign == .plus else {
      throw .fraction(name: name, value)
    }
  }

  /// The factor of step `step` of a run.
  public func factor(step: Int, of schedule: TrainingSchedule) -> Double {
    let warmup = step < warmupSteps ? Double(step + 1) / Double(warmupSteps) : 1
    let epoch = step / schedule.stepsPerEpoch
    switch decay {
    case .constant: return warmup
    case .step(let epochs, let factor): return warmup * power(factor, epoch / epochs)
    case .exponential(let factor): return warmup * power(factor, epoch)
    case .cosine(let floor):
      let steps = max(1, schedule.steps - warmupSteps)
      let done = Double(max(0, step - warmupSteps)) / Double(steps)
      return warmup * (floor + (1 - floor) * (1 + cosineOfHalfTurns(done)) * 0.5)
    }
  }
}

/// base^exponent by repeated multiplication.
func power(_ base: Double, _ exponent: Int) -> Double {
  var product = 1.0
  for _ in 0..<exponent { product *= base }
  return product
}

/// cos(π·x) for x in 0…1 as −sin(π·(x − ½)): the Taylor series to y²¹, error below 10⁻¹⁷.
func cosineOfHalfTurns(_ x: Double) -> Double {
  let y = (x - 0.5) * 3.141592653589793
  let square = y * y
  var sum = 1.0
  // sin y = y·(1 − y²/(2·3)·(1 − y²/(4·5)·(… ))), from the innermost factor outwards.
  for term in stride(from: 20, through: 2, by: -2) {
    sum = 1 - square / Double(term * (term + 1)) * sum
  }
  return -(y * sum)
}

extension LearningRateSchedule: CanonicalCodable {
  /// A map of the decay's name and its constants.
  public var canonicalValue: CanonicalValue {
    var fields: [String: CanonicalValue] = ["warmup": .unsigned(UInt64(warmupSteps))]
    switch decay {
    case .constant: fields["decay"] = .text("constant")
    case .step(let epochs, let factor):
      fields["decay"] = .text("step")
      fields["epochs"] = .unsigned(UInt64(epochs))
      fields["factor"] = .bits(factor)
    case .exponential(let factor):
      fields["decay"] = .text("exponential")
      fields["factor"] = .bits(factor)
    case .cosine(let floor):
      fields["decay"] = .text("cosine")
      fields["floor"] = .bits(floor)
    }
    return .map(fields)
  }

  /// Reads and checks a schedule.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let warmup = try fields.count("warmup", max: Self.warmupStepsMax)
    let decay: Decay
    switch try fields.text("decay") {
    case "constant": decay = .constant
    case "step":
      decay = .step(
        epochs: try fields.count("epochs", max: TrainingSettings.Limits.epochsMax),
        factor: try fields.double("factor"))
    case "exponential": decay = .exponential(factor: try fields.double("factor"))
    case "cosine": decay = .cosine(floor: try fields.double("floor"))
    default: throw .malformed(what: "schedule", reason: "unknown decay")
    }
    try fields.finish()
    do {
      try self.init(decay, warmupSteps: warmup)
    } catch {
      throw .malformed(what: "schedule", reason: error.description)
    }
  }
}
