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
  ) throws(MiningError) {
    guard (1...Limits.spacingMillisecondsMax).contains(spacingMilliseconds),
      (1...Limits.windowMax).contains(window), (1...Limits.factorMax).contains(factorMax)
    else { throw .difficultyRule }
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

/// What a mined block mints.
public struct CoinbaseSchedule: Hashable, Sendable {
  /// The first blocks' reward.
  public let initial: Amount
  /// Mined blocks after which the reward halves.
  public let halving: UInt64

  /// 50 tokens, halved every 210,000 mined blocks: never more than 21,000,000.
  public static let standard = CoinbaseSchedule(
    uncheckedInitial: .tokens(50), halving: 210_000)

  private init(uncheckedInitial: Amount, halving: UInt64) {
    initial = uncheckedInitial
    self.halving = halving
  }

  /// A schedule with `halving` > 0.
  public init(initial: Amount, halving: UInt64) throws(MiningError) {
    guard halving > 0 else { throw .difficultyRule }
    self.init(uncheckedInitial: initial, halving: halving)
  }

  /// The reward of the block behind `mined` mined ones: ⌊initial ÷ 2^⌊mined ÷ halving⌋⌋.
  public func reward(afterMined mined: UInt64) -> Amount {
    Amount(baseUnits: initial.baseUnits >> UInt128(mined / halving))
  }

  /// All that can ever be minted; below 2 · initial · halving.
  public func cap() throws(AmountError) -> Amount {
    var total = Amount.zero
    for era in 0..<UInt128.bitWidth {
      let reward = Amount(baseUnits: initial.baseUnits >> UInt128(era))
      if reward == .zero { break }
      total = try total.adding(reward.multiplied(by: UInt128(halving)))
    }
    return total
  }
}
