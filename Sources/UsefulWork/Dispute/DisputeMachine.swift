internal import Cryptography
public import Primitives

/// The referee of a dispute between two parties whose records of one task differ
/// (docs/specs/useful-work.md §3).
///
/// Three bisections in a row find the first differing segment, step and operator; the referee
/// computes that one operator. Every answer must be under a root to which the party is bound
/// already; whoever breaks that, or is silent until the deadline, loses.
public struct DisputeMachine: Sendable {
  /// What happens.
  public enum Event: Sendable {
    /// Begins the dispute.
    case opened(now: Tick)
    /// A party answers the question of a round; anything but its first answer is ignored.
    case answered(DisputeSide, round: Int, DisputeAnswer, now: Tick)
    /// The result of the `recompute` effect.
    case recomputed(OperatorFinding, now: Tick)
    /// The shell's timer, at least at `nextDeadline`.
    case tick(now: Tick)
  }

  /// What the shell does.
  public enum Effect: Equatable, Sendable {
    /// Ask both parties.
    case ask(round: Int, DisputeQuery)
    /// Compute this operator, then answer `recomputed`.
    case recompute(OperatorCase)
    /// The dispute is over.
    case decided(DisputeOutcome)
  }

  enum Phase: Sendable {
    case waiting
    case asking(DisputeQuery, deadline: Tick)
    /// Each party's opening that still counts; the first in turn is with the referee.
    case recomputing([DisputeSide: OperatorCase])
    case decided(DisputeOutcome)
  }

  let terms: DisputeTerms
  private(set) var phase = Phase.waiting
  private var answers = DisputeSides<DisputeAnswer?>(first: nil, second: nil)
  private(set) var rounds = 0
  var search: DisputeSearch
  private var faults = DisputeSides<DisputeFault?>(first: nil, second: nil)

  /// A dispute on `terms` that nobody has asked anything in yet.
  public init(terms: DisputeTerms) {
    self.terms = terms
    search = DisputeSearch(terms: terms)
  }

  /// How it ended, nil while it goes on.
  public var outcome: DisputeOutcome? {
    guard case .decided(let outcome) = phase else { return nil }
    return outcome
  }

  /// When `tick` is due; the referee's own computation has no deadline.
  public var nextDeadline: Tick? {
    guard case .asking(_, let deadline) = phase else { return nil }
    return deadline
  }

  /// Takes one event in.
  public mutating func handle(_ event: Event) -> [Effect] {
    switch event {
    case .opened(let now):
      guard case .waiting = phase else { return [] }
      return ask(.segmentRoot(segment: terms.segment), now: now)
    case .answered(let side, let round, let answer, let now):
      guard case .asking(_, let deadline) = phase, round == rounds, answers[side] == nil else {
        return []
      }
      guard now < deadline else { return expire(now: now) }
      answers[side] = answer
      guard answers.first != nil, answers.second != nil else { return [] }
      return weigh(now: now)
    case .recomputed(let finding, let now): return take(finding, now: now)
    case .tick(let now): return expire(now: now)
    }
  }

  private mutating func expire(now: Tick) -> [Effect] {
    guard case .asking(_, let deadline) = phase, deadline <= now else { return [] }
    return weigh(now: now)
  }

  private mutating func ask(_ query: DisputeQuery, now: Tick) -> [Effect] {
    rounds += 1
    answers = DisputeSides(first: nil, second: nil)
    phase = .asking(query, deadline: now.advanced(by: terms.answerTimeout))
    return [.ask(round: rounds, query)]
  }

  /// Judges both answers of a round at once, so that the order of arrival decides nothing.
  private mutating func weigh(now: Tick) -> [Effect] {
    guard case .asking(let query, _) = phase else { return [] }
    var readings = DisputeSides<DisputeSearch.Reading?>(first: nil, second: nil)
    for side in DisputeSide.allCases {
      guard let answer = answers[side] else {
        faults[side] = .silent
        continue
      }
      do {
        readings[side] = try search.read(answer, to: query, of: side)
      } catch {
        faults[side] = error
      }
    }
    guard let first = readings.first, let second = readings.second else { return decide() }
    switch search.advance(query, DisputeSides(first: first, second: second)) {
    case .ask(let next): return ask(next, now: now)
    case .recompute(let cases):
      phase = .recomputing([.first: cases.first, .second: cases.second])
      return [.recompute(cases.first)]
    case .agreed: return decide()
    }
  }

  private mutating func take(_ finding: OperatorFinding, now: Tick) -> [Effect] {
    guard case .recomputing(var cases) = phase else { return [] }
    switch finding {
    case .digest(let digest):
      for side in DisputeSide.allCases where search.claim(of: side) != digest {
        faults[side] = faults[side] ?? .recomputedOtherwise
      }
      return decide(recomputed: digest)
    case .inputsUnproven:
      guard let side = DisputeSide.allCases.first(where: { cases[$0] != nil }) else { return [] }
      faults[side] = .inputsUnproven
      cases[side] = nil
      guard let next = cases.values.first else { return decide() }
      phase = .recomputing(cases)
      return [.recompute(next)]
    }
  }

  private mutating func decide(recomputed: Digest? = nil) -> [Effect] {
    let place = search.place
    let outcome = DisputeOutcome(
      faults: faults, segment: place.segment, step: place.step,
      operatorIndex: place.operatorIndex, recomputed: recomputed, rounds: rounds)
    phase = .decided(outcome)
    return [.decided(outcome)]
  }
}

extension DisputeFault: Error {}
