public import Cryptography
public import Ledger

/// A commitment whose samples are drawn.
public struct ReplayOrder: Hashable, Sendable {
  /// Whose work, and which try.
  public let work: WorkKey
  /// What the worker signed.
  public let commitment: WorkCommitment
  /// The job's terms.
  public let terms: JobSubmission
  /// The model that the round starts from, as the ledger says; nil for the session's first round.
  public let base: Digest?
  /// The beacon revealed after the commitment.
  public let beacon: Digest
}

/// The replaying half of a validator: from blocks to the work that has to be checked.
///
/// Feed it every block from the first on; after a restart the same blocks give the same state.
public struct ValidatorMachine: Sendable {
  private struct Pending: Sendable {
    let work: WorkKey
    let commitment: WorkCommitment
    var beacon: Digest?
  }

  private var jobs: [JobID: JobSubmission] = [:]
  /// The aggregate of each settled round, by job.
  private var models: [JobID: [UInt32: Digest]] = [:]
  /// In the order of the chain.
  private var pending: [Pending] = []

  /// A validator that has seen no block.
  public init() {}

  /// Applies a committed block and returns the work whose samples it draws.
  public mutating func handle(committed block: Block) -> [ReplayOrder] {
    var drawn: [ReplayOrder] = []
    if let beacon = block.header.beaconValue {
      for index in pending.indices where pending[index].beacon == nil {
        pending[index].beacon = beacon
        if let order = order(of: pending[index]) { drawn.append(order) }
      }
    }
    for transaction in block.transactions { note(transaction) }
    let waiting = Set(pending.map(\.work))
    return drawn.filter { waiting.contains($0.work) }
  }

  /// Work that is drawn and has no verdict: for a validator that came back.
  public var outstanding: [ReplayOrder] { pending.compactMap { order(of: $0) } }

  private mutating func note(_ transaction: Transaction) {
    switch transaction.body {
    case .submitJob(let terms): jobs[terms.jobID(submitter: transaction.sender)] = terms
    case .commitWork(let commitment):
      let work = WorkKey(
        slot: commitment.slot, attempt: commitment.attempt, worker: transaction.sender)
      pending.append(Pending(work: work, commitment: commitment))
    case .verdict(let verdict): pending.removeAll { $0.work == verdict.work }
    case .settle(let settlement):
      models[settlement.job, default: [:]][settlement.round] = settlement.aggregate
    case .closeJob(let job):
      jobs[job] = nil
      models[job] = nil
      pending.removeAll { $0.work.slot.job == job }
    case .transfer, .stake, .unstake, .slash, .content, .reward, .storage: break
    }
  }

  private func order(of work: Pending) -> ReplayOrder? {
    let slot = work.work.slot
    guard let beacon = work.beacon, let terms = jobs[slot.job] else { return nil }
    let base = slot.round == 0 ? nil : models[slot.job]?[slot.round - 1]
    return ReplayOrder(
      work: work.work, commitment: work.commitment, terms: terms, base: base, beacon: beacon)
  }
}
