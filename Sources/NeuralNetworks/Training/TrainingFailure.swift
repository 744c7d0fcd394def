/// A step gave NaN or an infinity: the run has no result (mk1 §7).
public struct NumericFailure: Error, Equatable, Sendable {
  /// The step, from 0, that computed it.
  public let step: Int
  /// `layer/operation` that first wrote it.
  public let operation: String
  /// The parameter tensor that it reached, if the update computed it.
  public let tensor: String?

  /// Collects the parts.
  public init(step: Int, operation: String, tensor: String? = nil) {
    self.step = step
    self.operation = operation
    self.tensor = tensor
  }
}

/// Why a run could not go on.
public enum TrainingFailure: Error, Equatable, Sendable {
  /// Overflow or an invalid operation, usually from a learning rate that is too large.
  case notFinite(NumericFailure)
  /// The examples of a step could not be read.
  case data(DatasetError, step: Int)
  /// A label or token outside the model's range.
  case indexOutOfRange(step: Int)
}

extension TrainingFailure: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .notFinite(let failure):
      "step \(failure.step) gave a number that is not finite in \(failure.operation)"
        + (failure.tensor.map { " (\($0))" } ?? "")
    case .data(let error, let step): "step \(step): \(error)"
    case .indexOutOfRange(let step): "step \(step) met a label or token out of range"
    }
  }
}

/// Watches the losses of a run for a learning rate that diverges.
public struct DivergenceWatch: Hashable, Sendable {
  /// A loss that grew like this will not come back.
  public struct Finding: Hashable, Sendable {
    /// The step, from 0, at which it was certain.
    public let step: Int
    /// Mean loss of the last `window` steps.
    public let loss: Float
    /// The best mean before.
    public let best: Float
  }

  /// Steps of one mean: batches differ, so a single bad one proves nothing.
  public static let window = 16
  /// Noise of batches moves a mean by some ten percent; four times the best is no noise.
  public static let factor: Float = 4

  /// The first finding.
  public private(set) var finding: Finding?
  private var sum: Float = 0
  private var steps = 0
  private var best: Float?

  /// Starts without losses.
  public init() {}

  /// Notes the loss of a step.
  mutating func note(_ loss: Float, step: Int) {
    sum += loss
    steps += 1
    guard steps == Self.window else { return }
    let mean = sum / Float(Self.window)
    if let best, finding == nil, mean > best * Self.factor {
      finding = Finding(step: step, loss: mean, best: best)
    }
    best = min(best ?? mean, mean)
    (sum, steps) = (0, 0)
  }
}

extension DivergenceWatch.Finding: CustomStringConvertible {
  /// One lower-case sentence that says what to do.
  public var description: String {
    "the loss grew from \(best) to \(loss) by step \(step): the learning rate is too large"
  }
}
