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

  /// Signs an order with a key of this coordinator and sends it on its way.
  @discardableResult
  func submit(_ body: TransactionBody, signedBy key: SigningKey) -> Transaction? {
    guard let transaction = sign(body, with: key) else { return nil }
    forward(transaction)
    return transaction
  }

  /// Signs with the next free nonce; nil when the fee cannot be computed.
  func sign(_ body: TransactionBody, with key: SigningKey) -> Transaction? {
    guard let fee = try? chain.state.fee(for: body) else { return nil }
    return Transaction(
      signing: body, chainID: chain.state.chainID,
      nonce: pending.nextNonce(of: key.publicKey, in: chain.state), fee: fee, key: key)
  }

  /// Keeps a transaction until a block holds it, and sends it to the validator.
  func forward(_ transaction: Transaction) {
    guard transaction.nonce >= chain.state.account(transaction.sender).nonce,
      pending.add(transaction)
    else { return }
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

  /// Sends again what has waited for a while: an answer may have been lost.
  func resendPending() {
    for transaction in pending.waiting { begin { await self.send(transaction) } }
  }

  private func refused(_ transaction: Transaction, _ refusal: RPCError) {
    pending.remove(transaction.id)
    switch transaction.body {
    case .commitWork(let commitment):
      guard let id = session(of: commitment.slot.job) else { return }
      let assignment = Assignment(
        round: Int(commitment.slot.round) + 1, client: Int(commitment.slot.client),
        attempt: Int(commitment.attempt), worker: transaction.sender.peerID)
      apply(
        .updateRejected(assignment, reason: refusal.message, now: loop.now), to: id)
    case .submitJob(let submission):
      guard let id = session(of: submission.jobID(submitter: transaction.sender)) else { return }
      sessions[id]?.refusal = refusal.message
    case .transfer, .stake, .unstake, .verdict, .slash, .settle, .closeJob: break
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
    for transaction in pending.waiting { await send(transaction) }
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
    pending.settle(in: chain.state)
    noteReplays(in: committed.block)
    publish(committed)
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
      let assignment = Assignment(
        round: Int(verdict.work.slot.round) + 1, client: Int(verdict.work.slot.client),
        attempt: Int(verdict.work.attempt), worker: verdict.work.worker.peerID)
      sessions[id]?.replayed[assignment] = Int(verdict.segmentsReplayed)
    }
  }
}
