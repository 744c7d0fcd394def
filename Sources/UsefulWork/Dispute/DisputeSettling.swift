internal import Primitives

extension DisputeTerms {
  /// Runs a whole dispute between two parties that are at hand: for two commitments on one disk,
  /// and for tests. A party that throws or has no answer is silent.
  public func settle<First: DisputeParty, Second: DisputeParty>(
    _ first: First, _ second: Second, referee: some OperatorReferee
  ) -> DisputeOutcome {
    var firstResponder = DisputeResponder(party: first, segmentSteps: segmentSteps)
    var secondResponder = DisputeResponder(party: second, segmentSteps: segmentSteps)
    var machine = DisputeMachine(terms: self)
    var now = Tick.zero
    var effects = machine.handle(.opened(now: now))
    while let effect = effects.first {
      switch effect {
      case .ask(let round, let query):
        effects = []
        if let answer = try? firstResponder.answer(query) {
          effects += machine.handle(.answered(.first, round: round, answer, now: now))
        }
        if let answer = try? secondResponder.answer(query) {
          effects += machine.handle(.answered(.second, round: round, answer, now: now))
        }
        if effects.isEmpty {
          now = now.advanced(by: answerTimeout)
          effects = machine.handle(.tick(now: now))
        }
      case .recompute(let operation):
        effects = machine.handle(.recomputed(referee.recompute(operation), now: now))
      case .decided(let outcome): return outcome
      }
    }
    preconditionFailure("a machine that is not decided asks or computes")
  }
}
