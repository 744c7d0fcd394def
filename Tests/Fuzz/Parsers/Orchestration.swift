import Orchestration

extension FuzzedParser {
  static let orchestration: [FuzzedParser] = [
    canonical("hello", as: Hello.self),
    canonical("work-order", as: WorkOrder.self),
    canonical("work-submission", as: WorkSubmission.self),
    canonical("mining-submission", as: MiningSubmission.self),
    canonical("mining-head", as: MiningHead.self),
    canonical("session-specification", as: SessionSpecification.self),
  ]
}
