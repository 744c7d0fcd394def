internal import Cryptography
internal import FederatedLearning
internal import Ledger
package import Networking
package import NeuralNetworks
package import Orchestration
internal import Peering
internal import Primitives
package import UsefulWork

/// How a worker turns a task into a result. Honest workers execute it.
package typealias TrainingFunction =
  @Sendable (TrainingTask, Dataset, ParameterBuffer) throws -> WorkResult

/// A worker: takes orders down its own connection, trains, commits and hands in.
package actor WorkerShell {
  private enum Limits {
    /// How long the coordinator may take to store an update, beside its transfer.
    static let submitDeadline: Duration = .seconds(60)
    /// How often a worker looks whether its stake has arrived.
    static let stakePollInterval: Duration = .milliseconds(250)
  }

  nonisolated let link: CoordinatorLink
  nonisolated package var unownedExecutor: UnownedSerialExecutor { link.unownedExecutor }
  private let identity: SigningKey
  let materials: SessionMaterials
  private let compute: ComputePool
  /// Makes start states again, beside the training under way.
  let stateCompute: ComputePool
  let stateMemory: ByteBudget
  /// What one piece of work may need.
  private let memoryMax: ByteCount?
  let train: TrainingFunction
  private let log: @Sendable (String) -> Void
  private let nursery: LoopNursery
  private let miner: MinerShell
  let desk: DisputeDesk
  let standing: WorkerStanding
  private var machine = WorkerMachine()
  /// The order in hand and those that wait.
  var orders: [WorkOrder] { machine.orders }
  var kept = KeptWorks()
  private var genesis: Genesis?
  private var isSigning = false
  /// At most one for each order under way.
  private var waitingToSign: [CheckedContinuation<Void, Never>] = []

  /// A worker that trains by `train` on `compute`, makes start states again on `stateCompute` and
  /// stands by its work with `standing`; `log` gets a line for each order that fails.
  init(
    link: CoordinatorLink, identity: SigningKey, materials: SessionMaterials,
    compute: ComputePool, stateCompute: ComputePool, nursery: LoopNursery, miner: MinerShell,
    memoryMax: ByteCount? = nil, train: @escaping TrainingFunction, desk: DisputeDesk,
    standing: @escaping WorkerStanding, log: @escaping @Sendable (String) -> Void
  ) {
    self.link = link
    self.identity = identity
    self.materials = materials
    self.compute = compute
    self.stateCompute = stateCompute
    stateMemory = ByteBudget(loop: link.loop, bytesMax: KeptWorks.Limits.servedBytesMax)
    self.nursery = nursery
    self.miner = miner
    self.memoryMax = memoryMax
    self.train = train
    self.desk = desk
    self.standing = standing
    self.log = log
  }

  /// Who this worker is in assignments.
  var peer: PeerID { identity.publicKey.peerID }

  /// Puts up stake if the account has none but could.
  package func connected(_ reply: HelloReply) async {
    genesis = reply.genesis
    await miner.connected(reply.genesis)
    _ = nursery.begin { try? await self.stakeWhenPossible() }
  }

  /// Forgets what a lost coordinator ordered.
  package func disconnected() { perform(machine.handle(.disconnected)) }

  /// Answers the coordinator's calls.
  package func answer(_ call: RPCCall) async -> RPCAnswer {
    do {
      switch call.request.method {
      case RPCMethod.assign:
        perform(machine.handle(.ordered(try WorkOrder(decoding: call.request.body))))
        return .success([])
      case RPCMethod.cancel:
        perform(machine.handle(.cancelled(try OrderName(decoding: call.request.body))))
        return .success([])
      case RPCMethod.startState:
        let request = try StartStateRequest(decoding: call.request.body)
        return .success(ContentLink(try await nameStartState(request)).encoded())
      case RPCMethod.contentBlocks:
        return try serve(ContentLink(decoding: call.request.body))
      case RPCMethod.settled:
        kept.settle(try Digest(decoding: call.request.body))
        return .success([])
      case RPCMethod.dispute:
        return try await answer(DisputeCall(decoding: call.request.body))
      default: return .failure(.unknownMethod(call.request.method))
      }
    } catch {
      return .failure(.describing(error))
    }
  }

  private func perform(_ effects: [WorkerEffect]) {
    for effect in effects {
      switch effect {
      case .train(let order): _ = nursery.begin { await self.work(on: order) }
      case .refuse(let order, let reason):
        _ = nursery.begin { await self.report(order, reason: reason) }
      }
    }
  }

  private func work(on order: WorkOrder) async {
    do {
      let finished = try await finish(order)
      try await handIn(finished.result, of: order)
      // Nobody waits for it: the update counts, whatever becomes of the mining.
      _ = nursery.begin { await self.miner.finished(finished) }
    } catch let error as PeerError where error.endsOrder {
      // Somebody else has the client now, or a lost link will order it anew.
    } catch PeerError.refused(let refusal) {
      await report(order, reason: refusal.message)
    } catch {
      await report(order, reason: "\(error)")
    }
    perform(machine.handle(.finished(order.name)))
  }

  private func report(_ order: WorkOrder, reason: String) async {
    log(
      "round \(order.assignment.round), client \(order.assignment.client) failed: \(reason)")
    let body = CanonicalValue.map([
      "session": order.session.canonicalValue, "assignment": order.assignment.canonicalValue,
      "reason": .text(reason),
    ])
    _ = try? await link.request(RPCMethod.failWork, body.encoded())
  }

  private func finish(_ order: WorkOrder) async throws -> FinishedWork {
    var work = KeptWork(order)
    let finished = try await carryOut(work, on: compute)
    if let finding = finished.result.divergence {
      let assignment = order.assignment
      log("round \(assignment.round), client \(assignment.client) diverged: \(finding)")
    }
    work.finished = finished
    kept.keep(work)
    return finished
  }

  /// Trains; the same work gives the same bits each time.
  func carryOut(_ work: KeptWork, on pool: ComputePool) async throws -> FinishedWork {
    let specification = try await materials.specification(work.specification)
    let assignment = work.name.assignment
    let task = try work.task(of: specification)
    if let memoryMax, task.memoryEstimate > memoryMax {
      throw WorkRefusal.memory(needed: task.memoryEstimate, given: memoryMax)
    }
    let dataset = try await materials.dataset(specification.shards[assignment.client])
    let base = try await materials.model(work.base, architecture: specification.architecture)
    let result = try await pool.run { [train] in try train(task, dataset, base) }
    return FinishedWork(
      job: work.name.job, assignment: assignment, task: task, result: result, dataset: dataset)
  }

  private func handIn(_ result: WorkResult, of order: WorkOrder) async throws {
    await takeTurn()
    defer { passTurn() }
    let submission = WorkSubmission(
      session: order.session, assignment: order.assignment, record: result.record.encoded(),
      commitment: try await commitment(to: result, of: order).encoded())
    _ = try await link.upload(
      RPCMethod.submitWork, submission.encoded(), content: result.update.bytes,
      deadline: Limits.submitDeadline)
  }

  private func commitment(to result: WorkResult, of order: WorkOrder) async throws -> Transaction {
    guard let genesis else { throw NodeError.notConnected }
    let body = TransactionBody.commitWork(
      WorkCommitment(
        slot: SessionLedger(job: JobID(digest: order.job)).slot(of: order.assignment),
        attempt: UInt32(order.assignment.attempt), baseModel: order.base.digest,
        update: result.update.digest, workRoot: result.record.workRoot,
        segmentCount: UInt32(result.record.segmentRoots.count)))
    return try await sign(body, genesis: genesis)
  }

  /// From asking for a nonce until the transaction has arrived, so that no two share a nonce.
  private func takeTurn() async {
    guard isSigning else { return isSigning = true }
    await withCheckedContinuation { waitingToSign.append($0) }
  }

  private func passTurn() {
    guard !waitingToSign.isEmpty else { return isSigning = false }
    waitingToSign.removeFirst().resume()
  }

  private func sign(_ body: TransactionBody, genesis: Genesis) async throws -> Transaction {
    let account = try AccountReply(decoding: await link.request(RPCMethod.account))
    return Transaction(
      signing: body, chainID: genesis.chainID, nonce: account.nextNonce,
      fee: try genesis.parameters.fee(for: body), key: identity)
  }

  /// An account that was given money turns the least stake into stake; one without waits.
  private func stakeWhenPossible() async throws {
    guard let genesis else { return }
    let minimum = genesis.parameters.minimumStake
    var nonceUnderWay: UInt64?
    while !Task.isCancelled {
      let account = try AccountReply(decoding: await link.request(RPCMethod.account))
      if account.stake >= minimum { return }
      let body = TransactionBody.stake(amount: minimum)
      let needed = try minimum.adding(genesis.parameters.fee(for: body))
      // One order at a time: the nonce falls back only if the order was refused or lost.
      let isUnderWay = nonceUnderWay.map { account.nextNonce > $0 } ?? false
      if account.balance >= needed, !isUnderWay {
        await takeTurn()
        defer { passTurn() }
        let transaction = try await sign(body, genesis: genesis)
        _ = try await link.request(RPCMethod.submitTransaction, transaction.encoded())
        nonceUnderWay = transaction.nonce
      }
      try await link.loop.sleep(for: Limits.stakePollInterval)
    }
  }
}

extension RPCError {
  static func unknownMethod(_ name: String) -> RPCError {
    RPCError(code: "unknown_method", message: "`\(name)` is not a method of this node")
  }

  static func describing(_ error: any Error) -> RPCError {
    (error as? RPCError) ?? RPCError(code: "failed", message: "\(error)")
  }
}

extension PeerError {
  /// Whether there is nothing to report: the order was given to somebody else, or the link is gone
  /// and what it ordered will be ordered anew.
  fileprivate var endsOrder: Bool {
    switch self {
    case .refused(let refusal): refusal.code == "not_assigned"
    case .socket, .silent, .closed, .cancelled, .handshakeTimedOut: true
    case .addressNotUsable, .peering, .protocolRefused, .streamReset, .streamEnded,
      .deadlineExceeded, .overloaded, .refusedByUs, .filtered, .ownPeer, .noAddress,
      .dialledTooSoon, .dialsFailed, .nameUnknown, .relayRefused, .relay, .reachability,
      .rendezvousRefused, .rendezvous, .envelope:
      false
    }
  }
}
