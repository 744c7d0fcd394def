public import Primitives

/// The rule that turns gradients into steps, as PyTorch 1.13 defines it (docs/specs/models.md §3).
///
/// All rules keep `slots` numbers per trainable parameter, which start at 0 in each run.
public struct Optimizer: Hashable, Sendable {
  /// The rule with its constants.
  public enum Rule: Hashable, Sendable {
    /// d = g + λ·w; v ← μ·v + d; w ← w − η·v, with Nesterov w ← w − η·(d + μ·v).
    case sgd(momentum: Float, nesterov: Bool)
    /// Kingma and Ba 2015 (arXiv:1412.6980); the decay is added to the gradient.
    case adam(Moments)
    /// Loshchilov and Hutter 2019 (arXiv:1711.05101); the decay shrinks the parameters.
    case adamW(Moments)
    /// Tieleman and Hinton 2012, lecture 6.5.
    case rmsProp(smoothing: Double, epsilon: Float, momentum: Float)
    /// Duchi et al. 2011, JMLR 12.
    case adaGrad(epsilon: Float, rateDecay: Double)
  }

  /// Constants of Adam.
  public struct Moments: Hashable, Sendable {
    /// β₁.
    public var first: Double
    /// β₂.
    public var second: Double
    /// ε.
    public var epsilon: Float

    /// The usual constants.
    public init(first: Double = 0.9, second: Double = 0.999, epsilon: Float = 1e-8) {
      self.first = first
      self.second = second
      self.epsilon = epsilon
    }
  }

  /// The rule with its constants.
  public let rule: Rule
  /// λ, 0 for none.
  public let weightDecay: Float

  /// Plain gradient descent.
  public static let sgd = Optimizer(
    unchecked: .sgd(momentum: 0, nesterov: false), weightDecay: 0)

  private init(unchecked rule: Rule, weightDecay: Float) {
    self.rule = rule
    self.weightDecay = weightDecay
  }

  /// Checks every constant.
  public init(_ rule: Rule, weightDecay: Float = 0) throws(TrainingSettingsError) {
    guard (0..<1).contains(weightDecay) else { throw .weightDecay(weightDecay) }
    switch rule {
    case .sgd(let momentum, let nesterov):
      try Self.check(momentum: momentum)
      guard !nesterov || momentum > 0 else { throw .nesterovWithoutMomentum }
    case .adam(let moments), .adamW(let moments):
      try Self.check("beta1", moments.first)
      try Self.check("beta2", moments.second)
      try Self.check(epsilon: moments.epsilon)
    case .rmsProp(let smoothing, let epsilon, let momentum):
      try Self.check("alpha", smoothing)
      try Self.check(epsilon: epsilon)
      try Self.check(momentum: momentum)
    case .adaGrad(let epsilon, let rateDecay):
      try Self.check(epsilon: epsilon)
      try Self.check("lr_decay", rateDecay)
    }
    // + 0 turns −0 into +0, so that equal optimizers have equal bytes.
    self.init(unchecked: rule.withPositiveZeros, weightDecay: weightDecay + 0)
  }

  /// Gradient descent with momentum and decay.
  public init(momentum: Float, weightDecay: Float) throws(TrainingSettingsError) {
    try self.init(.sgd(momentum: momentum, nesterov: false), weightDecay: weightDecay)
  }

  private static func check(momentum: Float) throws(TrainingSettingsError) {
    guard (0..<1).contains(momentum) else { throw .momentum(momentum) }
  }

  private static func check(epsilon: Float) throws(TrainingSettingsError) {
    guard epsilon > 0, epsilon < 1 else { throw .epsilon(epsilon) }
  }

  private static func check(_ name: String, _ value: Double) throws(TrainingSettingsError) {
    guard (0..<1).contains(value) else { throw .fraction(name: name, value) }
  }

  /// Numbers of state per trainable parameter.
  public var slots: Int {
    switch rule {
    case .sgd(let momentum, _): momentum != 0 || weightDecay != 0 ? 1 : 0
    case .adam, .adamW: 2
    case .rmsProp(_, _, let momentum): momentum != 0 ? 2 : 1
    case .adaGrad: 1
    }
  }

  /// The name as in a configuration.
  public var name: String {
    switch rule {
    case .sgd(_, nesterov: true): "nesterov"
    case .sgd(let momentum, _): momentum != 0 ? "momentum" : "sgd"
    case .adam: "adam"
    case .adamW: "adamw"
    case .rmsProp: "rmsprop"
    case .adaGrad: "adagrad"
    }
  }
}

extension Optimizer: CanonicalCodable {
  /// A map of the rule's name and its constants.
  public var canonicalValue: CanonicalValue {
    var fields: [String: CanonicalValue] = ["decay": .bits(weightDecay)]
    switch rule {
    case .sgd(let momentum, let nesterov):
      fields["rule"] = .text("sgd")
      fields["momentum"] = .bits(momentum)
      fields["nesterov"] = .bool(nesterov)
    case .adam(let moments), .adamW(let moments):
      fields["rule"] = .text(name)
      fields["beta1"] = .bits(moments.first)
      fields["beta2"] = .bits(moments.second)
      fields["epsilon"] = .bits(moments.epsilon)
    case .rmsProp(let smoothing, let epsilon, let momentum):
      fields["rule"] = .text("rmsprop")
      fields["alpha"] = .bits(smoothing)
      fields["epsilon"] = .bits(epsilon)
      fields["momentum"] = .bits(momentum)
    case .adaGrad(let epsilon, let rateDecay):
      fields["rule"] = .text("adagrad")
      fields["epsilon"] = .bits(epsilon)
      fields["rate_decay"] = .bits(rateDecay)
    }
    return .map(fields)
  }

  /// Reads and checks an optimizer.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let rule = try Self.rule(from: &fields)
    let decay = try fields.float("decay")
    try fields.finish()
    do {
      try self.init(rule, weightDecay: decay)
    } catch {
      throw .malformed(what: "optimizer", reason: error.description)
    }
    guard self.canonicalValue == canonicalValue else {
      throw .malformed(what: "optimizer", reason: "a zero is negative")
    }
  }

  private static func rule(from fields: inout CanonicalFields) throws(DecodingFailure) -> Rule {
    let name = try fields.text("rule")
    switch name {
    case "sgd":
      return .sgd(
        momentum: try fields.float("momentum"), nesterov: try fields.bool("nesterov"))
    case "adam", "adamw":
      let moments = Moments(
        first: try fields.double("beta1"), second: try fields.double("beta2"),
        epsilon: try fields.float("epsilon"))
      return name == "adam" ? .adam(moments) : .adamW(moments)
    case "rmsprop":
      return .rmsProp(
        smoothing: try fields.double("alpha"), epsilon: try fields.float("epsilon"),
        momentum: try fields.float("momentum"))
    case "adagrad":
      return .adaGrad(
        epsilon: try fields.float("epsilon"), rateDecay: try fields.double("rate_decay"))
    default: throw .malformed(what: "optimizer", reason: "unknown rule")
    }
  }
}

extension Optimizer.Rule {
  fileprivate var withPositiveZeros: Self {
    switch self {
    case .sgd(let momentum, let nesterov): .sgd(momentum: momentum + 0, nesterov: nesterov)
    case .adam(let moments): .adam(moments.withPositiveZeros)
    case .adamW(let moments): .adamW(moments.withPositiveZeros)
    case .rmsProp(let smoothing, let epsilon, let momentum):
      .rmsProp(smoothing: smoothing + 0, epsilon: epsilon, momentum: momentum + 0)
    case .adaGrad(let epsilon, let rateDecay):
      .adaGrad(epsilon: epsilon, rateDecay: rateDecay + 0)
    }
  }
}

extension Optimizer.Moments {
  fileprivate var withPositiveZeros: Self {
    Self(first: first + 0, second: second + 0, epsilon: epsilon)
  }
}
