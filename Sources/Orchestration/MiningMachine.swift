public import Cryptography
public import Ledger
internal import Primitives
public import UsefulWork

/// The mining half of a validator: from messages and blocks to coinbases.
///
/// A claim waits until its work is accepted; then it is checked without training, its segment is
/// replayed, and it is checked again with the result. Feed every block in order.
public struct MiningMachine: Sendable {
  /// A claim with the task that it is about.
  public struct Case: Hashable, Sendable {
    /// The accepted work.
    public let work: WorkKey
    /// The claim.
    public let claim: MiningClaim
    /// The task behind the work.
    public let task: TrainingTask
  }

  /// What happens.
  public enum Event: Sendable {
    case committed(Block)
    case submitted(MiningSubmission)
    /// The task that was asked for; `target` is the ledger's.
    case prepared(WorkKey, MiningClaim, TrainingTask, target: MiningTarget)
    /// What the replay gave.
    case replayed(Case, Result<SegmentRoots, WorkError>, target: MiningTarget)
  }

  /// What the shell does.
  public enum Effect: Equatable, Sendable {
    /// Find out the task of this work, then answer `prepared`.
    case prepare(WorkKey, MiningClaim)
    /// Train the segment from the base model on, then answer `replayed`.
    case replay(Case)
    /// Put this into the next block.
    case mint(Coinbase)
    /// Say why a submission or claim does not count.
    case refuse(PublicKey?, MiningError)
  }

  /// Bounds of what is kept.
  public enum Limits {
    /// Claims that wait for their work's verdict.
    public static let waitingMax = 4_096
    /// Heights whose hashes are known, hence the age of an anchor: minutes of a busy chain.
    public static let anchorsMax: UInt64 = 1_024
  }

  private struct Round: Hashable {
    let job: JobID
    let round: UInt32
  }

  private let rules: MiningRules
  private var history: IterationHistory
  private var registry = IterationRegistry()
  private var height: BlockHeight = 0
  private var anchors: [BlockHeight: Digest]
  /// Height of the submission of each open job.
  private var jobs: [JobID: (height: BlockHeight, session: Digest)] = [:]
  /// Height of the first verdict of a round, from which on the next round's model may be known.
  private var firstVerdicts: [Round: BlockHeight] = [:]
  private var accepted: Set<WorkKey> = []
  private var waiting: [(work: WorkKey, claim: MiningClaim)] = []

  /// A machine for a chain before block 1; nil if nothing is mined on it.
  public init?(genesis: Genesis) {
    guard let terms = genesis.mining else { return nil }
    let chain = genesis.chainID
    rules = MiningRules(
      chain: chain, parameters: terms.parameters, anchorAgeMax: Limits.anchorsMax)
    history = IterationHistory(lookahead: terms.parameters.lookahead)
    anchors = [0: chain]
  }

  /// Takes one event in.
  public mutating func handle(_ event: Event) -> [Effect] {
    switch event {
    case .committed(let block): return committed(block)
    case .submitted(let submission):
      do {
        return try take(submission)
      } catch {
        return [.refuse(submission.work?.worker, error)]
      }
    case .prepared(let work, let claim, let task, let target):
      let prepared = Case(work: work, claim: claim, task: task)
      // With the claimed roots as result everything but the replay is checked.
      return attempt(prepared) { machine throws(MiningError) in
        try machine.check(prepared, result: .success(claim.message.roots), target: target)
        return .replay(prepared)
      }
    case .replayed(let replayed, let result, let target):
      return attempt(replayed) { machine throws(MiningError) in
        try machine.check(replayed, result: result, target: target)
        return .mint(try machine.accept(replayed))
      }
    }
  }

  private mutating func attempt(
    _ one: Case, _ step: (inout MiningMachine) throws(MiningError) -> Effect
  ) -> [Effect] {
    do {
      return [try step(&self)]
    } catch {
      return [.refuse(one.work.worker, error)]
    }
  }

  private mutating func take(_ submission: MiningSubmission) throws(MiningError) -> [Effect] {
    guard let work = submission.work, jobs[work.slot.job] != nil else { throw .otherMiner }
    for message in submission.messages + submission.claims.map(\.message)
    where message.miner != work.worker { throw .otherMiner }
    try history.append(submission.messages, height: height)
    let fitting = submission.claims.prefix(max(0, Limits.waitingMax - waiting.count))
    guard !accepted.contains(work) else { return fitting.map { .prepare(work, $0) } }
    waiting += fitting.map { (work, $0) }
    return []
  }

  private func check(
    _ one: Case, result: Result<SegmentRoots, WorkError>, target: MiningTarget
  ) throws(MiningError) {
    let slot = one.work.slot
    let since: BlockHeight?
    if slot.round == 0 {
      since = jobs[slot.job]?.height
    } else {
      since = firstVerdicts[Round(job: slot.job, round: slot.round - 1)]
    }
    // What is not known to have begun cannot have been committed before.
    let assignment = MiningAssignment(task: one.task, knownSince: since ?? 0)
    try rules.check(
      one.claim, assignment: assignment, target: target, history: history, registry: registry,
      head: height, anchor: { anchors[$0] }
    ) { (_, _) throws(WorkError) in try result.get() }
  }

  private mutating func accept(_ one: Case) throws(MiningError) -> Coinbase {
    let message = one.claim.message
    try registry.accept(IterationKey(task: one.task, segment: Int(message.segment)))
    return Coinbase(
      work: one.work, task: message.task, segment: message.segment, roots: message.roots,
      block: one.claim.block.hash, attempt: one.claim.attempt)
  }
}

// The chain.
extension MiningMachine {
  private mutating func committed(_ block: Block) -> [Effect] {
    height = block.header.height
    anchors[height] = block.header.hash
    if height > Limits.anchorsMax { anchors[height - Limits.anchorsMax - 1] = nil }
    if let coinbase = block.header.coinbase { won(coinbase) }
    var effects: [Effect] = []
    for transaction in block.transactions {
      switch transaction.body {
      case .submitJob(let terms):
        jobs[terms.jobID(submitter: transaction.sender)] = (height, terms.specification)
      case .verdict(let verdict): effects += judged(verdict)
      case .closeJob(let job): close(job)
      case .transfer, .stake, .unstake, .commitWork, .slash, .settle, .content, .reward,
        .storage:
        break
      }
    }
    return effects
  }

  /// After a restart the blocks alone remember what has won.
  private mutating func won(_ coinbase: Coinbase) {
    guard let job = jobs[coinbase.work.slot.job] else { return }
    let key = IterationKey(
      session: job.session, round: Int(coinbase.work.slot.round),
      index: Int(coinbase.work.slot.client), segment: Int(coinbase.segment))
    try? registry.accept(key)
  }

  private mutating func judged(_ verdict: WorkVerdict) -> [Effect] {
    let work = verdict.work
    let round = Round(job: work.slot.job, round: work.slot.round)
    firstVerdicts[round] = firstVerdicts[round] ?? height
    let claims = waiting.filter { $0.work == work }
    waiting.removeAll { $0.work == work }
    guard verdict.outcome == .accepted else { return [] }
    accepted.insert(work)
    return claims.map { .prepare(work, $0.claim) }
  }

  private mutating func close(_ job: JobID) {
    if let session = jobs.removeValue(forKey: job)?.session { registry.close(session: session) }
    firstVerdicts = firstVerdicts.filter { $0.key.job != job }
    accepted = accepted.filter { $0.slot.job != job }
    waiting.removeAll { $0.work.slot.job == job }
  }
}
