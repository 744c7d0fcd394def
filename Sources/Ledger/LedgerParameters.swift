public import Primitives

/// The rules of one chain that its genesis fixes.
public struct LedgerParameters: Hashable, Sendable {
  /// Stake without which nobody may commit work.
  public var minimumStake: Amount
  /// The part of stake that evidence takes, in parts per million.
  public var slashPartsPerMillion: UInt32
  /// The part of slashed stake that goes to the treasury; the rest is burned.
  public var treasuryPartsPerMillion: UInt32
  /// The least fee of a transaction that pays one.
  public var flatFee: Amount
  /// The proportional fee, in parts per million of the amount.
  public var feePartsPerMillion: UInt32
  /// Blocks between `unstake` and the release of the stake.
  public var unbondingBlocks: UInt64
  /// One whole in parts per million.
  public static let whole: UInt32 = 1_000_000

  /// A fee of 0.1 %, a least stake of 50 tokens, and half of the stake for a lie.
  public static let standard = LedgerParameters(
    minimumStake: .tokens(50), slashPartsPerMillion: 500_000, treasuryPartsPerMillion: 500_000,
    flatFee: Amount(baseUnits: 1_000_000_000_000_000), feePartsPerMillion: 1_000,
    unbondingBlocks: 1_000)

  /// Sets every rule.
  public init(
    minimumStake: Amount, slashPartsPerMillion: UInt32, treasuryPartsPerMillion: UInt32,
    flatFee: Amount, feePartsPerMillion: UInt32, unbondingBlocks: UInt64
  ) {
    self.minimumStake = minimumStake
    self.slashPartsPerMillion = slashPartsPerMillion
    self.treasuryPartsPerMillion = treasuryPartsPerMillion
    self.flatFee = flatFee
    self.feePartsPerMillion = feePartsPerMillion
    self.unbondingBlocks = unbondingBlocks
  }

  /// max(feePartsPerMillion of the amount, flatFee); nothing for work on an escrowed job.
  public func fee(for body: TransactionBody) throws(LedgerError) -> Amount {
    guard let base = body.feeBase else { return .zero }
    let proportional = try money { () throws(AmountError) in
      try base.multiplied(by: UInt128(feePartsPerMillion), dividedBy: UInt128(Self.whole))
    }
    return max(proportional, flatFee)
  }
}

extension LedgerParameters: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "minimumStake": minimumStake.canonicalValue,
      "slash": .unsigned(UInt64(slashPartsPerMillion)),
      "treasury": .unsigned(UInt64(treasuryPartsPerMillion)),
      "flatFee": flatFee.canonicalValue, "fee": .unsigned(UInt64(feePartsPerMillion)),
      "unbondingBlocks": .unsigned(unbondingBlocks),
    ])
  }

  /// Reads the fields; shares above one are refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    minimumStake = try fields.nested("minimumStake")
    slashPartsPerMillion = UInt32(try fields.count("slash", max: Int(Self.whole)))
    treasuryPartsPerMillion = UInt32(try fields.count("treasury", max: Int(Self.whole)))
    flatFee = try fields.nested("flatFee")
    feePartsPerMillion = UInt32(try fields.count("fee", max: Int(Self.whole)))
    unbondingBlocks = try fields.unsigned("unbondingBlocks")
    try fields.finish()
  }
}
