package import Consensus
internal import Cryptography
internal import FederatedLearning
package import Ledger
package import Networking
internal import NeuralNetworks
internal import Orchestration
internal import Peering
internal import Primitives
internal import UsefulWork

/// A validator: makes blocks and replays the work that their beacons draw.
package actor ValidatorShell {
  private enum Limits {
    /// How often evidence is asked for before it counts as not served. Only answers count: while
    /// there is no coordinator to ask, nobody can serve anything.
    static let evidenceTriesMax = 40
    /// The pause between two tries: a worker that lost its way is back within ten seconds.
    static let evidencePause: Duration = .milliseconds(250)
    /// How long answers may take in all tries before the next is the last: a worker that lets
    /// every call run into its deadline holds a round up for minutes, not for hours.
    static let evidencePatience: Duration = .seconds(240)
  }

  nonisolated let link: CoordinatorLink
  nonisolated package var unownedExecutor: UnownedSerialExecutor { link.unownedExecutor }
  private let producer: ChainProducer
  let materials: SessionMaterials
  let compute: ComputePool
  /// Updates and states of the judgements in hand.
  let evidenceMemory: ByteBudget
  private let nursery: LoopNursery
  private let coinbases: CoinbaseShell?
  let desk: DisputeDesk
  let conduct: ValidatorConduct
  private var machine: ValidatorMachine
  /// Work whose replay is under way or judged, until the verdict is in a block: judged once.
  private var underReplay: Set<WorkKey> = []

  /// - Parameters:
  ///   - machine: has seen every stored block.
  ///   - coinbases: checks what is mined; nil on a chain without mining.
  init(
    link: CoordinatorLink, producer: ChainProducer, materials: SessionMaterials,
    compute: ComputePool, nursery: LoopNursery, machine: ValidatorMachine,
    coinbases: CoinbaseShell?, desk: DisputeDesk, conduct: ValidatorConduct
  ) {
    self.link = link
    self.producer = producer
    self.materials = materials
    self.compute = compute
    evidenceMemory = ByteBudget(loop: link.loop, bytesMax: EvidenceLimits.bytesMax)
    self.nursery = nursery
    self.machine = machine
    self.coinbases = coinbases
    self.desk = desk
    self.conduct = conduct
  }

  /// Resumes replays of the last run and seals what was due.
  package func start() async {
    await producer.start()
    for order in machine.outstanding { begin(order) }
  }

  /// A new block: tells the coordinator and starts the replays that it draws.
  package func committed(_ block: CommittedBlock) async {
    for order in machine.handle(committed: block.block) { begin(order) }
    for transaction in block.block.transactions { forget(transaction.body) }
    // A coordinator that misses this one asks for it when it sees the next or comes back.
    _ = nursery.begin { _ = try? await self.link.request(RPCMethod.block, block.encoded()) }
    await coinbases?.committed(block.block)
  }

  private func forget(_ body: TransactionBody) {
    switch body {
    case .verdict(let verdict): underReplay.remove(verdict.work)
    case .closeJob(let job): underReplay = underReplay.filter { $0.slot.job != job }
    case .transfer, .stake, .unstake, .submitJob, .commitWork, .slash, .settle, .content,
      .reward, .storage:
      break
    }
  }

  /// Answers the coordinator's calls.
  package func answer(_ call: RPCCall) async -> RPCAnswer {
    do {
      switch call.request.method {
      case RPCMethod.submitTransaction:
        let id = try await producer.admit(Transaction(decoding: call.request.body))
        return .success(id.encoded())
      case RPCMethod.blocks:
        let range = try BlockRange(decoding: call.request.body)
        let blocks = try await producer.blocks(from: range.from, max: BlockRange.countMax)
        return .success(CanonicalValue.list(blocks).encoded())
      case RPCMethod.mine:
        let submission = try MiningSubmission(decoding: call.request.body)
        guard let coinbases else { return .failure(.unknownMethod(call.request.method)) }
        return await coinbases.take(submission)
      case RPCMethod.stand:
        return .success(try await stand(DisputedWork(decoding: call.request.body)))
      case RPCMethod.dispute:
        return try await answer(DisputeCall(decoding: call.request.body))
      default: return .failure(.unknownMethod(call.request.method))
      }
    } catch let error as MempoolError {
      return .failure(RPCError(code: error.code, message: error.sentence))
    } catch {
      return .failure(.describing(error))
    }
  }

  private func begin(_ order: ReplayOrder) {
    guard underReplay.insert(order.work).inserted else { return }
    _ = nursery.begin { await self.replay(order) }
  }

  private func replay(_ order: ReplayOrder) async {
    var judgement = order.notServed
    var tries = 0
    var waited = Duration.zero
    while tries < Limits.evidenceTriesMax {
      let begin = link.loop.now
      let isLastTry =
        tries + 1 == Limits.evidenceTriesMax || waited >= Limits.evidencePatience
      do {
        judgement = try await judge(order, isLastTry: isLastTry)
        break
      } catch {
        if await link.isConnected, !Self.isInterruption(error) {
          if isLastTry { break }
          tries += 1
          waited += link.loop.now.duration(since: begin)
        }
        try? await link.loop.sleep(for: Limits.evidencePause)
      }
      if Task.isCancelled { return }
    }
    try? await producer.submit(judgement.transactions)
  }

  /// Whether an error says that the coordinator is away rather than that evidence is missing.
  static func isInterruption(_ error: any Error) -> Bool {
    switch error {
    case NodeError.notConnected: true
    case PeerError.refused, PeerError.deadlineExceeded: false
    // A body that breaks off while the connection stands: who serves it broke it off.
    case PeerError.streamReset, PeerError.streamEnded: false
    default: error is PeerError
    }
  }

  private func judge(_ order: ReplayOrder, isLastTry: Bool) async throws -> Judgement {
    let body = try await link.stream(RPCMethod.evidence, order.request.encoded())
    do {
      return try await judge(order, body, isLastTry: isLastTry)
    } catch {
      await body.cancel()
      throw error
    }
  }

  private func judge(
    _ order: ReplayOrder, _ body: RPCBodyReader, isLastTry: Bool
  ) async throws -> Judgement {
    let slot = order.work.slot
    let assignment = order.request.assignment
    let reply = try EvidenceReply(decoding: body.head)
    guard reply.specification.digest == order.terms.specification else {
      throw NodeError.wrongContent("the specification is not the job's")
    }
    let specification = try await materials.specification(reply.specification)
    let needed = try order.evidenceBytes(of: specification)
    await evidenceMemory.take(needed)
    defer { evidenceMemory.give(needed) }
    let evidence = try await evidence(reply, body, of: order, specification: specification)
    let dataset = try await materials.dataset(specification.shards[Int(slot.client)])
    let base = try await materials.model(
      order.base ?? specification.initialModel.digest, architecture: specification.architecture)
    try await coinbases?.learned(
      order.work,
      CoinbaseShell.Source(
        task: order.task(of: specification), shard: specification.shards[assignment.client]))
    let states = try await startStates(
      for: order, of: reply.specification, specification: specification,
      isLastTry: isLastTry)
    return try await compute.run { [conduct] in
      try conduct.judge(order, specification, dataset, base, evidence, states)
    }
  }
}

extension MempoolError {
  /// One lower-case sentence without a full stop.
  package var sentence: String {
    switch self {
    case .duplicate: "the transaction waits already"
    case .nonceTaken(let nonce): "another transaction with the nonce \(nonce) waits"
    case .nonceStale(let nonce, let next):
      "the nonce \(nonce) was used before, the next one is \(next)"
    case .nonceTooFarAhead(let nonce, let next):
      "the nonce \(nonce) is too far ahead of \(next)"
    case .unknownSender: "the sender has no account"
    case .full(let count): "\(count) transactions wait already"
    case .fullBytes(let bytes): "\(bytes) bytes of transactions wait already"
    case .refused(let error): error.sentence
    }
  }

  /// A stable word for programs.
  package var code: String {
    switch self {
    case .duplicate: "duplicate_transaction"
    case .nonceTaken, .nonceStale: "replayed_transaction"
    case .nonceTooFarAhead: "nonce_too_high"
    case .unknownSender: "unknown_sender"
    case .full, .fullBytes: "mempool_full"
    case .refused(let error): error.code
    }
  }
}
