public import Primitives

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
  public init(initial: Amount, halving: UInt64) throws(LedgerError) {
    guard halving > 0 else { throw .invalidMining(reason: "rewards must halve some time") }
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

extension CoinbaseSchedule: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map(["initial": initial.canonicalValue, "halving": .unsigned(halving)])
  }

  /// Reads and checks the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let initial = try fields.nested("initial", as: Amount.self)
    let halving = try fields.unsigned("halving")
    try fields.finish()
    do {
      try self.init(initial: initial, halving: halving)
    } catch {
      throw .malformed(what: "coinbase schedule", reason: error.sentence)
    }
  }
}
