import Cryptography
import Ledger
import Primitives

/// A chain with two states: the proposer's, and a follower's that checks every block again.
struct TestChain {
  let genesis: Genesis
  let beacon: BeaconChain
  let client = TestChain.key(1)
  let coordinator = TestChain.key(2)
  let validator = TestChain.key(3)
  let evaluator = TestChain.key(4)
  let workers = (10..<14).map { TestChain.key($0) }
  private(set) var state: LedgerState
  private(set) var follower: LedgerState
  private(set) var blocks: [Block] = []

  static func key(_ number: UInt8) -> SigningKey {
    guard let key = try? SigningKey(seed: Bytes(repeating: number, count: 32)) else {
      preconditionFailure("32 bytes are a seed")
    }
    return key
  }

  static func digest(_ text: String) -> Digest { SHA256.hash(Bytes(text.utf8)) }

  static let parameters = LedgerParameters(
    minimumStake: .tokens(50), slashPartsPerMillion: 500_000, treasuryPartsPerMillion: 250_000,
    flatFee: Amount(baseUnits: 1_000), feePartsPerMillion: 1_000, unbondingBlocks: 3)

  init(
    links: UInt32 = 1_000, stake: Amount = .tokens(100), mining: MiningTerms? = nil
  ) throws {
    beacon = BeaconChain(seed: Self.digest("beacon"), count: links)
    var accounts = [
      GenesisAccount(id: client.publicKey, balance: .tokens(10_000)),
      GenesisAccount(id: coordinator.publicKey, balance: .tokens(10)),
      GenesisAccount(id: validator.publicKey, balance: .tokens(10)),
    ]
    for worker in workers {
      accounts.append(
        GenesisAccount(id: worker.publicKey, balance: .tokens(5), stake: stake))
    }
    genesis = try Genesis(
      name: "test", accounts: accounts,
      validators: [GenesisValidator(key: validator.publicKey, power: 1)],
      parameters: Self.parameters, beacon: beacon.anchor, mining: mining)
    state = try LedgerState(genesis: genesis)
    follower = try LedgerState(genesis: genesis)
  }

  /// Signs with the sender's next nonce, `ahead` transactions later, and the least fee.
  func sign(
    _ body: TransactionBody, by key: SigningKey, ahead: UInt64 = 0, fee: Amount? = nil
  ) throws -> Transaction {
    Transaction(
      signing: body, chainID: state.chainID,
      nonce: state.account(key.publicKey).nonce + ahead, fee: try fee ?? state.fee(for: body),
      key: key)
  }

  /// Proposes, commits and follows a block; throws the error of the first refused transaction.
  @discardableResult
  mutating func seal(
    _ transactions: [Transaction] = [], coinbase: Coinbase? = nil
  ) throws -> Block {
    let link = state.chain.isBeaconDue ? beacon.link(state.chain.beaconIndex + 1) : nil
    let proposed = try state.propose(
      transactions, proposer: validator.publicKey, timeMilliseconds: state.chain.height,
      beaconLink: link, coinbase: coinbase)
    if let error = proposed.refusedCoinbase { throw error }
    if let refusal = proposed.refused.first { throw refusal.error }
    state.commit(proposed)
    try follower.apply(proposed.block)
    precondition(follower.stateRoot == state.stateRoot)
    precondition(follower.chain == state.chain)
    blocks.append(proposed.block)
    return proposed.block
  }

  /// Signs and seals one transaction.
  @discardableResult
  mutating func run(_ body: TransactionBody, by key: SigningKey) throws -> Block {
    try seal([sign(body, by: key)])
  }
}

// A job of two rounds and two clients, step by step.
extension TestChain {
  static let workPrice = Amount.tokens(3)

  func submission(
    session: String = "session", rounds: UInt32 = 2, clients: UInt32 = 2,
    deadline: BlockHeight = 1_000
  ) -> JobSubmission {
    JobSubmission(
      session: Self.digest(session), specification: Self.digest("specification"),
      coordinator: coordinator.publicKey, rounds: rounds, clients: clients,
      workPrice: Self.workPrice, checkPrice: .tokens(1), evaluator: evaluator.publicKey,
      evaluationPrice: .tokens(2), deadline: deadline)
  }

  mutating func openJob(
    rounds: UInt32 = 2, clients: UInt32 = 2, deadline: BlockHeight = 1_000
  ) throws -> JobID {
    let submission = submission(rounds: rounds, clients: clients, deadline: deadline)
    try run(.submitJob(submission), by: client)
    return submission.jobID(submitter: client.publicKey)
  }

  static let segmentRoots = (0..<5).map { digest("segment \($0)") }
  static let finalParameters = digest("update")
  /// Task, final parameters and final optimizer stand before the segment roots.
  static var recordLeaves: [Digest] {
    ([digest("task"), finalParameters, digest("optimizer")] + segmentRoots)
      .map(SlashEvidence.leaf(of:))
  }

  func commitment(
    _ job: JobID, round: UInt32 = 0, client: UInt32 = 0, attempt: UInt32 = 0,
    update: Digest = finalParameters
  ) -> WorkCommitment {
    WorkCommitment(
      slot: WorkSlot(job: job, round: round, client: client), attempt: attempt,
      baseModel: Self.digest("base"), update: update,
      workRoot: MerkleTree.root(of: Self.recordLeaves),
      segmentCount: UInt32(Self.segmentRoots.count))
  }

  /// Commits by worker i for client i, then seals the block that reveals the link.
  mutating func commit(
    _ job: JobID, round: UInt32 = 0, clients: Range<UInt32> = 0..<2, attempt: UInt32 = 0
  ) throws {
    try seal(
      clients.map {
        try sign(
          .commitWork(commitment(job, round: round, client: $0, attempt: attempt)),
          by: workers[Int($0)])
      })
    try seal()
  }

  func work(
    _ job: JobID, round: UInt32 = 0, client: UInt32 = 0, attempt: UInt32 = 0, worker: Int? = nil
  ) -> WorkKey {
    WorkKey(
      slot: WorkSlot(job: job, round: round, client: client), attempt: attempt,
      worker: workers[worker ?? Int(client)].publicKey)
  }

  func verdict(_ work: WorkKey, _ outcome: VerdictOutcome = .accepted) -> TransactionBody {
    .verdict(WorkVerdict(work: work, outcome: outcome, segmentsReplayed: 5))
  }

  func segmentEvidence(index: Int = 2) -> SlashEvidence {
    .segment(
      claimed: Self.segmentRoots[index],
      proof: MerkleTree.proof(
        index: SlashEvidence.headLeaves + index, in: Self.recordLeaves),
      recomputed: Self.digest("truth"))
  }

  /// Evidence against a commitment that names another update than its record ends in.
  static let unboundEvidence = SlashEvidence.unboundUpdate(
    expected: finalParameters, proof: MerkleTree.proof(index: 1, in: recordLeaves))

  func settlement(
    _ job: JobID, round: UInt32 = 0, clients: [UInt32] = [0, 1], amount: Amount = workPrice
  ) -> TransactionBody {
    .settle(
      Settlement(
        job: job, round: round, aggregate: Self.digest("aggregate"),
        payments: clients.map {
          Payment(client: $0, worker: workers[Int($0)].publicKey, amount: amount)
        }))
  }
}
