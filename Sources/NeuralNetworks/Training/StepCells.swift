/// Computes what changes from step to step: the learning rate and Adam's bias corrections.
///
/// Powers of β are running products in binary64, multiplied up from 1 wherever a run starts, so
/// that a replay in the middle has the same ones (docs/specs/models.md §3).
struct StepNumbers {
  /// η, or Adam's a = η / (1 − β₁ᵗ).
  private(set) var rate: Float = 0
  /// a, b = 1 / √(1 − β₂ᵗ), 1 − η·λ.
  private(set) var adam: (Float, Float, Float) = (0, 0, 0)
  private let settings: TrainingSettings
  private let schedule: TrainingSchedule
  private let betas: (Double, Double)
  private var powers: (Double, Double)

  /// The numbers before step `step`.
  init(settings: TrainingSettings, schedule: TrainingSchedule, step: Int) {
    self.settings = settings
    self.schedule = schedule
    betas =
      switch settings.optimizer.rule {
      case .adam(let moments), .adamW(let moments): (moments.first, moments.second)
      default: (0, 0)
      }
    powers = (power(betas.0, step), power(betas.1, step))
  }

  /// Moves on to step `step`, the next after the one before.
  mutating func advance(to step: Int) {
    let factor = settings.schedule.factor(step: step, of: schedule)
    let exact = Double(settings.learningRate) * factor
    switch settings.optimizer.rule {
    case .sgd, .rmsProp: rate = Float(exact)
    case .adaGrad(_, let rateDecay): rate = Float(exact / (1 + Double(step) * rateDecay))
    case .adam, .adamW:
      rate = Float(exact)
      powers = (powers.0 * betas.0, powers.1 * betas.1)
      adam = (
        Float(exact / (1 - powers.0)), Float(1 / (1 - powers.1).squareRoot()),
        Float(1 - exact * Double(settings.optimizer.weightDecay))
      )
    }
  }
}
