import Primitives

extension StateTransition {
  mutating func transfer(
    _ amount: Amount, from sender: AccountID, to recipient: AccountID
  ) throws(LedgerError) {
    guard amount > .zero else { throw .amountIsZero }
    try move(amount, from: sender, to: recipient)
  }

  mutating func stake(_ amount: Amount, of sender: AccountID) throws(LedgerError) {
    guard amount > .zero else { throw .amountIsZero }
    try debit(amount, from: sender)
    var account = account(sender)
    let held = account.stake
    account.stake = try money { () throws(AmountError) in try held.adding(amount) }
    set(account, for: sender)
  }

  mutating func unstake(_ amount: Amount, of sender: AccountID) throws(LedgerError) {
    guard amount > .zero else { throw .amountIsZero }
    var account = account(sender)
    guard amount <= account.stake else {
      throw .insufficientStake(held: account.stake, needed: amount)
    }
    guard account.unbonding.count < LedgerLimits.unbondingsMax else {
      throw .tooManyUnbondings(limit: LedgerLimits.unbondingsMax)
    }
    let held = account.stake
    account.stake = try money { () throws(AmountError) in try held.subtracting(amount) }
    let (release, overflow) = height.addingReportingOverflow(parameters.unbondingBlocks)
    account.unbonding.append(Unbonding(amount: amount, release: overflow ? .max : release))
    set(account, for: sender)
  }

  /// Takes the genesis fraction of all that is still slashable; part to the treasury, rest burned.
  mutating func slashStake(of worker: AccountID) throws(LedgerError) {
    var account = account(worker)
    let whole = UInt128(LedgerParameters.whole)
    let rule = parameters
    let slashable = try money { [account] () throws(AmountError) in
      try Amount.sum([account.stake] + account.unbonding.map(\.amount))
    }
    let due = try money { () throws(AmountError) in
      try slashable.multiplied(by: UInt128(rule.slashPartsPerMillion), dividedBy: whole)
    }
    let taken = try account.takeStake(due)
    set(account, for: worker)
    let toTreasury = try money { () throws(AmountError) in
      try taken.multiplied(by: UInt128(rule.treasuryPartsPerMillion), dividedBy: whole)
    }
    try credit(toTreasury, to: Genesis.treasury)
    try burn(try money { () throws(AmountError) in try taken.subtracting(toTreasury) })
  }
}
