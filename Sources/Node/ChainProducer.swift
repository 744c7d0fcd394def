package import Consensus
package import Cryptography
package import Ledger
package import Networking
internal import Persistence
internal import Primitives

/// Bounds of the producer.
private enum ProducerLimits {
  /// Wins that wait for a block, one a block; more than that are late already.
  static let coinbasesMax = 64
}

/// The block-making half of a validator: admits transactions, seals, stores, tells.
package actor ChainProducer {
  nonisolated let loop: EventLoop
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }
  private let key: SigningKey
  private let store: ValidatorStore
  private let disk: ComputePool
  private let nursery: LoopNursery
  private let wallClock: @Sendable () -> UInt64
  private let stakes: StakeBook?
  private let committed: @Sendable (CommittedBlock) async -> Void
  private var chain: ChainFollower
  private var mempool = Mempool()
  /// Checked wins, oldest first; the first goes into the next block.
  private var coinbases: [Coinbase] = []
  private var machine: BlockProductionMachine
  private var signGuard: SignGuard
  private var timer: TimerToken?
  private var unfinished: Block?
  private var isFinishing = false
  /// The highest nonce that this validator signed while anything waits.
  private var lastOwnNonce: UInt64?
  private var failure: CheckedContinuation<Void, any Error>?
  private var failed: (any Error)?

  /// - Parameters:
  ///   - disk: runs what waits for the disk, one thing after another.
  ///   - wallClock: milliseconds since 1970, for the header's time only.
  ///   - stakes: gets the stakes of all accounts after each block.
  ///   - committed: told of each block once it is durable, in order.
  package init(
    key: SigningKey, store: ValidatorStore, loop: EventLoop, disk: ComputePool,
    nursery: LoopNursery, wallClock: @escaping @Sendable () -> UInt64,
    stakes: StakeBook? = nil,
    committed: @escaping @Sendable (CommittedBlock) async -> Void
  ) {
    self.key = key
    self.store = store
    self.loop = loop
    self.disk = disk
    self.nursery = nursery
    self.wallClock = wallClock
    self.stakes = stakes
    self.committed = committed
    chain = store.chain
    signGuard = store.signGuard
    unfinished = store.unfinished
    machine = BlockProductionMachine(resumingAt: store.chain.state)
    stakes?.replace(with: store.chain.state.stakes)
  }

  /// Seals what the last run left due.
  package func start() async {
    await finishInterrupted()
    perform(machine.handle(.tick(now: loop.now)))
  }

  /// Throws when the disk no longer takes what has to be durable; else never returns.
  package func waitForFailure() async throws {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
        if let failed { waiter.resume(throwing: failed) } else { failure = waiter }
      }
    } onCancel: {
      loop.execute { self.assumeIsolated { $0.stop(CancellationError()) } }
    }
  }

  private func stop(_ error: any Error) {
    failed = failed ?? error
    failure?.resume(throwing: error)
    failure = nil
  }

  /// A block that was signed and not stored is the only one that may be signed at its height.
  private func finishInterrupted() async {
    guard let block = unfinished else { return }
    unfinished = nil
    isFinishing = true
    defer { isFinishing = false }
    do {
      let certified = try await certify(block)
      try chain.follow(certified)
      stakes?.replace(with: chain.state.stakes)
      mempool.settle(block, state: chain.state)
      await committed(certified)
      isFinishing = false
      perform(machine.handle(.committed(block, waiting: mempool.count, now: loop.now)))
    } catch {
      stop(error)
    }
  }

  /// What a win has to meet now; nil on a chain without mining.
  package var miningTarget: MiningTarget? { chain.state.chain.mining?.difficulty.target }

  /// Takes a checked win for one of the next blocks.
  package func mint(_ coinbase: Coinbase) {
    guard coinbases.count < ProducerLimits.coinbasesMax else { return }
    coinbases.append(coinbase)
  }

  /// The newest height.
  package var height: BlockHeight { chain.state.chain.height }

  /// Blocks from a height on, at most `max`.
  package func blocks(from height: BlockHeight, max: Int) async throws -> [CommittedBlock] {
    let blocks = store.blocks
    return try await disk.run {
      var found: [CommittedBlock] = []
      var next = height
      while found.count < max, let block = try blocks.block(at: next) {
        found.append(block)
        next += 1
      }
      return found
    }
  }

  /// Takes a signed transaction; one that waits or is in a block already is no error.
  package func admit(_ transaction: Transaction) throws -> Digest {
    try admit(transaction, isOwn: false)
  }

  private func admit(_ transaction: Transaction, isOwn: Bool) throws -> Digest {
    do throws(MempoolError) {
      let id = try mempool.admit(transaction, state: chain.state, isSignatureKnown: isOwn)
      perform(machine.handle(.admitted(transaction, now: loop.now)))
      return id
    } catch .duplicate {
      return transaction.id
    }
  }

  /// Signs orders of this validator's own account and admits them.
  package func submit(_ bodies: [TransactionBody]) throws {
    for body in bodies {
      let transaction = Transaction(
        signing: body, chainID: chain.state.chainID,
        nonce: mempool.nextNonce(of: key.publicKey, in: chain.state),
        fee: try chain.state.fee(for: body), key: key)
      _ = try admit(transaction, isOwn: true)
      lastOwnNonce = transaction.nonce
    }
  }

  /// An order of this validator that can never pass leaves a nonce unused, and what was signed
  /// after it would wait for ever: a transfer to itself takes the place.
  private func fillGaps() {
    guard mempool.count > 0, let last = lastOwnNonce else { return lastOwnNonce = nil }
    let own = key.publicKey
    var next = mempool.nextNonce(of: own, in: chain.state)
    while next < last {
      let body = TransactionBody.transfer(to: own, amount: Amount(baseUnits: 1))
      guard let fee = try? chain.state.fee(for: body) else { return }
      let filler = Transaction(
        signing: body, chainID: chain.state.chainID, nonce: next, fee: fee, key: key)
      guard (try? admit(filler, isOwn: true)) != nil else { return }
      next = mempool.nextNonce(of: own, in: chain.state)
    }
  }

  private func perform(_ effects: [BlockProductionMachine.Effect]) {
    for case .seal in effects { _ = nursery.begin { await self.seal() } }
    guard timer == nil, let deadline = machine.nextDeadline else { return }
    timer = loop.schedule(at: deadline) {
      _ = self.nursery.begin { await self.tick() }
    }
  }

  private func tick() {
    timer = nil
    perform(machine.handle(.tick(now: loop.now)))
  }

  private func seal() async {
    guard failed == nil, !isFinishing, unfinished == nil else { return }
    guard let proposed = try? propose() else {
      return perform(machine.handle(.sealingFailed(waiting: mempool.count, now: loop.now)))
    }
    do {
      let block = try await certify(proposed.block)
      try chain.commit(proposed, certificate: block.certificate)
      stakes?.replace(with: chain.state.stakes)
      if let minted = block.block.header.coinbase { coinbases.removeAll { $0 == minted } }
      mempool.settle(block.block, refused: proposed.refused, state: chain.state)
      fillGaps()
      perform(machine.handle(.committed(block.block, waiting: mempool.count, now: loop.now)))
      await committed(block)
    } catch {
      // What was signed is on the disk or not: only a new start can tell.
      stop(error)
    }
  }

  /// Nil when there is neither a transaction that can be executed nor a beacon link to reveal.
  private func propose() throws -> ProposedBlock? {
    let state = chain.state
    let link = state.chain.isBeaconDue ? store.beacon.link(state.chain.beaconIndex + 1) : nil
    let proposed = try state.propose(
      mempool.candidates(state: state), proposer: key.publicKey, timeMilliseconds: wallClock(),
      beaconLink: link, coinbase: coinbases.first)
    if proposed.refusedCoinbase != nil { coinbases.removeFirst() }
    if proposed.block.transactions.isEmpty && link == nil {
      mempool.settle(proposed.block, refused: proposed.refused, state: state)
      return nil
    }
    return proposed
  }

  /// The guard is durable before the signature exists, the block before anybody hears of it.
  private func certify(_ proposed: Block) async throws -> CommittedBlock {
    let header = proposed.header
    let hash = header.hash
    try signGuard.authorise(height: header.height, blockHash: hash)
    let vote = Precommit(
      chainID: header.chainID, height: header.height, blockHash: hash, key: key)
    let block = CommittedBlock(
      block: proposed, certificate: CommitCertificate(precommits: [vote]))
    try await disk.run { [store, signGuard] in
      try store.store(signGuard, of: proposed)
      try store.blocks.appendBlocking(block)
    }
    return block
  }
}
