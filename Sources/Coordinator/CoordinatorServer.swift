internal import Consensus
internal import ContentStore
internal import Cryptography
internal import FederatedLearning
package import IPFSClient
internal import Ledger
package import Networking
internal import Orchestration
internal import Peering
package import Persistence
internal import Primitives

/// A coordinator: takes sessions, gives work to workers, follows the ledger, serves what it knows.
///
/// Every change of a session is logged before anything follows from it, so a crash at any moment
/// loses nothing that was acknowledged.
package actor CoordinatorServer {
  enum Limits {
    /// Calls, orders and effects under way.
    static let tasksMax = 16_384
    /// Work that waits for a compute thread.
    static let computeQueueMax = 4_096
    /// How often deadlines are looked at.
    static let tickInterval: Duration = .milliseconds(250)
    /// Transactions that no block took for so long are sent again.
    static let resendInterval: Duration = .seconds(2)
    /// How long an order may take to be acknowledged.
    static let orderDeadline: Duration = .seconds(5)
    /// One model or data set in memory.
    static let contentBytesMax = 1 << 30
    /// Models kept in memory for the workers of the running rounds.
    static let recentModelsMax = 8
    /// A larger model is read from the disk for each worker.
    static let recentModelBytesMax = 32 << 20
    /// Updates that arrive or are checked at the same time; a larger one goes alone, the others
    /// wait unread at their workers.
    static let updateMemoryMax = 1 << 30
    /// How long a worker may take to make a start state again, and for each block of it.
    static let workerStateDeadline: Duration = .seconds(120)
    /// Connected nodes: as many as one session has logical clients at most.
    static let nodesMax = 4_096
    /// Nodes that the dashboard still names after they left.
    static let formerNodesMax = 8_192
    /// What a frame of the log adds to a record, generously.
    static let frameOverhead = 64
    /// A worker's own words about a failure, in the log for ever.
    static let reasonCharactersMax = 200
    /// Reads and sums that a full queue or a passing fault may spoil before the server gives up.
    static let aggregateTriesMax = 5
    /// The pause before another try.
    static let aggregatePause: Duration = .milliseconds(200)
  }

  struct ConnectedNode: Sendable {
    let peer: PeerID
    let hello: Hello
    let connection: PeerConnection
    let since: Tick
  }

  /// The loop that the coordinator's sockets and state are confined to.
  package nonisolated let loop: EventLoop
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }
  let settings: CoordinatorSettings
  let identity: SigningKey
  let client: SigningKey
  let content: CoordinatorContent
  let ipfs: CoordinatorIPFS
  let compute: ComputePool
  let disk: ComputePool
  let nursery: LoopNursery
  let blocks: BlockLog
  let log: WriteAheadLog
  let startedAt: Tick
  var chain: ChainFollower
  var pending = PendingTransactions()
  /// What became of those that waited.
  var journal = TransactionJournal()
  var nodes: [PeerID: ConnectedNode] = [:]
  /// Nodes that were here once, for the dashboard.
  var formerNodes: [PeerID: Hello] = [:]
  /// When a node was lost, in Unix milliseconds.
  var lostAt: [PeerID: UInt64] = [:]
  var sessions: [Digest: HostedSession] = [:]
  /// In the order of creation.
  var sessionOrder: [Digest] = []
  var grants: Set<AccountID> = []
  var broadcast = EventBroadcast()
  var outbox: [OutboxEntry] = []
  var isFlushing = false
  var failure: (any Error)?
  /// Models that an evaluator is at: asked for once, however often they are retaken.
  var underEvaluation: Set<Digest> = []
  /// The newest answer to a probe, with what it was made of.
  var recentHealth: (health: Health, answer: HTTPResponse)?
  let updateMemory: ByteBudget
  /// One body for each try, however often it is sent.
  var submissionsUnderWay: Set<OrderName> = []
  var recentModels: [(digest: Digest, bytes: Bytes)] = []
  /// Blocks that were announced and not followed yet.
  var announcedBlocks: [BlockHeight: CommittedBlock] = [:]
  var isFollowing = false
  /// Disputes that are held or wait.
  var disputes = DisputeBook()

  /// Opens everything in the home of `settings` and reads what an earlier run left.
  package init(settings: CoordinatorSettings, loop: EventLoop) throws {
    self.settings = settings
    self.loop = loop
    let home = settings.home
    identity = try home.key(named: "identity")
    client = try home.key(named: "client")
    compute = ComputePool(
      named: "coordinator", threads: 1, queueMax: Limits.computeQueueMax)
    disk = ComputePool(
      named: "coordinator-disk", threads: 1, queueMax: Limits.computeQueueMax)
    nursery = LoopNursery(loop: loop, tasksMax: Limits.tasksMax)
    let storeSettings = BlockStoreSettings(address: home.file(APIServer.socketName))
    content = CoordinatorContent(
      store: try BlockStore(path: home.file("content"), settings: storeSettings), compute: compute)
    ipfs = CoordinatorIPFS(settings.ipfs, store: content.store)
    (blocks, chain) = try BlockLog.open(
      path: home.file("followed-chain.log"), genesis: try home.genesis())
    var restored = RestoredLog()
    log = try WriteAheadLog(path: home.file("sessions.log")) { _, bytes in
      try restored.add(try CoordinatorRecord(decoding: bytes))
    }
    sessions = restored.sessions
    sessionOrder = restored.order
    for transaction in restored.transactions { _ = pending.add(transaction) }
    pending.settle(in: chain.state)
    startedAt = loop.now
    settings.stakes?.replace(with: chain.state.stakes)
    updateMemory = ByteBudget(loop: loop, bytesMax: Limits.updateMemoryMax)
  }

  /// What the records of an earlier run amount to.
  private struct RestoredLog {
    var sessions: [Digest: HostedSession] = [:]
    var order: [Digest] = []
    /// In the order in which they were signed, those that blocks hold already among them.
    var transactions: [Transaction] = []

    mutating func add(_ record: CoordinatorRecord) throws {
      switch record {
      case .created(let creation):
        let session = HostedSession(creation)
        sessions[session.id] = session
        order.append(session.id)
        transactions.append(try Transaction(decoding: creation.order))
      case .transaction(let bytes): transactions.append(try Transaction(decoding: bytes))
      case .submission(let id, let submission):
        sessions[id]?.replay(record)
        transactions.append(try Transaction(decoding: submission.commitment))
      case .startRequested(let id), .event(let id, _), .model(let id, _, _), .dispute(let id, _):
        sessions[id]?.replay(record)
      }
    }
  }

  /// Serves until cancelled; throws when the disk no longer takes what must be durable.
  package func run(host: PeerHost) async throws {
    try await catchUp()
    try await withThrowingTaskGroup(of: Void.self) { group in
      let onLoop = loop.taskExecutor
      group.addTask(executorPreference: onLoop) { await host.run() }
      group.addTask(executorPreference: onLoop) { [loop, nursery] in
        await loop.perform { await nursery.run() }
      }
      group.addTask(executorPreference: onLoop) { try await self.keepTime() }
      group.addTask { [ipfs] in try await ipfs.client.run() }
      try await group.next()
      group.cancelAll()
    }
  }

  /// Lets go of the home's files after what was accepted is durable; blocks until then.
  package func close() {
    log.close()
    blocks.close()
    ipfs.client.close()
    content.store.close()
    compute.stop()
    disk.stop()
  }

  private func keepTime() async throws {
    var nextLook = loop.now.advanced(by: Limits.resendInterval)
    while true {
      try await loop.sleep(for: Limits.tickInterval)
      if let failure { throw failure }
      for id in sessionOrder { apply(.tick(now: loop.now), to: id) }
      guard loop.now >= nextLook else { continue }
      nextLook = loop.now.advanced(by: Limits.resendInterval)
      let still = sessionOrder.filter(hasStoodStill)
      // Blocks may be missed even where no session waits.
      begin { await self.retake(still) }
    }
  }

  /// Whether a session that is not over has not changed for a while, whatever others did.
  private func hasStoodStill(_ id: Digest) -> Bool {
    guard let session = sessions[id] else { return false }
    return loop.now.duration(since: session.movedAt) >= Limits.resendInterval
  }

  /// Takes up what a crash interrupted.
  private func catchUp() async throws {
    for id in sessionOrder { apply(.restarted(now: loop.now), to: id) }
    var height: BlockHeight = 1
    while let block = try await storedBlock(height) {
      journal.note(block.block)
      noteReplays(in: block.block)
      noteGrants(in: block.block)
      for id in sessionOrder { applyLedger(block.block, to: id) }
      height += 1
    }
    for id in sessionOrder { resume(id) }
  }

  func storedBlock(_ height: BlockHeight) async throws -> CommittedBlock? {
    let blocks = blocks
    return try await disk.run { try blocks.block(at: height) }
  }

  private func resume(_ id: Digest) {
    guard let session = sessions[id] else { return }
    if chain.state.jobs[session.ledger.job] == nil, case .created = session.machine.phase,
      let order = try? Transaction(decoding: session.creation.order)
    {
      forward(order)
    }
    startIfEscrowed(id)
  }

  func begin(_ body: @escaping @Sendable () async -> Void) { _ = nursery.begin(body) }
}

/// How a coordinator is started.
package struct CoordinatorSettings: Sendable {
  /// Holds keys, genesis and all state.
  package var home: HomeDirectory
  /// New workers without stake that are given the minimum from the client's account.
  package var stakeGrants: Int
  /// How long a party of a dispute may take for one answer: hundreds of times what the replay of
  /// an ordinary segment takes.
  package var disputeTimeout: Duration
  /// Gets the stakes of all accounts after each block.
  package var stakes: StakeBook?
  /// IPFS nodes beside the coordinator's own store; none unless set.
  package var ipfs = IPFSClientConfiguration()

  /// Collects the settings.
  package init(
    home: HomeDirectory, stakeGrants: Int = 0, disputeTimeout: Duration = .seconds(10),
    stakes: StakeBook? = nil
  ) {
    self.stakes = stakes
    self.home = home
    self.stakeGrants = stakeGrants
    self.disputeTimeout = disputeTimeout
  }
}
