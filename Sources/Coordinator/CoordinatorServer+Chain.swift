internal import Consensus
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import Orchestration
internal import Peering
internal import Persistence
internal import Primitives

extension CoordinatorServer {
  // MARK: Transactions

  /// Signs an order with a key of this coordinator and sends it once it is durable: its nonce is
  /// used for nothing else, whatever happens. The same order twice is sent once.
  func submit(_ body: TransactionBody, signedBy key: SigningKey) {
    let sender = key.publicKey
    guard !pending.waiting.contains(where: { $0.sender == sender && $0.body == body }),
      let transaction = sign(body, with: key)
    else { return }
    // A settlement follows from the session's own log; it need not wait for the disk again.
    if case .settle = body { return forward(transaction) }
    guard pending.add(transaction, isHeld: true) else { return }
    begin { try? await self.sendDurably(transaction) }
  }

  /// Sends a transaction that is held already, after its record is durable.
  func sendDurably(_ transaction: Transaction) async throws {
    try await storeDurably(.transaction(transaction.encoded()))
    pending.release(transaction.id)
    begin { await self.send(transaction) }
  }

  /// Signs with the next free nonce; nil when the fee cannot be computed.
  func sign(_ body: TransactionBody, with key: SigningKey) -> Transaction? {
    guard let fee = try? chain.state.fee(for: body) else { return nil }
    return Transaction(
      signing: body, chainID: chain.state.chainID,
      nonce: pending.nextNonce(of: key.publicKey, in: chain.state), fee: fee, key: key)
  }

  /// Keeps a transaction whose record is durable until a block holds it, and sends it to the
  /// validator.
  func forward(_ transaction: Transaction) {
    guard transaction.nonce >= chain.state.account(transaction.sender).nonce else { return }
    _ = pending.add(transaction)
    pending.release(transaction.id)
    begin { await self.send(transaction) }
  }

  private func send(_ transaction: Transaction) async {
    guard let validator = validators.first else { return }
    do {
      _ = try await validator.connection.request(
        method: RPCMethod.submitTransaction, body: transaction.encoded())
    } catch .refused(let refusal) where Self.isFinal(refusal.code) {
      refused(transaction, refusal)
    } catch {
      // It stays pending and is sent again.
    }
  }

  /// Whether sending again cannot help. A replayed nonce says that a block holds the transaction
  /// already: the block is on its way here.
  private static func isFinal(_ code: String) -> Bool {
    !["mempool_full", "starting", "busy", "failed", "replayed_transaction"].contains(code)
  }

  /// A refused order takes those with it that its sender signed later. Those of this coordinator
  /// are signed anew by `retake`; a worker's part of the round goes to somebody else.
  private func refused(_ transaction: Transaction, _ refusal: RPCError) {
    let removed = pending.removeChain(from: transaction)
    noteRefusal(refusal, of: transaction, stranding: removed)
    for stranded in removed {
      switch stranded.body {
      case .commitWork(let commitment):
        guard let id = session(of: commitment.slot.job) else { continue }
        apply(
          .workFailed(
            commitment.assignment(of: stranded.sender), reason: refusal.message, now: loop.now),
          to: id)
      case .submitJob(let submission) where stranded.id == transaction.id:
        let job = submission.jobID(submitter: stranded.sender)
        guard chain.state.jobs[job] == nil, let id = session(of: job) else { continue }
        sessions[id]?.refusal = refusal.message
      case .submitJob, .transfer, .stake, .unstake, .verdict, .slash, .settle, .closeJob,
        .content, .reward, .storage:
        continue
      }
    }
  }

  func session(of job: JobID) -> Digest? {
    sessionOrder.first { sessions[$0]?.ledger.job == job }
  }

  var validators: [ConnectedNode] {
    nodes.filter { peer, node in
      node.hello.role == .validator
        && (peer.publicKey.map { chain.state.isValidator($0) } ?? false)
    }.sorted { $0.key < $1.key }.map(\.value)
  }

  // MARK: Blocks

  /// Takes a block that a validator announced, after those before it.
  func announced(_ block: CommittedBlock, by peer: PeerID) async throws {
    guard let node = nodes[peer], block.height > chain.state.chain.height,
      announcedBlocks.count < BlockRange.countMax
    else { return }
    announcedBlocks[block.height] = block
    try await followAnnounced(asking: node.connection)
  }

  /// Follows a validator to its newest block and gives it what still waits.
  func synchronise(with connection: PeerConnection) async {
    if !isFollowing {
      isFollowing = true
      try? await fetchBlocks(from: connection)
      isFollowing = false
      try? await followAnnounced(asking: connection)
    }
    for transaction in pending.sendable { await send(transaction) }
  }

  /// One run at a time; what is announced meanwhile is taken up by the run under way.
  private func followAnnounced(asking connection: PeerConnection) async throws {
    guard !isFollowing else { return }
    isFollowing = true
    defer { isFollowing = false }
    while true {
      let next = chain.state.chain.height + 1
      announcedBlocks = announcedBlocks.filter { $0.key >= next }
      if let block = announcedBlocks.removeValue(forKey: next) {
        try await follow(block)
      } else if announcedBlocks.isEmpty {
        return
      } else {
        try await fetchBlocks(from: connection)
      }
    }
  }

  private func fetchBlocks(from connection: PeerConnection) async throws {
    while true {
      let range = BlockRange(from: chain.state.chain.height + 1)
      let reply = try await connection.request(
        method: RPCMethod.blocks, body: range.encoded())
      guard case .array(let values) = try CanonicalValue(decoding: reply), !values.isEmpty
      else { return }
      for value in values { try await follow(CommittedBlock(canonicalValue: value)) }
    }
  }

  /// Checks and executes a block, stores it, and only then lets sessions see it.
  private func follow(_ committed: CommittedBlock) async throws {
    var followed = chain
    let known = Set(pending.waiting.map(\.id))
    try followed.follow(committed, checkedSignatures: known)
    let blocks = blocks
    do {
      try await disk.run { try blocks.appendBlocking(committed) }
    } catch {
      failure = error
      throw error
    }
    chain = followed
    settings.stakes?.replace(with: chain.state.stakes)
    settlePending(after: committed.block)
    noteReplays(in: committed.block)
    openDisputes(in: committed.block)
    publish(committed)
    announceSettled(in: committed.block)
    for id in sessionOrder {
      applyLedger(committed.block, to: id)
      startIfEscrowed(id)
    }
    refreshWorkers()
  }

  func applyLedger(_ block: Block, to id: Digest) {
    guard let session = sessions[id] else { return }
    for event in session.ledger.events(in: block, now: loop.now) { apply(event, to: id) }
  }

  /// Keeps how many segments each verdict replayed, for people.
  func noteReplays(in block: Block) {
    for case .verdict(let verdict) in block.transactions.map(\.body) {
      guard let id = session(of: verdict.work.slot.job) else { continue }
      let assignment = verdict.work.assignment
      sessions[id]?.replayed[assignment] = Int(verdict.segmentsReplayed)
    }
  }
}

extension WorkCommitment {
  func assignment(of worker: AccountID) -> Assignment {
    WorkKey(slot: slot, attempt: attempt, worker: worker).assignment
  }
}

extension WorkKey {
  var assignment: Assignment {
    Assignment(
      round: Int(slot.round) + 1, client: Int(slot.client), attempt: Int(attempt),
      worker: worker.peerID)
  }
}
