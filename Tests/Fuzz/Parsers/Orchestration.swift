import Orchestration

extension FuzzedParser {
  static let orchestration: [FuzzedParser] = [
    canonical("hello", as: Hello.self),
    canonical("work-order", as: WorkOrder.self),
    canonical("work-submission", as: WorkSubmission.self),
    canonical("evidence-request", as: EvidenceRequest.self),
    canonical("evidence-reply", as: EvidenceReply.self),
    canonical("content-link", as: ContentLink.self),
    canonical("kept-content-request", as: KeptContentRequest.self),
    canonical("start-state-request", as: StartStateRequest.self),
    canonical("mining-submission", as: MiningSubmission.self),
    canonical("mining-head", as: MiningHead.self),
    canonical("dispute-call", as: DisputeCall.self),
    canonical("disputed-work", as: DisputedWork.self),
    canonical("dispute-stand", as: DisputeStand.self),
    canonical("signed-dispute-reply", as: SignedDisputeReply.self),
    canonical("dispute-ruling", as: DisputeRuling.self),
    canonical("dispute-transcript", as: DisputeTranscript.self),
    canonical("session-specification", as: SessionSpecification.self),
  ]
}
