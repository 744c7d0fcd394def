public import Primitives

/// When and how far the target moves.
public struct DifficultyRule: Hashable, Sendable {
  /// The target before the first retarget.
  public let initial: MiningTarget
  /// The time that should lie between two mined blocks.
  public let spacingMilliseconds: UInt64
  /// Intervals between two retargets.
  public let window: UInt64
  /// One retarget changes the target by at most this factor, up or down.
  public let factorMax: UInt64

  /// One hash in 2²⁰, a minute between blocks, a retarget every 144 blocks by at most 4.
  public static let standard = DifficultyRule(
    uncheckedInitial: .standard, spacingMilliseconds: 60_000, window: 144, factorMax: 4)

  /// Bounds of a rule.
  public enum Limits {
    /// A week between mined blocks.
    public static let spacingMillisecondsMax: UInt64 = 604_800_000
    /// With the spacing the product stays far below 2⁶³.
    public static let windowMax: UInt64 = 1 << 20
    /// Beyond it one window of false times would decide everything.
    public static let factorMax: UInt64 = 16
  }

  private init(
    uncheckedInitial: MiningTarget, spacingMilliseconds: UInt64, window: UInt64,
    factorMax: UInt64
  ) {
    initial = uncheckedInitial
    self.spacingMilliseconds = spacingMilliseconds
    self.window = window
    self.factorMax = factorMax
  }

  /// Checks the bounds.
  public init(
    initial: MiningTarget, spacingMilliseconds: UInt64, window: UInt64, factorMax: UInt64
  ) throws(LedgerError) {
    guard (1...Limits.spacingMillisecondsMax).contains(spacingMilliseconds),
      (1...Limits.windowMax).contains(window), (1...Limits.factorMax).contains(factorMax)
    else { throw .invalidMining(reason: "the difficulty rule is outside its bounds") }
    self.init(
      uncheckedInitial: initial, spacingMilliseconds: spacingMilliseconds, window: window,
      factorMax: factorMax)
  }
}

/// The target of a chain and what has been seen since the last retarget.
public struct Difficulty: Hashable, Sendable {
  /// The rule that genesis fixes.
  public let rule: DifficultyRule
  /// What the next block has to meet.
  public private(set) var target: MiningTarget
  /// The time of the block that began the window; nil before the first mined block.
  private var windowStart: UInt64?
  private var intervals: UInt64 = 0

  /// A chain on which nothing was mined.
  public init(rule: DifficultyRule) {
    self.rule = rule
    target = rule.initial
  }

  /// Counts a mined block. After `window` intervals: target ← target · t ÷ (window · spacing),
  /// where t is the time they took, held within a factor of `factorMax` of the expected time.
  public mutating func note(minedAtMilliseconds time: UInt64) {
    guard let start = windowStart else {
      windowStart = time
      return
    }
    intervals += 1
    guard intervals == rule.window else { return }
    let expected = rule.window * rule.spacingMilliseconds
    let taken = time > start ? time - start : 0
    let held = min(max(taken, expected / rule.factorMax), expected * rule.factorMax)
    target = target.scaled(by: max(1, held), dividedBy: expected)
    windowStart = time
    intervals = 0
  }
}

extension DifficultyRule: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "initial": initial.canonicalValue, "spacing": .unsigned(spacingMilliseconds),
      "window": .unsigned(window), "factor": .unsigned(factorMax),
    ])
  }

  /// Reads and checks the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let initial = try fields.nested("initial", as: MiningTarget.self)
    let spacing = try fields.unsigned("spacing")
    let window = try fields.unsigned("window")
    let factor = try fields.unsigned("factor")
    try fields.finish()
    do {
      try self.init(
        initial: initial, spacingMilliseconds: spacing, window: window, factorMax: factor)
    } catch {
      throw .malformed(what: "difficulty rule", reason: error.sentence)
    }
  }
}

extension Difficulty {
  /// What the state root covers beside the rule.
  var canonicalEntries: [String: CanonicalValue] {
    var entries = ["target": target.canonicalValue, "intervals": .unsigned(intervals)]
    if let windowStart { entries["windowStart"] = .unsigned(windowStart) }
    return entries
  }
}
