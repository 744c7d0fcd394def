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
    case RPCMethod.content: return try await serveContent(body, to: node.hello.role)
    case RPCMethod.model: return try await serveModel(body)
    case RPCMethod.submitWork:
      try await acceptWork(call)
      return .success([])
    case RPCMethod.miningHead:
      guard let head = MiningHead(of: chain.state) else { throw RPCError.noMining }
      return .success(head.encoded())
    case RPCMethod.mine:
      try await relayMining(body, from: call.peer)
      return .success([])
    case RPCMethod.failWork:
      try fail(body, from: call.peer)
      return .success([])
    default:
      guard node.hello.role == .validator else {
        throw RPCError(
          code: "unknown_method", message: "`\(call.request.method)` is not for this role")
      }
      if let answer = try await streamToValidator(call) { return answer }
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
    case RPCMethod.startState: return try await startState(StartStateRequest(decoding: body))
    default:
      throw RPCError(
        code: "unknown_method", message: "`\(call.request.method)` is not a method")
    }
  }

  // MARK: Transactions

  /// Takes a node's own transaction.
  private func relay(_ transaction: Transaction, from peer: PeerID) async throws {
    guard transaction.sender.peerID == peer else {
      throw RPCError(code: "other_sender", message: "the transaction is of another account")
    }
    try await take(transaction)
  }

  /// Passes a miner's messages on; the validator alone decides about them.
  private func relayMining(_ body: Bytes, from peer: PeerID) async throws {
    let submission = try MiningSubmission(decoding: body)
    guard submission.assignment.worker == peer else { throw RPCError.notAssigned }
    guard let validator = validators.first else { throw RPCError.busy }
    do {
      _ = try await validator.connection.request(method: RPCMethod.mine, body: body)
    } catch .refused(let refusal) {
      throw refusal
    }
  }

  // MARK: Work

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

  static let noMining = RPCError(
    code: "no_mining", message: "nothing is mined on this chain")

  static let notAssigned = RPCError(
    code: "not_assigned", message: "this part of the round is not this worker's",
    hint: "wait for the next order")
}
