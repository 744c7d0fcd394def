internal import Primitives

/// Watches the losses of a run for a learning rate that diverges: one that is too large may well
/// keep all numbers finite. The one rule of trainings here and in sessions (models.md §4).
public struct DivergenceWatch: Hashable, Sendable {
  /// Losses that grew like this come from a learning rate that is too large.
  public struct Finding: Hashable, Sendable {
    /// The step, from 0, at which it was certain.
    public let step: Int
    /// Mean loss of the last `window` steps.
    public let loss: Float
    /// The loss of a model that knows nothing.
    public let reference: Float
  }

  /// Steps of one mean: batches differ, so a single bad one proves nothing.
  public static let window = 16
  /// Momentum may overshoot in the steps before.
  public static let firstStep = 64
  /// Ten times worse than knowing nothing; a spike above the best loss alone is no divergence.
  public static let factor: Float = 10

  /// The first finding.
  public private(set) var finding: Finding?
  private let known: Float
  private var reference: Float?
  private var sum: Float = 0
  private var steps = 0

  /// Starts without losses. `first` is the loss of the first step where the run goes on behind it;
  /// otherwise it is the first one noted.
  public init(_ architecture: ModelArchitecture, first: Float? = nil) {
    known = architecture.lossOfKnowingNothing ?? 0
    reference = first.map { [known] in max(known, $0) }
  }

  /// Notes the loss of a step.
  mutating func note(_ loss: Float, step: Int) {
    let reference = self.reference ?? max(known, loss)
    self.reference = reference
    sum += loss
    steps += 1
    guard steps == Self.window else { return }
    let mean = sum / Float(Self.window)
    (sum, steps) = (0, 0)
    guard finding == nil, step + 1 >= Self.firstStep, mean > reference * Self.factor else { return }
    finding = Finding(step: step, loss: mean, reference: reference)
  }

  /// Whether the loss of a whole data set says that a model of classes or flags has diverged.
  public static func isDiverged(loss: Float, _ architecture: ModelArchitecture) -> Bool {
    guard let known = architecture.lossOfKnowingNothing else { return false }
    return !(loss <= known * factor)
  }
}

extension ModelArchitecture {
  /// The loss of giving every answer the same probability: ln classes, ln 2 for flags. Nil for
  /// values, whose size depends on the data.
  var lossOfKnowingNothing: Float? {
    switch output {
    case .classes: Float(Elementary.logarithm(Double(outputs)))
    case .flags: Float(Elementary.logarithm(2))
    case .values: nil
    }
  }
}

extension DivergenceWatch.Finding: CustomStringConvertible {
  /// One lower-case sentence that says what to do.
  public var description: String {
    "the loss grew from \(reference) to \(loss) by step \(step): the learning rate is too large"
  }
}
