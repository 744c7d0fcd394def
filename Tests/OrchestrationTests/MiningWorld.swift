import Cryptography
import FederatedLearning
import Ledger
import NeuralNetworks
import Orchestration
import Primitives
import UsefulWork

/// One worker, one validator, a job of several rounds with three segments each, on a real ledger;
/// k is 3, so each round is bound by the messages of the round before.
struct MiningWorld {
  static let mining = try? MiningTerms(
    parameters: MiningParameters(batchWeight: 0, modelWeight: 0, lookahead: 3),
    difficulty: DifficultyRule(
      initial: .easiest, spacingMilliseconds: 1_000, window: 100, factorMax: 4),
    coinbase: .standard)
  private static let beacon = BeaconChain(seed: SHA256.hash([1]), count: 100)

  private(set) var state: LedgerState
  var machine: MiningMachine
  private(set) var messages: [[IterationMessage]] = []
  private(set) var claims: [[MiningClaim]] = []
  private var miner: Miner
  private let job: JobID
  private let dataset: Dataset
  private let base: ParameterBuffer

  private static func key(_ number: UInt8) throws -> SigningKey {
    try SigningKey(seed: Bytes(repeating: number, count: 32))
  }

  static func genesis(mining: MiningTerms?) throws -> Genesis {
    try Genesis(
      name: "mining",
      accounts: [
        GenesisAccount(id: key(1).publicKey, balance: .tokens(1_000)),
        GenesisAccount(id: key(2).publicKey, balance: .tokens(1), stake: .tokens(100)),
        GenesisAccount(id: key(3).publicKey, balance: .tokens(1)),
      ],
      validators: [GenesisValidator(key: key(3).publicKey, power: 1)], beacon: beacon.anchor,
      mining: mining)
  }

  init() throws {
    let genesis = try Self.genesis(mining: Self.mining)
    guard let machine = MiningMachine(genesis: genesis), let terms = Self.mining else {
      throw MiningError.otherMiner
    }
    self.machine = machine
    state = try LedgerState(genesis: genesis)
    miner = Miner(key: try Self.key(2), parameters: terms.parameters)
    base = ParameterBuffer(randomFor: try ModelArchitecture(units: [4, 3, 2]), seed: 1)
    dataset = try Dataset(
      features: (0..<48).map { Float($0 % 7) / 7 }, labels: (0..<12).map { Int32($0 % 2) },
      inputs: 4, classes: 2)
    let terms2 = JobSubmission(
      session: SHA256.hash([2]), specification: SHA256.hash([3]),
      coordinator: try Self.key(1).publicKey, rounds: 5, clients: 1, workPrice: .tokens(1),
      deadline: 1_000)
    job = terms2.jobID(submitter: try Self.key(1).publicKey)
    try seal([(.submitJob(terms2), 1)])
  }

  func work(round: Int) throws -> WorkKey {
    WorkKey(
      slot: WorkSlot(job: job, round: UInt32(round), client: 0), attempt: 0,
      worker: try Self.key(2).publicKey)
  }

  func task(round: Int) throws -> TrainingTask {
    try TrainingTask(
      architecture: ModelArchitecture(units: [4, 3, 2]),
      settings: TrainingSettings(learningRate: 0.1, batchSize: 4, epochs: 2),
      session: SHA256.hash([3]), seed: 1, round: round, client: 0, base: base.digest,
      dataset: dataset.digest, examples: dataset.rows, segmentSteps: 2)
  }

  func submission(
    round: Int, messages: [IterationMessage], claims: [MiningClaim]
  ) throws -> MiningSubmission {
    MiningSubmission(
      job: job.digest,
      assignment: Assignment(
        round: round + 1, client: 0, attempt: 0, worker: try Self.key(2).publicKey.peerID),
      messages: messages, claims: claims)
  }

  /// Trains a round, sends its messages, commits, judges; returns what becomes of its claims.
  @discardableResult
  mutating func round(
    outcome: VerdictOutcome = .accepted, isLate: Bool = false,
    replay: (MiningMachine.Case) -> Result<SegmentRoots, WorkError>? = { _ in nil }
  ) throws -> [MiningMachine.Effect] {
    let round = messages.count
    let task = try task(round: round)
    let result = try task.execute(dataset: dataset, base: base)
    let head = MiningHead(of: state)
    let yields = try task.segmentRoots(of: result, dataset: dataset).enumerated().map {
      miner.finish(
        segment: $0.offset, of: task, roots: $0.element,
        anchor: (head?.height ?? 0, head?.hash ?? .zero), chain: state.chainID, target: .easiest)
    }
    messages.append(yields.map(\.message))
    claims.append(yields.compactMap(\.claim))
    let submission = try submission(
      round: round, messages: messages[round], claims: claims[round])
    var effects = isLate ? [] : machine.handle(.submitted(submission))
    let commitment = WorkCommitment(
      slot: try work(round: round).slot, attempt: 0, baseModel: base.digest,
      update: result.update.digest, workRoot: result.record.workRoot,
      segmentCount: UInt32(task.segments))
    effects += try seal([(.commitWork(commitment), 2)])
    effects += try seal([])
    let verdict = WorkVerdict(
      work: try work(round: round), outcome: outcome, segmentsReplayed: UInt32(task.segments))
    effects += try seal([(.verdict(verdict), 3)])
    if isLate { effects += machine.handle(.submitted(submission)) }
    let settlement = Settlement(job: job, round: UInt32(round), aggregate: .zero, payments: [])
    effects += try seal([(.settle(settlement), 1)])
    return try effects.flatMap { try follow($0, replay: replay) }
  }

  /// Carries an effect through preparation and replay to its end.
  mutating func follow(
    _ effect: MiningMachine.Effect,
    replay: (MiningMachine.Case) -> Result<SegmentRoots, WorkError>? = { _ in nil }
  ) throws -> [MiningMachine.Effect] {
    let target = MiningTarget.easiest
    switch effect {
    case .prepare(let work, let claim):
      let task = try task(round: Int(work.slot.round))
      return try machine.handle(.prepared(work, claim, task, target: target))
        .flatMap { try follow($0, replay: replay) }
    case .replay(let one):
      let roots = try one.task.segmentRoots(
        of: Int(one.claim.message.segment), replaying: dataset, base: base)
      return machine.handle(
        .replayed(one, replay(one) ?? .success(roots), target: target))
    case .mint, .refuse: return [effect]
    }
  }

  mutating func close() throws { try seal([(.closeJob(job), 1)]) }

  @discardableResult
  private mutating func seal(
    _ orders: [(TransactionBody, UInt8)]
  ) throws -> [MiningMachine.Effect] {
    let transactions = try orders.map { body, number in
      let key = try Self.key(number)
      return Transaction(
        signing: body, chainID: state.chainID, nonce: state.account(key.publicKey).nonce,
        fee: try state.fee(for: body), key: key)
    }
    let link = state.chain.isBeaconDue ? Self.beacon.link(state.chain.beaconIndex + 1) : nil
    let proposed = try state.propose(
      transactions, proposer: Self.key(3).publicKey, timeMilliseconds: 1, beaconLink: link)
    if let refusal = proposed.refused.first { throw refusal.error }
    state.commit(proposed)
    return machine.handle(.committed(proposed.block))
  }
}
