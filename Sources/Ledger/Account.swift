public import Primitives

/// Stake on its way back to the balance; slashable until then.
public struct Unbonding: Hashable, Sendable {
  /// How much.
  public var amount: Amount
  /// From this height on it is credited with the owner's next transaction.
  public let release: BlockHeight
}

/// What the ledger knows of one key.
public struct Account: Hashable, Sendable {
  /// Free to spend.
  public var balance: Amount
  /// Bound as a worker's security.
  public var stake: Amount
  /// Stake that was withdrawn and still waits, oldest first.
  public var unbonding: [Unbonding]
  /// The nonce of the next transaction.
  public var nonce: UInt64
  /// Accepted client-rounds: α − 1 of the Beta posterior of this worker's reliability.
  public var accepted: UInt64
  /// Rejected client-rounds: β − 1 of the Beta posterior.
  public var rejected: UInt64
  /// What was minted for this worker's winning segments, all in all.
  public var mined: Amount

  /// An account with a balance and a stake and no history.
  public init(balance: Amount = .zero, stake: Amount = .zero) {
    self.balance = balance
    self.stake = stake
    unbonding = []
    nonce = 0
    accepted = 0
    rejected = 0
    mined = .zero
  }

  /// Balance, stake and unbonding stake. At most the supply, which fits; hence no overflow.
  public func held() throws(LedgerError) -> Amount {
    try money { () throws(AmountError) in
      try Amount.sum([balance, stake] + unbonding.map(\.amount))
    }
  }
}

extension Account: CanonicalCodable {
  /// A map of the fields; each unbonding is an array of amount and height, `mined` is left out
  /// while it is zero.
  public var canonicalValue: CanonicalValue {
    let waiting = unbonding.map {
      CanonicalValue.array([$0.amount.canonicalValue, .unsigned($0.release)])
    }
    var entries: [String: CanonicalValue] = [
      "balance": balance.canonicalValue, "stake": stake.canonicalValue,
      "unbonding": .array(waiting), "nonce": .unsigned(nonce),
      "accepted": .unsigned(accepted), "rejected": .unsigned(rejected),
    ]
    if mined > .zero { entries["mined"] = mined.canonicalValue }
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    balance = try fields.nested("balance")
    stake = try fields.nested("stake")
    unbonding = []
    for entry in try fields.array("unbonding") {
      guard case .array(let pair) = entry, pair.count == 2, case .unsigned(let height) = pair[1]
      else { throw .malformed(what: "unbonding", reason: "expected amount and height") }
      unbonding.append(Unbonding(amount: try Amount(canonicalValue: pair[0]), release: height))
    }
    nonce = try fields.unsigned("nonce")
    accepted = try fields.unsigned("accepted")
    rejected = try fields.unsigned("rejected")
    let mined = try fields.optionalNested("mined", as: Amount.self)
    guard mined != .zero else {
      throw .malformed(what: "account", reason: "a zero that is left out")
    }
    self.mined = mined ?? .zero
    try fields.finish()
  }
}

extension Account {
  /// Credits what has waited long enough.
  mutating func releaseUnbonded(at height: BlockHeight) throws(LedgerError) {
    for entry in unbonding where entry.release <= height {
      balance = try money { () throws(AmountError) in try balance.adding(entry.amount) }
    }
    unbonding.removeAll { $0.release <= height }
  }

  /// Takes `amount` of stake, then of the youngest unbonding stake; returns what was there.
  mutating func takeStake(_ amount: Amount) throws(LedgerError) -> Amount {
    var missing = amount
    let fromStake = min(stake, missing)
    stake = try money { () throws(AmountError) in try stake.subtracting(fromStake) }
    missing = try money { () throws(AmountError) in try missing.subtracting(fromStake) }
    for index in unbonding.indices.reversed() {
      let part = min(unbonding[index].amount, missing)
      unbonding[index].amount = try money { () throws(AmountError) in
        try unbonding[index].amount.subtracting(part)
      }
      missing = try money { () throws(AmountError) in try missing.subtracting(part) }
    }
    return try money { () throws(AmountError) in try amount.subtracting(missing) }
  }
}
