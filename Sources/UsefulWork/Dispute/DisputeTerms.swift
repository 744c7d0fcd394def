public import Cryptography
internal import NeuralNetworks
public import Primitives

/// What two parties disagree about, and what the referee knows of the task before it asks anybody.
public struct DisputeTerms: Sendable {
  /// The state root before the first segment: a function of the task, so nobody can dispute it.
  public let startRoot: Digest
  /// Steps of the whole task.
  public let steps: Int
  /// Steps of one segment; the last may be shorter.
  public let segmentSteps: Int
  /// `WorkRecord.workRoot` as each party signed it.
  public let workRoots: DisputeSides<Digest>
  /// The segment after which the parties are said to differ: the last one, or the one that a
  /// replay named.
  public let segment: Int
  /// Operators of a step, the closing state root included: known to the referee from the task.
  public let operatorCount: @Sendable (_ step: Int) -> Int
  /// How long one answer may take; who is later loses.
  public let answerTimeout: Duration

  /// Two minutes replay any segment within the limits of a task many times over.
  public static let answerTimeoutDefault: Duration = .seconds(120)

  /// Describes a dispute. `segment` is the last one if nothing else is said.
  public init(
    startRoot: Digest, steps: Int, segmentSteps: Int, workRoots: DisputeSides<Digest>,
    segment: Int? = nil, answerTimeout: Duration = Self.answerTimeoutDefault,
    operatorCount: @escaping @Sendable (_ step: Int) -> Int
  ) throws(DisputeError) {
    guard steps > 0, segmentSteps > 0 else { throw .noSteps }
    let segments = (steps - 1) / segmentSteps + 1
    guard segments <= TrainingTask.Limits.segmentsMax else { throw .tooManySegments(segments) }
    let upper = segment ?? segments - 1
    guard (0..<segments).contains(upper) else {
      throw .noSuchSegment(upper, segments: segments)
    }
    self.startRoot = startRoot
    self.steps = steps
    self.segmentSteps = segmentSteps
    self.workRoots = workRoots
    self.segment = upper
    self.operatorCount = operatorCount
    self.answerTimeout = answerTimeout
  }

  /// Segments of the task.
  public var segments: Int { (steps - 1) / segmentSteps + 1 }

  /// The steps of one segment.
  public func steps(of segment: Int) -> Range<Int> {
    let start = segment * segmentSteps
    return start..<min(start + segmentSteps, steps)
  }

  /// Rounds of questions that no dispute on these terms exceeds:
  /// ⌈log₂ segments⌉ + ⌈log₂ steps of a segment⌉ + ⌈log₂ operators⌉ + 4, where the 4 are the
  /// disputed segment's root, the two commitments and the opening.
  public func roundsMax(operators: Int) -> Int {
    Self.halvings(segment + 1) + Self.halvings(min(segmentSteps, steps))
      + Self.halvings(operators) + 4
  }

  private static func halvings(_ count: Int) -> Int {
    Int.bitWidth - max(0, count - 1).leadingZeroBitCount
  }
}

/// Bounds of what a party may send.
public enum DisputeLimits {
  /// Operators of one step: 2 MiB of digests in an opening; a 96-layer transformer has 5,000.
  public static let operatorsMax = 1 << 16
  /// Bytes of the inputs of one operator.
  public static let inputsMax = OperationEvidence.bytesMax
  /// One answer: the inputs, the digests before them and the names.
  public static let answer = CanonicalLimits(
    bytesMax: inputsMax + 4 << 20, entriesMax: operatorsMax)
}

/// Why a dispute cannot be opened.
public enum DisputeError: Error, Equatable, Sendable {
  case noSteps
  case tooManySegments(Int)
  case noSuchSegment(Int, segments: Int)
}

extension DisputeError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .noSteps: "a dispute needs at least one step"
    case .tooManySegments(let count):
      "\(count) segments, the limit is \(TrainingTask.Limits.segmentsMax)"
    case .noSuchSegment(let segment, let segments):
      "segment \(segment) is not in 0..<\(segments)"
    }
  }
}

/// What a party did wrong.
public enum DisputeFault: String, Hashable, Sendable, CaseIterable {
  /// No answer by the deadline.
  case silent
  /// An answer to another question.
  case otherQuestion
  /// A digest that is not under a root to which the party is bound.
  case notCommitted
  /// A commitment that does not end in the root that the party claimed before.
  case otherEnd
  /// An opening whose digests do not lead to the digest to which the party is bound.
  case otherPrefix
  /// Inputs that do not have the digests on which both agree.
  case inputsUnproven
  /// The referee's computation gives another digest.
  case recomputedOtherwise
}

/// How a dispute ended.
public struct DisputeOutcome: Hashable, Sendable {
  /// What each party did wrong; both may be wrong, and neither is if they agree.
  public let faults: DisputeSides<DisputeFault?>
  /// The segment of the first difference, as far as it was found.
  public let segment: Int?
  /// The step of the first difference, counted from the task's start.
  public let step: Int?
  /// The operator of that step whose result differs first.
  public let operatorIndex: Int?
  /// What the referee computed for that operator.
  public let recomputed: Digest?
  /// Rounds of questions.
  public let rounds: Int

  /// The parties that are wrong, in order.
  public var wrong: [DisputeSide] { DisputeSide.allCases.filter { faults[$0] != nil } }
}
