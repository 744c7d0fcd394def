public import Cryptography
public import NeuralNetworks
public import Primitives

/// A liar that stands by what it committed to: it computes its steps as it did when it lied, and
/// where that does not lead to its roots, it claims that it does.
///
/// Used by the demonstration's liar and by tests.
public struct LyingParty: DisputeParty, Sendable {
  /// What was committed.
  public let record: WorkRecord
  private let lie: Lie
  private let task: TrainingTask
  private let dataset: Dataset
  private let evidence: SegmentStates

  /// A party for work that was done with `lie` on `dataset`.
  public init(lie: Lie, task: TrainingTask, dataset: Dataset, result: WorkResult) {
    self.lie = lie
    self.task = task
    self.dataset = lie == .otherData ? dataset.withShiftedLabels() : dataset
    record = result.record
    evidence = result.evidence
  }

  /// The root of the base model with fresh counters.
  public var startRoot: Digest { Replay.startRoot(of: task) }

  /// The steps as they were done; the last is what was committed.
  public func stepRoots(of segment: Int) throws -> [Digest] {
    var roots = try party.stepRoots(of: segment)
    guard !roots.isEmpty, record.segmentRoots.indices.contains(segment) else { return roots }
    roots[roots.count - 1] = record.segmentRoots[segment]
    return roots
  }

  /// The operators of the step; the last leads to what was committed.
  public func operatorDigests(of step: Int) throws -> [Digest] {
    let segment = step / task.segmentSteps
    guard (0..<task.segments).contains(segment),
      step == task.steps(of: segment).upperBound - 1
    else { return try party.operatorDigests(of: step) }
    let committed = record.segmentRoots[segment]
    // A changed bit of the parameters is the optimizer's, if it leads to the committed root.
    if case .oneStepAltered = lie {
      let altered = try party.operatorDigests(of: step, isLastOperatorFaulty: true)
      if altered.last == committed { return altered }
    }
    var digests = try party.operatorDigests(of: step)
    if !digests.isEmpty { digests[digests.count - 1] = committed }
    return digests
  }

  /// What the operator really read.
  public func inputs(of operatorIndex: Int, in step: Int) throws -> Bytes {
    try party.inputs(of: operatorIndex, in: step)
  }

  private var party: TrainingParty {
    TrainingParty(record: record, task: task, dataset: dataset) { [evidence, dataset] in
      try evidence.startState(of: $0, dataset: dataset)
    }
  }
}
