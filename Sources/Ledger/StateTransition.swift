import Cryptography
import Primitives

/// Executes the transactions of one block on top of a state that it does not change.
struct StateTransition {
  let base: LedgerState
  let height: BlockHeight
  let proposer: PublicKey
  let timeMilliseconds: UInt64
  private(set) var overlay: Overlay

  /// What the block has touched so far; small, so a failed transaction is undone by a copy.
  struct Overlay {
    var accounts: [AccountID: Account] = [:]
    var jobs: [JobID: Job?] = [:]
    var slots: [WorkSlot: SlotRecord?] = [:]
    var contents: [ContentID: ContentRecord] = [:]
    var rewards: [OfferID: ContributionReward?] = [:]
    var deals: [OfferID: StorageDeal?] = [:]
    var burned: Amount
    var mining: MiningState?
    var hasCommitments = false

    init(of chain: ChainPosition) {
      burned = chain.burned
      mining = chain.mining
    }
  }

  init(base: LedgerState, proposer: PublicKey, timeMilliseconds: UInt64) {
    self.base = base
    height = base.chain.height + 1
    self.proposer = proposer
    self.timeMilliseconds = timeMilliseconds
    overlay = Overlay(of: base.chain)
  }

  var parameters: LedgerParameters { base.genesis.parameters }

  /// Executes one transaction whose signature was checked; a refused one changes nothing.
  mutating func execute(_ transaction: Transaction) throws(LedgerError) {
    let saved = overlay
    do {
      try begin(transaction)
      try dispatch(transaction.body, sender: transaction.sender)
    } catch {
      overlay = saved
      throw error
    }
  }

  private mutating func begin(_ transaction: Transaction) throws(LedgerError) {
    guard transaction.chainID == base.chainID else {
      throw .wrongChain(expected: base.chainID, found: transaction.chainID)
    }
    var sender = account(transaction.sender)
    guard transaction.nonce >= sender.nonce else {
      throw .replayed(nonce: transaction.nonce, next: sender.nonce)
    }
    guard transaction.nonce == sender.nonce else {
      throw .nonceTooHigh(nonce: transaction.nonce, next: sender.nonce)
    }
    let needed = try parameters.fee(for: transaction.body)
    guard transaction.fee >= needed else {
      throw .feeTooLow(offered: transaction.fee, needed: needed)
    }
    let (next, overflow) = sender.nonce.addingReportingOverflow(1)
    if overflow { throw .amountOverflow }
    sender.nonce = next
    try sender.releaseUnbonded(at: height)
    overlay.accounts[transaction.sender] = sender
    try move(transaction.fee, from: transaction.sender, to: proposer)
  }

  private mutating func dispatch(
    _ body: TransactionBody, sender: AccountID
  ) throws(LedgerError) {
    switch body {
    case .transfer(let recipient, let amount): try transfer(amount, from: sender, to: recipient)
    case .stake(let amount): try stake(amount, of: sender)
    case .unstake(let amount): try unstake(amount, of: sender)
    case .submitJob(let submission): try submit(submission, sender: sender)
    case .commitWork(let commitment): try commitWork(commitment, worker: sender)
    case .verdict(let verdict): try judge(verdict, validator: sender)
    case .slash(let work, let evidence): try slash(work, evidence, validator: sender)
    case .settle(let settlement): try settle(settlement, sender: sender)
    case .closeJob(let job): try close(job, sender: sender)
    case .content(let order): try apply(order, sender: sender)
    case .reward(let order): try apply(order, sender: sender)
    case .storage(let order): try apply(order, sender: sender)
    }
  }
}

// Reads through the overlay, writes into it.
extension StateTransition {
  func account(_ id: AccountID) -> Account { overlay.accounts[id] ?? base.account(id) }

  func job(_ id: JobID) throws(LedgerError) -> Job {
    guard let job = overlay.jobs[id] ?? base.jobs[id] else { throw .unknownJob(id) }
    return job
  }

  func hasJob(_ id: JobID) -> Bool { (overlay.jobs[id] ?? base.jobs[id]) != nil }

  func slot(_ slot: WorkSlot) -> SlotRecord? { overlay.slots[slot] ?? base.slots[slot] }

  mutating func set(_ account: Account, for id: AccountID) { overlay.accounts[id] = account }

  mutating func set(_ job: Job?, for id: JobID) { overlay.jobs[id] = .some(job) }

  mutating func set(_ record: SlotRecord?, for slot: WorkSlot) {
    overlay.slots[slot] = .some(record)
  }

  func content(_ id: ContentID) -> ContentRecord? { overlay.contents[id] ?? base.contents[id] }

  func reward(_ id: OfferID) -> ContributionReward? { overlay.rewards[id] ?? base.rewards[id] }

  func deal(_ id: OfferID) -> StorageDeal? { overlay.deals[id] ?? base.deals[id] }

  mutating func set(_ record: ContentRecord, for id: ContentID) { overlay.contents[id] = record }

  mutating func set(_ reward: ContributionReward?, for id: OfferID) {
    overlay.rewards[id] = .some(reward)
  }

  mutating func set(_ deal: StorageDeal?, for id: OfferID) { overlay.deals[id] = .some(deal) }

  mutating func noteCommitment() { overlay.hasCommitments = true }

  mutating func noteMined(_ state: MiningState) { overlay.mining = state }

  mutating func burn(_ amount: Amount) throws(LedgerError) {
    let burned = overlay.burned
    overlay.burned = try money { () throws(AmountError) in try burned.adding(amount) }
  }

  mutating func credit(_ amount: Amount, to id: AccountID) throws(LedgerError) {
    guard amount > .zero else { return }
    var account = account(id)
    let balance = account.balance
    account.balance = try money { () throws(AmountError) in try balance.adding(amount) }
    overlay.accounts[id] = account
  }

  mutating func debit(_ amount: Amount, from id: AccountID) throws(LedgerError) {
    guard amount > .zero else { return }
    var account = account(id)
    let balance = account.balance
    account.balance = try money { () throws(AmountError) in try balance.subtracting(amount) }
    overlay.accounts[id] = account
  }

  mutating func move(
    _ amount: Amount, from sender: AccountID, to recipient: AccountID
  ) throws(LedgerError) {
    try debit(amount, from: sender)
    try credit(amount, to: recipient)
  }
}
