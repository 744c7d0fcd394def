import Ledger
import UsefulWork

extension FuzzedParser {
  static let work: [FuzzedParser] = [
    canonical("training-task", as: TrainingTask.self),
    canonical("work-record", as: WorkRecord.self),
    canonical("dispute-question", as: DisputeQuestion.self),
    canonical("dispute-reply", as: DisputeReply.self),
    canonical("iteration-message", as: IterationMessage.self),
    canonical("mining-claim", as: MiningClaim.self),
    canonical("sealed-verdict", as: SealedVerdict.self),
    canonical("ticket", as: Ticket.self),
    canonical("verification-item", as: VerificationItem.self),
  ]
}
