internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import NeuralNetworks
internal import Orchestration
internal import Peering
internal import Primitives
internal import UsefulWork

/// Limits of what a validator fetches to judge work.
enum EvidenceLimits {
  /// Updates and start states in hand at the same time; a judgement that needs more goes alone.
  static let bytesMax = 1 << 30
  /// How long a worker may take to make a state again, and for the next block of it: what a round
  /// of a dispute may take.
  static let stateDeadline: Duration = .seconds(120)
}

/// What a validator fetches: the update and the start states of the drawn segments.
extension ValidatorShell {
  /// Reads the update behind a reply and checks both against the commitment.
  func evidence(
    _ reply: EvidenceReply, _ body: RPCBodyReader, of order: ReplayOrder,
    specification: SessionSpecification
  ) async throws -> WorkEvidence {
    let architecture = specification.architecture
    let size = architecture.parameterCount * MemoryLayout<Float>.size
    guard let parameters = try await body.collect(max: size) else {
      throw NodeError.wrongContent("the update has more than \(size) bytes")
    }
    let record = try WorkRecord(decoding: reply.record)
    let commitment = order.commitment
    return try await compute.run(ifMoreThan: SessionMaterials.hashedInPlaceBytesMax, size) {
      let evidence = WorkEvidence(
        update: try ParameterBuffer(decoding: parameters, for: architecture), record: record)
      guard record.workRoot == commitment.workRoot, evidence.update.digest == commitment.update
      else { throw NodeError.wrongContent("the evidence is not of this commitment") }
      return evidence
    }
  }

  /// Fetches the start states that the samples need. A state that is not served on the last try
  /// stays out, which counts as a wrong result.
  func startStates(
    for order: ReplayOrder, of reference: ContentReference,
    specification: SessionSpecification, isLastTry: Bool
  ) async throws -> [Int: TrainingState] {
    let task = try order.task(of: specification)
    var states: [Int: TrainingState] = [:]
    for segment in Replay.statesNeeded(for: order.plan(of: task).segments) {
      do {
        let request = StartStateRequest(
          work: order.request, specification: reference, base: task.base, segment: segment)
        states[segment] = try await startState(request, task: task)
      } catch {
        guard isLastTry, !Self.isInterruption(error) else { throw error }
      }
    }
    return states
  }

  /// A state as its worker serves it; nil for a file that is no state of this task.
  private func startState(
    _ request: StartStateRequest, task: TrainingTask
  ) async throws -> TrainingState? {
    let name = try ContentLink(
      decoding: await link.request(
        RPCMethod.startState, request.encoded(), deadline: EvidenceLimits.stateDeadline))
    let bytes = try await keptContent(
      KeptContentRequest(worker: request.work.assignment.worker, cid: name.cid),
      max: task.stateBytesMax)
    return try await compute.run { try? TrainingState(decoding: bytes, for: task) }
  }

  /// Content that a worker keeps, every block checked against its CID before the next is taken.
  func keptContent(_ request: KeptContentRequest, max: Int) async throws -> Bytes {
    let body = try await link.stream(
      RPCMethod.keptContent, request.encoded(), deadline: EvidenceLimits.stateDeadline)
    let end = link.loop.now.advanced(
      by: EvidenceLimits.stateDeadline + TransferTime.allowance(for: max))
    do {
      var file = FileAssembly(root: request.cid, byteCountMax: max)
      while let block = try await body.nextChunk() {
        guard link.loop.now < end else {
          throw PeerError.deadlineExceeded(
            method: RPCMethod.keptContent, after: EvidenceLimits.stateDeadline)
        }
        try file.take(block)
      }
      guard file.isWhole else { throw NodeError.wrongContent("\(request.cid) breaks off") }
      return file.content
    } catch {
      await body.cancel()
      throw error
    }
  }
}

extension ReplayOrder {
  /// How the evidence of this work is asked for.
  var request: EvidenceRequest {
    EvidenceRequest(
      job: work.slot.job.digest,
      assignment: Assignment(
        round: Int(work.slot.round) + 1, client: Int(work.slot.client),
        attempt: Int(work.attempt), worker: work.worker.peerID))
  }

  /// The task that the work is of.
  func task(of specification: SessionSpecification) throws(WorkError) -> TrainingTask {
    try specification.task(
      round: Int(work.slot.round) + 1, client: Int(work.slot.client),
      base: base ?? specification.initialModel.digest)
  }

  /// The segments that the beacon draws.
  func plan(of task: TrainingTask) -> SamplePlan {
    SamplePlan(
      beacon: beacon, workRoot: commitment.workRoot, total: task.segments,
      rate: terms.auditPartsPerMillion)
  }

  /// The memory that a judgement takes: the update and the states of the drawn segments.
  func evidenceBytes(of specification: SessionSpecification) throws(WorkError) -> Int {
    let task = try task(of: specification)
    let states = Replay.statesNeeded(for: plan(of: task).segments).count
    return specification.architecture.parameterCount * MemoryLayout<Float>.size
      + states * task.stateBytesMax
  }
}
