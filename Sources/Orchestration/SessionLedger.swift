internal import ContentStore
public import Cryptography
public import FederatedLearning
public import Ledger
public import Primitives

/// Translates between a session (rounds from 1) and its job on the ledger (rounds from 0).
public struct SessionLedger: Hashable, Sendable {
  /// The job.
  public let job: JobID

  /// The bridge of one job.
  public init(job: JobID) { self.job = job }

  /// What a committed block means for the session.
  public func events(in block: Block, now: Tick) -> [SessionEvent] {
    block.transactions.compactMap { transaction in
      switch transaction.body {
      case .verdict(let verdict) where verdict.work.slot.job == job: event(of: verdict, now: now)
      case .settle(let settlement) where settlement.job == job:
        .settled(round: Int(settlement.round) + 1, now: now)
      case .transfer, .stake, .unstake, .submitJob, .commitWork, .verdict, .slash, .settle,
        .closeJob, .content, .reward, .storage:
        nil
      }
    }
  }

  private func event(of verdict: WorkVerdict, now: Tick) -> SessionEvent {
    let assignment = Assignment(
      round: Int(verdict.work.slot.round) + 1, client: Int(verdict.work.slot.client),
      attempt: Int(verdict.work.attempt), worker: verdict.work.worker.peerID)
    return switch verdict.outcome {
    case .accepted: .updateAccepted(assignment, now: now)
    case .rejected(let reason):
      .updateRejected(assignment, reason: reason.sentence, now: now)
    }
  }

  /// The place of an assignment on the ledger.
  public func slot(of assignment: Assignment) -> WorkSlot {
    WorkSlot(
      job: job, round: UInt32(assignment.round - 1), client: UInt32(assignment.client))
  }

  /// The settlement that pays a round's accepted workers.
  public func settlement(
    of round: Round, aggregate: Digest, price: Amount
  ) -> TransactionBody {
    let payments = round.clients.compactMap { phase -> Payment? in
      guard case .accepted(let update) = phase, let key = update.assignment.worker.publicKey
      else { return nil }
      return Payment(
        client: UInt32(update.assignment.client), worker: key, amount: price)
    }
    return .settle(
      Settlement(
        job: job, round: UInt32(round.number - 1), aggregate: aggregate, payments: payments))
  }
}

extension RejectionReason {
  /// The reason as people read it.
  public var sentence: String {
    switch self {
    case .segmentDiffers: "the replay of a segment gives other bits"
    case .updateNotBound: "the update is not the one that the record ends in"
    case .notServed: "the evidence was not served in time"
    case .malformedUpdate: "the record is not one of this task"
    case .wrongBaseModel: "the work starts from another model"
    case .notFinite: "the work leads to numbers that are not finite"
    }
  }
}
