public import Cryptography
internal import Ledger
internal import NeuralNetworks
public import Primitives
public import UsefulWork

/// Why a party of a dispute is wrong.
public enum DisputeGround: String, Hashable, Sendable, CaseIterable {
  case silent, otherQuestion, notCommitted, otherEnd, otherPrefix, inputsUnproven
  case recomputedOtherwise
  /// The record is not one of the task, or nobody signed it.
  case otherRecord
  /// The update is not the one that the record ends in, or the record's end does not open its last
  /// segment root.
  case recordUnopened
  /// The validator's own training gives the work that it rejected.
  case ownTrainingAgrees

  /// What the referee found against a party.
  public init(_ fault: DisputeFault) {
    switch fault {
    case .silent: self = .silent
    case .otherQuestion: self = .otherQuestion
    case .notCommitted: self = .notCommitted
    case .otherEnd: self = .otherEnd
    case .otherPrefix: self = .otherPrefix
    case .inputsUnproven: self = .inputsUnproven
    case .recomputedOtherwise: self = .recomputedOtherwise
    }
  }

  /// The ground as people read it.
  public var sentence: String {
    switch self {
    case .silent: "it gave no answer"
    case .otherQuestion: "it answered another question"
    case .notCommitted: "an answer was not under the root it had committed to"
    case .otherEnd: "its steps do not lead to the root it had committed to"
    case .otherPrefix: "its operators do not lead to the result it had committed to"
    case .inputsUnproven: "its inputs are not those on which both agree"
    case .recomputedOtherwise: "the referee computes another result"
    case .otherRecord: "it has no signed record of the task"
    case .recordUnopened: "its update is not the one that its record ends in"
    case .ownTrainingAgrees: "its own training gives the work that it rejected"
    }
  }
}

/// How the dispute over a rejected update ended: the worker is the first party, the validator that
/// signed the verdict the second.
public struct DisputeRuling: Hashable, Sendable {
  /// The segment of the first difference, as far as it was found.
  public let segment: Int?
  /// The step of the first difference, counted from the task's start.
  public let step: Int?
  /// `layer/operation` of the step that differs first; `record` if the record is at odds with
  /// itself or with the update.
  public let operation: String?
  /// What the referee computed for it.
  public let recomputed: Digest?
  /// Rounds of questions.
  public let rounds: Int
  /// What each party did wrong.
  public let grounds: DisputeSides<DisputeGround?>

  /// The operator's name where no computation decided.
  public static let recordName = "record"

  /// A dispute that the records alone decide.
  public init(_ side: DisputeSide, _ ground: DisputeGround) {
    (segment, step, recomputed, rounds) = (nil, nil, nil, 0)
    operation = ground == .recordUnopened ? Self.recordName : nil
    var grounds = DisputeSides<DisputeGround?>(first: nil, second: nil)
    grounds[side] = ground
    self.grounds = grounds
  }

  /// What the referee's machine decided; `names` gives the operators of a step.
  public init(_ outcome: DisputeOutcome, names: (_ step: Int) -> [String]) {
    segment = outcome.segment
    step = outcome.step
    let found = outcome.step.flatMap { step in
      outcome.operatorIndex.map { (names(step), $0) }
    }
    operation = found.flatMap { $0.indices.contains($1) ? $0[$1] : nil }
    recomputed = outcome.recomputed
    rounds = outcome.rounds
    grounds = DisputeSides(
      first: outcome.faults.first.map(DisputeGround.init),
      second: outcome.faults.second.map(DisputeGround.init))
  }

  /// The parties that are wrong, in order.
  public var wrong: [DisputeSide] { DisputeSide.allCases.filter { grounds[$0] != nil } }
  /// Whether the validator is among them.
  public var isValidatorWrong: Bool { grounds.second != nil }
}

/// What the referee knows before it asks anything: the task, the worker's signed record and the
/// update that was handed in with it.
public struct DisputeOpening: Sendable {
  /// The disputed task.
  public let task: TrainingTask
  /// What the worker committed to.
  public let record: WorkRecord
  /// `ParameterBuffer.digest` of what it handed in.
  public let update: Digest

  /// Collects the parts.
  public init(task: TrainingTask, record: WorkRecord, update: Digest) {
    self.task = task
    self.record = record
    self.update = update
  }

  /// More than what one operator reads: state and gradients, what the layers hand on and back, and
  /// as much again for what layers note for themselves.
  public var openingBytesMax: Int {
    let rows = min(task.settings.batchSize, task.examples)
    let activations = rows * task.architecture.activationCount
    return 4 * (task.stateBytesMax + activations * MemoryLayout<Float>.size)
  }

  /// What the worker's record alone decides; nil if the validator has to be heard.
  public var rulingOnRecord: DisputeRuling? {
    guard record.task == task.digest, record.segmentRoots.count == task.segments else {
      return DisputeRuling(.first, .otherRecord)
    }
    let isBound = record.finalParameters == update && Self.opens(record, of: task)
    return isBound ? nil : DisputeRuling(.first, .recordUnopened)
  }

  /// What comes next when the validator stands by `record`: a ruling, or the segment after which
  /// both are asked.
  public func next(against other: WorkRecord) -> (ruling: DisputeRuling?, segment: Int) {
    guard other.task == task.digest, other.segmentRoots.count == task.segments else {
      return (DisputeRuling(.second, .otherRecord), 0)
    }
    let pairs = zip(record.segmentRoots, other.segmentRoots)
    if let first = pairs.enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset {
      return (nil, first)
    }
    // Both roots of the end are equal and the worker's record opens it.
    return (DisputeRuling(.second, .ownTrainingAgrees), 0)
  }

  private static func opens(_ record: WorkRecord, of task: TrainingTask) -> Bool {
    let opened = StateRoot.root(
      parameters: record.finalParameters, optimizer: record.finalOptimizer,
      progress: task.schedule.progress(after: task.schedule.steps, order: task.order))
    return opened == record.segmentRoots.last
  }
}

extension DisputeRuling: CanonicalCodable {
  /// A map of what was found; numbers, names and grounds that there are not are left out.
  public var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = ["rounds": .unsigned(UInt64(rounds))]
    entries["segment"] = segment.map { .unsigned(UInt64($0)) }
    entries["step"] = step.map { .unsigned(UInt64($0)) }
    entries["operator"] = operation.map { .text($0) }
    entries["recomputed"] = recomputed?.canonicalValue
    entries["worker"] = grounds.first.map { .text($0.rawValue) }
    entries["validator"] = grounds.second.map { .text($0.rawValue) }
    return .map(entries)
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    rounds = try fields.count("rounds", max: Int(UInt32.max))
    segment = try Self.number(fields.optional("segment"))
    step = try Self.number(fields.optional("step"))
    operation = try Self.text(fields.optional("operator"))
    recomputed = try fields.optional("recomputed").map { value throws(DecodingFailure) in
      try Digest(canonicalValue: value)
    }
    grounds = DisputeSides(
      first: try Self.ground(fields.optional("worker")),
      second: try Self.ground(fields.optional("validator")))
    try fields.finish()
  }

  private static func number(_ value: CanonicalValue?) throws(DecodingFailure) -> Int? {
    guard let value else { return nil }
    guard case .unsigned(let number) = value, let small = UInt32(exactly: number) else {
      throw .malformed(what: "dispute ruling", reason: "expected a small number")
    }
    return Int(small)
  }

  private static func text(_ value: CanonicalValue?) throws(DecodingFailure) -> String? {
    guard let value else { return nil }
    guard case .text(let text) = value else {
      throw .malformed(what: "dispute ruling", reason: "expected text")
    }
    return text
  }

  private static func ground(_ value: CanonicalValue?) throws(DecodingFailure) -> DisputeGround? {
    guard let name = try text(value) else { return nil }
    guard let ground = DisputeGround(rawValue: name) else {
      throw .malformed(what: "dispute ruling", reason: "unknown ground `\(name)`")
    }
    return ground
  }
}
