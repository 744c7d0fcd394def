internal import Consensus
internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Ledger
package import Networking
internal import NeuralNetworks
internal import Orchestration
internal import Peering
internal import Persistence
internal import Primitives
internal import UsefulWork

extension CoordinatorServer {
  /// Answers the calls of nodes.
  package func answer(_ call: RPCCall) async -> RPCAnswer {
    do {
      return try await result(of: call)
    } catch let error as RPCError {
      return .failure(error)
    } catch let error as DecodingFailure {
      return .failure(RPCError(code: "malformed", message: "\(error)"))
    } catch let error as LedgerError {
      return .failure(RPCError(code: error.code, message: error.sentence))
    } catch {
      return .failure(RPCError(code: "failed", message: "\(error)"))
    }
  }

  private func result(of call: RPCCall) async throws -> RPCAnswer {
    if call.request.method == RPCMethod.hello { return .success(try welcome(call)) }
    guard let node = nodes[call.peer] else {
      throw RPCError(code: "hello_first", message: "say hello before anything else")
    }
    let body = call.request.body
    switch call.request.method {
    case RPCMethod.account: return .success(try account(of: call.peer).encoded())
    case RPCMethod.submitTransaction:
      try await relay(Transaction(decoding: body), from: call.peer)
      return .success([])
    case RPCMethod.content: return try await serveContent(body)
    case RPCMethod.model: return .success([]).streaming(try await model(body))
    case RPCMethod.submitWork:
      try await accept(WorkSubmission(decoding: body), from: call.peer)
      return .success([])
    case RPCMethod.failWork:
      try fail(body, from: call.peer)
      return .success([])
    default:
      guard node.hello.role == .validator else {
        throw RPCError(
          code: "unknown_method", message: "`\(call.request.method)` is not for this role")
      }
      return .success(try await answerValidator(call))
    }
  }

  private func answerValidator(_ call: RPCCall) async throws -> Bytes {
    let body = call.request.body
    switch call.request.method {
    case RPCMethod.block:
      let block = try CommittedBlock(decoding: body)
      begin { try? await self.announced(block, by: call.peer) }
      return []
    case RPCMethod.evidence: return try await evidence(EvidenceRequest(decoding: body))
    case RPCMethod.startState: return try await startState(EvidenceRequest(decoding: body))
    default:
      throw RPCError(
        code: "unknown_method", message: "`\(call.request.method)` is not a method")
    }
  }

  // MARK: Nodes

  private func welcome(_ call: RPCCall) throws -> Bytes {
    let hello = try Hello(decoding: call.request.body)
    try admit(hello, from: call)
    let node = ConnectedNode(
      peer: call.peer, hello: hello, connection: call.connection, since: loop.now)
    // A node that comes back is known by its new connection; the old one may be half dead.
    nodes[call.peer] = node
    remember(hello, of: call.peer)
    begin { await self.watch(node, peer: call.peer) }
    switch hello.role {
    case .validator: begin { await self.synchronise(with: call.connection) }
    case .evaluator: evaluateOutstanding()
    case .worker: grantStakeIfAllowed(to: call.peer)
    case .coordinator: break
    }
    refreshWorkers()
    publishNode(call.peer)
    return HelloReply(genesis: chain.state.genesis, height: chain.state.chain.height).encoded()
  }

  private func admit(_ hello: Hello, from call: RPCCall) throws(RPCError) {
    if let known = nodes[call.peer] {
      guard known.connection !== call.connection else {
        throw RPCError(code: "hello_twice", message: "this connection has said hello already")
      }
    } else if nodes.count >= Limits.nodesMax {
      throw RPCError(
        code: "busy", message: "\(nodes.count) nodes are connected", hint: "try again later")
    }
    switch hello.role {
    case .worker, .evaluator: return
    case .validator:
      guard let key = call.peer.publicKey, chain.state.isValidator(key) else {
        throw RPCError(
          code: "not_validator",
          message: "\(call.peer) is not a validator of the network \(chain.state.genesis.name)",
          hint: "the genesis document names the validators; join with --role worker")
      }
    case .coordinator:
      throw RPCError(
        code: "not_coordinator", message: "this network has its coordinator",
        hint: "join with --role worker")
    }
  }

  private func remember(_ hello: Hello, of peer: PeerID) {
    if formerNodes[peer] == nil, formerNodes.count >= Limits.formerNodesMax,
      let forgotten = formerNodes.keys.first(where: { nodes[$0] == nil })
    {
      formerNodes[forgotten] = nil
    }
    formerNodes[peer] = hello
  }

  private func watch(_ node: ConnectedNode, peer: PeerID) async {
    _ = await node.connection.waitUntilClosed()
    guard nodes[peer]?.connection === node.connection else { return }
    nodes[peer] = nil
    lostAt[peer] = Self.wallClockMilliseconds()
    refreshWorkers()
    publishNode(peer)
  }

  /// On a network that was made by `martlet init`, the first workers get their stake from the
  /// client; they stake it themselves.
  private func grantStakeIfAllowed(to peer: PeerID) {
    guard let key = peer.publicKey, grants.count < settings.stakeGrants,
      !grants.contains(key)
    else { return }
    let account = chain.state.account(key)
    let parameters = chain.state.genesis.parameters
    guard account.stake < parameters.minimumStake, account.balance < parameters.minimumStake,
      account.rejected == 0,
      let amount = try? parameters.minimumStake.multiplied(by: 2)
    else { return }
    grants.insert(key)
    submit(.transfer(to: key, amount: amount), signedBy: client)
  }

  private func account(of peer: PeerID) throws -> AccountReply {
    guard let key = peer.publicKey else {
      throw RPCError(code: "no_account", message: "only Ed25519 keys have accounts")
    }
    let account = chain.state.account(key)
    return AccountReply(
      balance: account.balance, stake: account.stake,
      nextNonce: pending.nextNonce(of: key, in: chain.state))
  }

  /// Takes a node's own transaction. Work comes with its update, by `work.submit` only.
  private func relay(_ transaction: Transaction, from peer: PeerID) async throws {
    guard transaction.sender.peerID == peer else {
      throw RPCError(code: "other_sender", message: "the transaction is of another account")
    }
    if case .commitWork = transaction.body {
      throw RPCError(code: "unassigned_work", message: "commitments come with their work")
    }
    // Acknowledged once already: it waits for its block.
    if pending.contains(transaction.id) { return }
    try chain.state.validate(transaction)
    try requireNextNonce(transaction)
    guard pending.add(transaction, isHeld: true) else { throw RPCError.busy }
    try await sendDurably(transaction)
  }

  /// A gap in a sender's nonces would hold up everything that it signs later.
  private func requireNextNonce(_ transaction: Transaction) throws(RPCError) {
    let next = pending.nextNonce(of: transaction.sender, in: chain.state)
    guard transaction.nonce == next else {
      throw RPCError(
        code: transaction.nonce < next ? "replayed_transaction" : "nonce_too_high",
        message: "the nonce is \(transaction.nonce), the next one is \(next)",
        hint: "ask for the account again and sign anew")
    }
  }

  // MARK: Work

  /// Checks what costs nothing to check, stores everything, and only then acknowledges.
  private func accept(_ submission: WorkSubmission, from peer: PeerID) async throws {
    let checked = try check(submission, from: peer)
    let files = try await storeWork([submission.parameters, submission.record])
    let update = Update(
      assignment: submission.assignment, parameters: checked.parameters,
      workRoot: checked.workRoot)
    let stored = StoredSubmission(
      update: update, parameters: files[0], record: files[1],
      commitment: submission.commitment)
    guard isInTraining(submission.assignment, of: submission.session) else {
      throw RPCError.notAssigned
    }
    try requireNextNonce(checked.commitment)
    guard pending.add(checked.commitment, isHeld: true) else { throw RPCError.busy }
    try await applyDurably(
      .updateReceived(update, now: loop.now), to: submission.session,
      with: [.submission(session: submission.session, stored)])
  }

  /// Without room for the work that comes in, no session can go on: better to stop and say so.
  private func storeWork(_ files: [Bytes]) async throws -> [CID] {
    do {
      return try await content.add(files)
    } catch let error as BlockStoreError {
      switch error {
      case .busy: throw RPCError.busy
      case .locked, .diskFull, .permissionDenied, .system, .index, .closed: failure = error
      case .unsupportedFormat, .notAFile, .notFound, .corrupt, .digestMismatch, .blockTooLarge,
        .notReferenced:
        break
      }
      throw error
    }
  }

  private func isInTraining(_ assignment: Assignment, of id: Digest) -> Bool {
    guard let round = sessions[id]?.machine.round, round.number == assignment.round,
      round.clients.indices.contains(assignment.client),
      case .training(assignment, _) = round.clients[assignment.client]
    else { return false }
    return true
  }

  private func check(
    _ submission: WorkSubmission, from peer: PeerID
  ) throws -> (parameters: Digest, workRoot: Digest, commitment: Transaction) {
    guard submission.assignment.worker == peer,
      isInTraining(submission.assignment, of: submission.session),
      let session = sessions[submission.session], let base = session.machine.round?.base
    else { throw RPCError.notAssigned }
    let update = try ParameterBuffer(
      decoding: submission.parameters, for: session.specification.shape)
    let record = try WorkRecord(decoding: submission.record)
    let transaction = try Transaction(decoding: submission.commitment)
    let expected = TransactionBody.commitWork(
      WorkCommitment(
        slot: session.ledger.slot(of: submission.assignment),
        attempt: UInt32(submission.assignment.attempt), baseModel: base,
        update: update.digest, workRoot: record.workRoot,
        segmentCount: UInt32(record.segmentRoots.count)))
    guard transaction.sender.peerID == peer, transaction.body == expected else {
      throw RPCError(
        code: "wrong_commitment", message: "the signed commitment is not of this work")
    }
    do {
      try chain.state.validate(transaction)
    } catch  where error.mayPassLater {
      // Earlier transactions of the worker are still under way.
    }
    return (update.digest, record.workRoot, transaction)
  }

  private func fail(_ body: Bytes, from peer: PeerID) throws {
    var fields = try CanonicalFields(CanonicalValue(decoding: body))
    let session = try fields.nested("session", as: Digest.self)
    let assignment = try fields.nested("assignment", as: Assignment.self)
    let reason = String(try fields.text("reason").prefix(Limits.reasonCharactersMax))
    try fields.finish()
    guard assignment.worker == peer, isInTraining(assignment, of: session) else {
      throw RPCError.notAssigned
    }
    apply(.workFailed(assignment, reason: reason, now: loop.now), to: session)
  }
}

extension RPCError {
  static let busy = RPCError(
    code: "busy", message: "too many transactions wait for a block", hint: "try again later")

  static let notAssigned = RPCError(
    code: "not_assigned", message: "this part of the round is not this worker's",
    hint: "wait for the next order")
}
