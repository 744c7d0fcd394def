import Consensus
import Cryptography
import Ledger
import Persistence
package import Primitives

extension FuzzedParser {
  /// What stands behind the decoders: execution, following a chain, verification.
  static let ledgerRules: [FuzzedParser] = [
    FuzzedParser("transaction-execution") { bytes in
      guard let transaction = try? Transaction(decoding: bytes) else { return }
      LedgerWorld.execute(transaction)
    },
    FuzzedParser("block-following") { bytes in
      guard let block = try? CommittedBlock(decoding: bytes), var chain = LedgerWorld.chain
      else { return }
      try? chain.follow(block)
    },
    FuzzedParser("receipt-verification") { bytes in
      guard let json = try? JSONValue(parsing: bytes), let receipt = try? Receipt(json: json)
      else { return }
      _ = try? receipt.verify(trusting: LedgerWorld.chain?.state.genesis)
      _ = try? receipt.verify()
    },
    FuzzedParser("log-frame") { bytes in
      guard let frame = WriteAheadLogFrame(decoding: bytes) else { return }
      precondition(frame.encoded() == Bytes(bytes.prefix(frame.encoded().count)))
    },
  ]
}

/// A small ledger with an open job and commitments, so that damaged transactions reach every rule.
package struct LedgerWorld: Sendable {
  /// After the block that reveals the beacon's link.
  static let world = try? LedgerWorld()
  static var chain: ChainFollower? { world?.chain }

  private static func key(_ number: UInt8) throws -> SigningKey {
    try SigningKey(seed: Bytes(repeating: number, count: 32))
  }

  private static let segments = (0..<4).map { SHA256.hash([UInt8($0)]) }
  private let owner: SigningKey
  private let worker: SigningKey
  private let validator: SigningKey
  private var chain: ChainFollower
  private var blocks: [CommittedBlock] = []
  private let beacon = BeaconChain(seed: SHA256.hash([1]), count: 9)

  private init() throws {
    owner = try Self.key(1)
    worker = try Self.key(2)
    validator = try Self.key(3)
    let genesis = try Genesis(
      name: "fuzz",
      accounts: [
        GenesisAccount(id: owner.publicKey, balance: .tokens(1_000)),
        GenesisAccount(id: worker.publicKey, balance: .tokens(1), stake: .tokens(100)),
        GenesisAccount(id: validator.publicKey, balance: .tokens(1)),
      ],
      validators: [GenesisValidator(key: validator.publicKey, power: 1)], beacon: beacon.anchor)
    chain = try ChainFollower(genesis: genesis)
    try seal([sign(.submitJob(submission), by: owner)])
    try seal([sign(.commitWork(commitment(client: 0)), by: worker)])
    try seal([])
  }

  private var submission: JobSubmission {
    JobSubmission(
      session: .zero, specification: .zero, coordinator: owner.publicKey, rounds: 2, clients: 2,
      workPrice: .tokens(1), checkPrice: .tokens(1), deadline: 9)
  }

  private var job: JobID { JobID(submitter: owner.publicKey, session: .zero) }

  private var leaves: [Digest] {
    ([.zero, .zero, .zero] + Self.segments).map(SlashEvidence.leaf(of:))
  }

  private func commitment(client: UInt32) -> WorkCommitment {
    WorkCommitment(
      slot: WorkSlot(job: job, round: 0, client: client), attempt: 0, baseModel: .zero,
      update: SHA256.hash([9]), workRoot: MerkleTree.root(of: leaves),
      segmentCount: UInt32(Self.segments.count))
  }

  private func sign(_ body: TransactionBody, by key: SigningKey) throws -> Transaction {
    let state = chain.state
    return Transaction(
      signing: body, chainID: state.chainID, nonce: state.account(key.publicKey).nonce,
      fee: try state.fee(for: body), key: key)
  }

  private mutating func seal(_ transactions: [Transaction]) throws {
    let state = chain.state
    let proposed = try state.propose(
      transactions, proposer: validator.publicKey, timeMilliseconds: 0,
      beaconLink: state.chain.isBeaconDue ? beacon.link(state.chain.beaconIndex + 1) : nil)
    let header = proposed.block.header
    let vote = Precommit(
      chainID: state.chainID, height: header.height, blockHash: header.hash, key: validator)
    let certificate = CommitCertificate(precommits: [vote])
    try chain.commit(proposed, certificate: certificate)
    blocks.append(CommittedBlock(block: proposed.block, certificate: certificate))
  }

  /// Executes a transaction as if it were signed; money may move but never appear.
  static func execute(_ transaction: Transaction) {
    guard var state = chain?.state,
      let proposed = try? state.propose(
        [transaction], proposer: transaction.sender, timeMilliseconds: 0, beaconLink: nil)
    else { return }
    state.commit(proposed)
    let supply = try? state.countedSupply()
    precondition(supply == state.supply)
  }

  private var work: WorkKey {
    WorkKey(
      slot: WorkSlot(job: job, round: 0, client: 0), attempt: 0, worker: worker.publicKey)
  }

  private var verdict: TransactionBody {
    .verdict(WorkVerdict(work: work, outcome: .accepted, segmentsReplayed: 4))
  }

  private var settlement: TransactionBody {
    .settle(
      Settlement(
        job: job, round: 0, aggregate: .zero,
        payments: [Payment(client: 0, worker: worker.publicKey, amount: .tokens(1))]))
  }

  /// One order of each kind that would be accepted, apart from the early verdict's payment.
  private var orders: [(TransactionBody, SigningKey)] {
    let evidence = SlashEvidence.segment(
      claimed: Self.segments[1], proof: MerkleTree.proof(index: 4, in: leaves),
      recomputed: .zero)
    return [
      (.transfer(to: worker.publicKey, amount: .tokens(1)), owner),
      (.stake(amount: .tokens(1)), owner), (.unstake(amount: .tokens(1)), worker),
      (.submitJob(submission), worker), (.commitWork(commitment(client: 1)), worker),
      (verdict, validator), (.slash(work, evidence), validator), (settlement, owner),
      (.closeJob(job), owner),
    ]
  }

  /// Inputs to begin with, by parser: `Tests/Fuzz/corpus` was written from them.
  package static func seeds() throws -> [(parser: String, name: String, bytes: Bytes)] {
    guard var world else { return [] }
    var seeds: [(parser: String, name: String, bytes: Bytes)] = []
    for (body, key) in world.orders {
      let bytes = try world.sign(body, by: key).encoded()
      seeds.append(("transaction-execution", body.kind, bytes))
    }
    let frame = WriteAheadLogFrame(firstIndex: 3, records: [[1, 2, 3], [4]])
    seeds.append(("log-frame", "two-records", frame.encoded()))
    try world.seal([world.sign(world.verdict, by: world.validator)])
    seeds.append(("block-following", "verdict", world.blocks[3].encoded()))
    try world.seal([world.sign(world.settlement, by: world.owner)])
    if let receipt = Receipt(of: world.work.slot, in: world.blocks[4]) {
      seeds.append(("receipt-verification", "paid", receipt.json.encoded()))
    }
    return seeds
  }
}
