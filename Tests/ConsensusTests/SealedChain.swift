import Consensus
import Cryptography
import Ledger
import Primitives

/// A chain with certificates of any number of validators.
struct SealedChain {
  let validators: [SigningKey]
  let client = SealedChain.key(100)
  let coordinator = SealedChain.key(101)
  let worker = SealedChain.key(102)
  let beacon = BeaconChain(seed: SHA256.hash([1]), count: 100)
  let genesis: Genesis
  private(set) var chain: ChainFollower
  private(set) var blocks: [CommittedBlock] = []

  static func key(_ number: UInt8) -> SigningKey {
    guard let key = try? SigningKey(seed: Bytes(repeating: number, count: 32)) else {
      preconditionFailure("32 bytes are a seed")
    }
    return key
  }

  init(powers: [UInt64] = [1]) throws {
    validators = powers.indices.map { Self.key(UInt8($0 + 1)) }
    genesis = try Genesis(
      name: "sealed",
      accounts: [
        GenesisAccount(id: client.publicKey, balance: .tokens(1_000)),
        GenesisAccount(id: worker.publicKey, balance: .zero, stake: .tokens(100)),
      ],
      validators: zip(validators, powers).map {
        GenesisValidator(key: $0.publicKey, power: $1)
      }, beacon: beacon.anchor)
    chain = try ChainFollower(genesis: genesis)
  }

  var state: LedgerState { chain.state }

  func sign(_ body: TransactionBody, by key: SigningKey) throws -> Transaction {
    Transaction(
      signing: body, chainID: state.chainID, nonce: state.account(key.publicKey).nonce,
      fee: try state.fee(for: body), key: key)
  }

  /// The next block, not yet signed.
  func propose(_ transactions: [Transaction]) throws -> ProposedBlock {
    let link = state.chain.isBeaconDue ? beacon.link(state.chain.beaconIndex + 1) : nil
    let proposed = try state.propose(
      transactions, proposer: chain.validators.proposer(at: state.chain.height + 1),
      timeMilliseconds: 1, beaconLink: link)
    if let refusal = proposed.refused.first { throw refusal.error }
    return proposed
  }

  func precommit(_ block: Block, by key: SigningKey) -> Precommit {
    Precommit(
      chainID: state.chainID, height: block.header.height, blockHash: block.header.hash, key: key)
  }

  func certificate(_ block: Block, by keys: [SigningKey]) -> CommitCertificate {
    CommitCertificate(
      precommits: keys.map { precommit(block, by: $0) }.sorted { $0.validator < $1.validator })
  }

  @discardableResult
  mutating func seal(_ transactions: [Transaction] = []) throws -> CommittedBlock {
    let proposed = try propose(transactions)
    let certificate = certificate(proposed.block, by: validators)
    try chain.commit(proposed, certificate: certificate)
    let committed = CommittedBlock(block: proposed.block, certificate: certificate)
    blocks.append(committed)
    return committed
  }
}

// A job of one client-round that is worked on, judged and settled.
extension SealedChain {
  func submission(clients: UInt32 = 1, rounds: UInt32 = 1) -> JobSubmission {
    JobSubmission(
      session: SHA256.hash([2]), specification: SHA256.hash([3]),
      coordinator: coordinator.publicKey, rounds: rounds, clients: clients,
      workPrice: .tokens(2), deadline: 1_000)
  }

  var job: JobID { submission().jobID(submitter: client.publicKey) }

  func work(client: UInt32 = 0, round: UInt32 = 0, attempt: UInt32 = 0) -> WorkKey {
    WorkKey(
      slot: WorkSlot(job: job, round: round, client: client), attempt: attempt,
      worker: worker.publicKey)
  }

  func commitment(_ work: WorkKey) -> TransactionBody {
    .commitWork(
      WorkCommitment(
        slot: work.slot, attempt: work.attempt, baseModel: .zero, update: .zero,
        workRoot: .zero, segmentCount: 4))
  }

  func verdict(_ work: WorkKey, _ outcome: VerdictOutcome = .accepted) -> TransactionBody {
    .verdict(WorkVerdict(work: work, outcome: outcome, segmentsReplayed: 4))
  }

  func settlement() -> TransactionBody {
    .settle(
      Settlement(
        job: job, round: 0, aggregate: .zero,
        payments: [Payment(client: 0, worker: worker.publicKey, amount: .tokens(2))]))
  }

  /// Runs the whole job; the last block holds the settlement.
  mutating func runJob() throws {
    try seal([sign(.submitJob(submission()), by: client)])
    try seal([sign(commitment(work()), by: worker)])
    try seal()
    try seal([sign(verdict(work()), by: validators[0])])
    try seal([sign(settlement(), by: coordinator)])
  }
}
