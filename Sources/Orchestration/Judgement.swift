internal import Cryptography
public import Ledger
public import NeuralNetworks
internal import Primitives
public import UsefulWork

/// What a validator says about one piece of work.
public struct Judgement: Hashable, Sendable {
  /// The verdict for the ledger.
  public let verdict: WorkVerdict
  /// Evidence that costs the worker stake, if it contradicts what was signed.
  public let evidence: SlashEvidence?
  /// What differed, for people.
  public let fault: WorkFault?

  /// Collects the parts; an honest validator has them from `ReplayOrder.judge`.
  package init(verdict: WorkVerdict, evidence: SlashEvidence?, fault: WorkFault?) {
    self.verdict = verdict
    self.evidence = evidence
    self.fault = fault
  }

  /// The transactions that carry it, in order.
  public var transactions: [TransactionBody] {
    var bodies = [TransactionBody.verdict(verdict)]
    if let evidence { bodies.append(.slash(verdict.work, evidence)) }
    return bodies
  }
}

/// What a validator needs to judge one commitment.
public struct WorkEvidence: Sendable {
  /// The trained parameters that were handed in.
  public let update: ParameterBuffer
  /// The record behind the signed work root.
  public let record: WorkRecord

  /// Collects both.
  public init(update: ParameterBuffer, record: WorkRecord) {
    self.update = update
    self.record = record
  }
}

extension ReplayOrder {
  /// Replays the drawn segments and says what follows.
  ///
  /// - Parameters:
  ///   - specification: the session whose digest is in the job's terms.
  ///   - dataset: the logical client's shard.
  ///   - base: the model that the round starts from.
  ///   - startState: asks the worker for the state before a segment, for audits below 1.0.
  public func judge(
    specification: SessionSpecification, dataset: Dataset, base: ParameterBuffer,
    evidence: WorkEvidence, startState: (Int) -> TrainingState?
  ) throws(WorkError) -> Judgement {
    let expectedBase = self.base ?? specification.initialModel.digest
    guard commitment.baseModel == expectedBase else {
      return judgement(.rejected(.wrongBaseModel), replayed: 0)
    }
    let task = try specification.task(
      round: Int(work.slot.round) + 1, client: Int(work.slot.client), base: expectedBase)
    let plan = SamplePlan(
      beacon: beacon, workRoot: commitment.workRoot, total: task.segments,
      rate: terms.auditPartsPerMillion)
    let verdict = try Replay.check(
      record: evidence.record, update: evidence.update, task: task, dataset: dataset, base: base,
      segments: plan.segments, startState: startState)
    switch verdict {
    case .accepted(let segments): return judgement(.accepted, replayed: segments)
    case .rejected(let fault): return rejection(fault, record: evidence.record)
    }
  }

  /// The verdict on work whose evidence nobody served by the deadline.
  public var notServed: Judgement { judgement(.rejected(.notServed), replayed: 0) }

  private func judgement(_ outcome: VerdictOutcome, replayed: Int) -> Judgement {
    Judgement(
      verdict: WorkVerdict(
        work: work, outcome: outcome, segmentsReplayed: UInt32(clamping: replayed)),
      evidence: nil, fault: nil)
  }

  private func rejection(_ fault: WorkFault, record: WorkRecord) -> Judgement {
    let replayed = UInt32(clamping: fault.segment.map { $0 + 1 } ?? 0)
    let (reason, evidence) = ground(of: fault, record: record)
    return Judgement(
      verdict: WorkVerdict(work: work, outcome: .rejected(reason), segmentsReplayed: replayed),
      evidence: evidence, fault: fault)
  }

  private func ground(
    of fault: WorkFault, record: WorkRecord
  ) -> (RejectionReason, SlashEvidence?) {
    switch fault.reason {
    case .otherTask, .segmentCount: return (.malformedUpdate, nil)
    case .startState, .stateWithheld: return (.notServed, nil)
    case .notFinite: return (.notFinite, nil)
    case .otherUpdate:
      return (
        .updateNotBound,
        .unboundUpdate(expected: record.finalParameters, proof: record.proofOfFinalParameters)
      )
    case .finalState, .segmentRoot:
      guard let segment = fault.segment else { return (.segmentDiffers, nil) }
      return (
        .segmentDiffers,
        .segment(
          claimed: record.segmentRoots[segment], proof: record.proof(ofSegment: segment),
          recomputed: fault.expected)
      )
    }
  }
}
