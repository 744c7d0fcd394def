public import Cryptography
public import NeuralNetworks
public import Primitives
public import UsefulWork

/// One round of a dispute as it was held.
public struct DisputeExchange: Hashable, Sendable {
  /// What both were asked.
  public let question: DisputeQuestion
  /// What they answered, in time; nil for silence.
  public let replies: DisputeSides<SignedDisputeReply?>

  /// Collects both.
  public init(question: DisputeQuestion, replies: DisputeSides<SignedDisputeReply?>) {
    self.question = question
    self.replies = replies
  }
}

/// Everything that both parties signed in a dispute: whoever has the task's data can judge it
/// again. Silence alone is the referee's word.
public struct DisputeTranscript: Hashable, Sendable {
  /// What is disputed.
  public let work: DisputedWork
  /// Who rejected it.
  public let validator: PublicKey
  /// The validator's record; nil if it named none.
  public let stand: DisputeStand?
  /// In order.
  public internal(set) var exchanges: [DisputeExchange] = []

  /// A dispute in which nothing has been asked.
  public init(work: DisputedWork, validator: PublicKey, stand: DisputeStand?) {
    self.work = work
    self.validator = validator
    self.stand = stand
  }

  /// Rounds of one dispute: 16 + 14 + 16 halvings and 4 at the limits of a task.
  public static let exchangesMax = 64
  /// A stored transcript; the inputs of both openings are the most of it.
  public static let limits = CanonicalLimits(bytesMax: 64 << 20, entriesMax: 1 << 16)

  /// The next round.
  public mutating func append(_ exchange: DisputeExchange) { exchanges.append(exchange) }

  /// Judges the dispute by what was signed. `opening` has the worker's record, whose work root its
  /// commitment on the ledger names, and `worker` is who signed that.
  public func ruling(
    on opening: DisputeOpening, worker: PublicKey, dataset: Dataset
  ) throws(DisputeError) -> DisputeRuling {
    if let ruling = opening.rulingOnRecord { return ruling }
    guard let stand else { return DisputeRuling(.second, .silent) }
    guard stand.isSigned(by: validator, for: work) else {
      return DisputeRuling(.second, .otherRecord)
    }
    let (ruling, segment) = opening.next(against: stand.record)
    if let ruling { return ruling }
    let roots = DisputeSides(first: opening.record.workRoot, second: stand.record.workRoot)
    let referee = TrainingReferee(task: opening.task, dataset: dataset)
    var machine = DisputeMachine(terms: try referee.terms(workRoots: roots, segment: segment))
    let name = work.dispute(over: roots)
    let keys = DisputeSides(first: worker, second: validator)
    var effects = machine.handle(.opened(now: .zero))
    var rest = exchanges[...]
    while let effect = effects.first {
      switch effect {
      case .ask(let round, let query):
        let question = DisputeQuestion(dispute: name, round: round, query: query)
        let exchange = rest.popFirst()
        effects = []
        for side in DisputeSide.allCases where exchange?.question == question {
          guard let answer = exchange?.replies[side]?.answer(to: question, of: keys[side])
          else { continue }
          effects += machine.handle(.answered(side, round: round, answer, now: .zero))
        }
        // Whoever has no signed answer here was silent until the deadline.
        if effects.isEmpty {
          effects = machine.handle(.tick(now: machine.nextDeadline ?? .zero))
        }
      case .recompute(let operation):
        effects = machine.handle(.recomputed(referee.recompute(operation), now: .zero))
      case .decided(let outcome):
        return DisputeRuling(outcome, names: referee.operatorNames)
      }
    }
    preconditionFailure("a machine that is not decided asks or computes")
  }
}

extension DisputeExchange: CanonicalCodable {
  /// A map of the question and the replies that came.
  public var canonicalValue: CanonicalValue {
    var entries = ["question": question.canonicalValue]
    entries["worker"] = replies.first?.canonicalValue
    entries["validator"] = replies.second?.canonicalValue
    return .map(entries)
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    question = try fields.nested("question")
    var replies = DisputeSides<SignedDisputeReply?>(first: nil, second: nil)
    if let value = fields.optional("worker") { replies.first = try .init(canonicalValue: value) }
    if let value = fields.optional("validator") {
      replies.second = try .init(canonicalValue: value)
    }
    self.replies = replies
    try fields.finish()
  }
}

extension DisputeTranscript: CanonicalCodable {
  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "work": work.canonicalValue, "validator": validator.canonicalValue,
      "exchanges": .list(exchanges),
    ]
    entries["stand"] = stand?.canonicalValue
    return .map(entries)
  }

  /// Reads the map back; what it is worth, `ruling` says. Decode with `limits`.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    work = try fields.nested("work")
    validator = try fields.nested("validator")
    exchanges = try fields.list("exchanges")
    if let value = fields.optional("stand") {
      stand = try DisputeStand(canonicalValue: value)
    } else {
      stand = nil
    }
    try fields.finish()
    guard exchanges.count <= Self.exchangesMax else {
      throw .tooLarge(what: "exchanges", size: exchanges.count, limit: Self.exchangesMax)
    }
  }
}
