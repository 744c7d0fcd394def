import Cryptography
import Ledger

/// What is committed, judged and on its way in the open rounds of open jobs.
struct RoundProgressTable: Sendable {
  private struct RoundKey: Hashable {
    let job: JobID
    let round: UInt32
  }

  private struct Progress {
    var accepted: Set<UInt32> = []
    /// Committed in a block, without a verdict in a block.
    var unjudged: Set<WorkKey> = []
    var pendingCommitments: Set<WorkKey> = []
    var pendingVerdicts: Set<WorkKey> = []
    /// Clients with an acceptance on its way: their other attempts need no verdict.
    var pendingAcceptances: Set<UInt32> = []

    /// Whether every logical client is accepted already or has a commitment on its way.
    func isFilled(clients: UInt32) -> Bool {
      let working = unjudged.union(pendingCommitments).map(\.slot.client)
      return !pendingCommitments.isEmpty && accepted.union(working).count == Int(clients)
    }

    var isJudged: Bool {
      !unjudged.isEmpty
        && unjudged.allSatisfy {
          pendingVerdicts.contains($0) || pendingAcceptances.contains($0.slot.client)
        }
    }
  }

  private var clients: [JobID: UInt32] = [:]
  private var rounds: [RoundKey: Progress] = [:]

  init() {}

  init(state: LedgerState) {
    for (id, job) in state.jobs { clients[id] = job.terms.clients }
    for (slot, record) in state.slots {
      let key = RoundKey(job: slot.job, round: slot.round)
      guard let job = state.jobs[slot.job], slot.round >= job.settledRounds else { continue }
      if record.accepted != nil { rounds[key, default: Progress()].accepted.insert(slot.client) }
      for work in record.works where work.outcome == nil && record.accepted == nil {
        rounds[key, default: Progress()].unjudged.insert(
          WorkKey(slot: slot, attempt: work.commitment.attempt, worker: work.worker))
      }
    }
  }

  /// Notes a transaction of the mempool; says why it is worth a block of its own.
  mutating func note(pending transaction: Transaction) -> BlockProductionMachine.SealReason? {
    switch transaction.body {
    case .transfer, .stake, .unstake, .slash, .content, .reward, .storage: return nil
    case .submitJob, .settle, .closeJob: return .orderPending
    case .commitWork(let commitment):
      let key = Self.work(commitment, sender: transaction.sender)
      let round = RoundKey(job: key.slot.job, round: key.slot.round)
      guard let clients = clients[round.job] else { return nil }
      rounds[round, default: Progress()].pendingCommitments.insert(key)
      return rounds[round]?.isFilled(clients: clients) == true ? .commitmentsComplete : nil
    case .verdict(let verdict):
      let round = RoundKey(job: verdict.work.slot.job, round: verdict.work.slot.round)
      guard clients[round.job] != nil else { return nil }
      rounds[round, default: Progress()].pendingVerdicts.insert(verdict.work)
      if verdict.outcome == .accepted {
        rounds[round]?.pendingAcceptances.insert(verdict.work.slot.client)
      }
      return rounds[round]?.isJudged == true ? .verdictsComplete : nil
    }
  }

  /// Why what still waits after a block is worth the next block at once.
  var pendingReason: BlockProductionMachine.SealReason? {
    if rounds.values.contains(where: \.isJudged) { return .verdictsComplete }
    let isFilled = rounds.contains { key, progress in
      progress.isFilled(clients: clients[key.job] ?? 0)
    }
    return isFilled ? .commitmentsComplete : nil
  }

  /// Follows a committed block; true if the next one must reveal a link.
  mutating func apply(_ block: Block) -> Bool {
    var hasCommitments = false
    for transaction in block.transactions {
      switch transaction.body {
      case .transfer, .stake, .unstake, .slash, .content, .reward: break
      case .storage(let order): hasCommitments = hasCommitments || order.needsBeacon
      case .submitJob(let terms):
        clients[terms.jobID(submitter: transaction.sender)] = terms.clients
      case .commitWork(let commitment):
        hasCommitments = true
        move(Self.work(commitment, sender: transaction.sender))
      case .verdict(let verdict): judge(verdict)
      case .settle(let settlement):
        rounds[RoundKey(job: settlement.job, round: settlement.round)] = nil
      case .closeJob(let job):
        clients[job] = nil
        rounds = rounds.filter { $0.key.job != job }
      }
    }
    return hasCommitments
  }

  private mutating func move(_ key: WorkKey) {
    let round = RoundKey(job: key.slot.job, round: key.slot.round)
    rounds[round, default: Progress()].pendingCommitments.remove(key)
    rounds[round, default: Progress()].unjudged.insert(key)
  }

  private mutating func judge(_ verdict: WorkVerdict) {
    let round = RoundKey(job: verdict.work.slot.job, round: verdict.work.slot.round)
    guard var progress = rounds[round] else { return }
    progress.pendingVerdicts.remove(verdict.work)
    progress.unjudged.remove(verdict.work)
    if verdict.outcome == .accepted {
      let client = verdict.work.slot.client
      progress.accepted.insert(client)
      progress.pendingAcceptances.remove(client)
      progress.unjudged = progress.unjudged.filter { $0.slot.client != client }
    }
    rounds[round] = progress
  }

  private static func work(_ commitment: WorkCommitment, sender: AccountID) -> WorkKey {
    WorkKey(slot: commitment.slot, attempt: commitment.attempt, worker: sender)
  }
}
