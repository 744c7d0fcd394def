public import Cryptography
public import Primitives

/// Who stands by a work record and can say how every number of it came about.
///
/// The engine computes the parts again from the segment's start state; nothing of them has to be
/// kept while training.
public protocol DisputeParty {
  /// What was committed.
  var record: WorkRecord { get }
  /// The state root before the first segment.
  var startRoot: Digest { get }
  /// The state root after each step of a segment; the last is the segment's root.
  func stepRoots(of segment: Int) throws -> [Digest]
  /// The digest of each operator's results in a step, in the order of the program; the last
  /// operator is the state root after the step.
  func operatorDigests(of step: Int) throws -> [Digest]
  /// The bytes that an operator reads, in the form that the referee expects.
  func inputs(of operatorIndex: Int, in step: Int) throws -> Bytes
}

/// One operator, ready to be computed by the referee.
public struct OperatorCase: Hashable, Sendable {
  /// The step, from the task's start.
  public let step: Int
  /// The operator's place in the step's program.
  public let operatorIndex: Int
  /// The state root before the step, on which both parties agree.
  public let startRoot: Digest
  /// The digests of the operators before this one, on which both parties agree.
  public let digests: [Digest]
  /// What the operator reads, as one party says; the referee checks it against the two above.
  public let inputs: Bytes

  /// Collects the parts.
  public init(
    step: Int, operatorIndex: Int, startRoot: Digest, digests: [Digest], inputs: Bytes
  ) {
    self.step = step
    self.operatorIndex = operatorIndex
    self.startRoot = startRoot
    self.digests = digests
    self.inputs = inputs
  }
}

/// What the referee's computation of one operator gave.
public enum OperatorFinding: Hashable, Sendable {
  /// The digest of the right result.
  case digest(Digest)
  /// The inputs are not those on which both parties agree.
  case inputsUnproven
}

/// Who computes the one operator that decides.
public protocol OperatorReferee {
  /// Checks the inputs against the agreed digests and computes the operator.
  func recompute(_ operation: OperatorCase) -> OperatorFinding
}

/// Answers a referee's questions for a party.
public struct DisputeResponder<Party: DisputeParty> {
  private let party: Party
  private let segmentSteps: Int
  private var steps: (segment: Int, roots: [Digest])?
  private var operators: (step: Int, digests: [Digest])?

  /// A responder for `party`, whose task has segments of `segmentSteps` steps.
  public init(party: Party, segmentSteps: Int) {
    precondition(segmentSteps > 0)
    self.party = party
    self.segmentSteps = segmentSteps
  }

  /// Answers one question; nil if it is outside the party's work.
  public mutating func answer(_ query: DisputeQuery) throws -> DisputeAnswer? {
    switch query {
    case .segmentRoot(let segment):
      guard party.record.segmentRoots.indices.contains(segment) else { return nil }
      return .value(party.record.segmentRoots[segment], party.record.proof(ofSegment: segment))
    case .stepCommitment(let segment):
      let leaves = try stepRoots(of: segment).map(OperatorChain.leaf)
      guard !leaves.isEmpty else { return nil }
      return .stepCommitment(
        root: MerkleTree.root(of: leaves),
        last: MerkleTree.proof(index: leaves.count - 1, in: leaves))
    case .stepRoot(let step):
      let roots = try stepRoots(of: step / segmentSteps)
      return value(step % segmentSteps, of: roots)
    case .operatorCommitment(let step): return try operatorCommitment(step)
    case .operatorLink(let step, let index): return value(index, of: try links(of: step))
    case .opening(let step, let index):
      let digests = try operatorDigests(of: step)
      guard digests.indices.contains(index) else { return nil }
      return .opening(
        digests: Array(digests[...index]), inputs: try party.inputs(of: index, in: step))
    }
  }

  private mutating func operatorCommitment(_ step: Int) throws -> DisputeAnswer? {
    let links = try links(of: step)
    guard let start = try startRoot(of: step), !links.isEmpty else { return nil }
    let leaves = links.map(OperatorChain.leaf)
    let before = links.count > 1 ? links[links.count - 2] : start
    return .operatorCommitment(
      root: MerkleTree.root(of: leaves), before: before,
      last: MerkleTree.proof(index: leaves.count - 1, in: leaves))
  }

  private func value(_ index: Int, of values: [Digest]) -> DisputeAnswer? {
    guard values.indices.contains(index) else { return nil }
    return .value(
      values[index], MerkleTree.proof(index: index, in: values.map(OperatorChain.leaf)))
  }

  private mutating func stepRoots(of segment: Int) throws -> [Digest] {
    if let steps, steps.segment == segment { return steps.roots }
    let roots = try party.stepRoots(of: segment)
    steps = (segment, roots)
    return roots
  }

  private mutating func operatorDigests(of step: Int) throws -> [Digest] {
    if let operators, operators.step == step { return operators.digests }
    let digests = try party.operatorDigests(of: step)
    operators = (step, digests)
    return digests
  }

  private mutating func links(of step: Int) throws -> [Digest] {
    let digests = try operatorDigests(of: step)
    guard let start = try startRoot(of: step) else { return [] }
    return OperatorChain.links(from: start, over: digests)
  }
  /// The state root before a step; nil for a step that the work does not have.
  private mutating func startRoot(of step: Int) throws -> Digest? {
    let (segment, place) = step.quotientAndRemainder(dividingBy: segmentSteps)
    if step == 0 { return party.startRoot }
    let roots = place > 0 ? try stepRoots(of: segment) : party.record.segmentRoots
    let index = place > 0 ? place - 1 : segment - 1
    return roots.indices.contains(index) ? roots[index] : nil
  }
}

extension DisputeResponder: Sendable where Party: Sendable {}
