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
