internal import Cryptography
public import Ledger
public import NeuralNetworks

extension SegmentRoots {
  /// The roots of a segment between two states of a task.
  public init(from start: TrainingState, to end: TrainingState, of task: TrainingTask) {
    self.init(
      start: task.root(of: start), end: task.root(of: end),
      delta: Self.delta(from: start.parameters, to: end.parameters))
  }

  /// The digest of the parameters' difference, each an IEEE 754 subtraction.
  static func delta(from start: ParameterBuffer, to end: ParameterBuffer) -> Digest {
    ParameterBuffer(zip(end.values, start.values).map { $0 - $1 }).digest
  }
}

extension TrainingTask {
  /// Trains one segment from the state before it and says its three roots. The caller has checked
  /// `start` against the committed root and the data set with `checkInputs`.
  public func segmentRoots(
    of segment: Int, from start: TrainingState, dataset: Dataset
  ) throws(WorkError) -> SegmentRoots {
    let run = makeRun(from: start, dataset: dataset)
    try advance(run, through: segment)
    return SegmentRoots(from: start, to: run.state, of: self)
  }

  /// Trains from the base model through one segment and says its three roots: needs nobody's word
  /// for the state before it.
  public func segmentRoots(
    of segment: Int, replaying dataset: Dataset, base: ParameterBuffer
  ) throws(WorkError) -> SegmentRoots {
    try checkInputs(dataset: dataset, base: base)
    let run = makeRun(from: startState(base: base), dataset: dataset)
    for before in 0..<segment { try advance(run, through: before) }
    let start = run.state
    try advance(run, through: segment)
    return SegmentRoots(from: start, to: run.state, of: self)
  }

  /// The roots of all segments of a worker's own result.
  public func segmentRoots(
    of result: WorkResult, dataset: Dataset
  ) throws(WorkError) -> [SegmentRoots] {
    var roots: [SegmentRoots] = []
    var before = Replay.startRoot(of: self)
    var start = try result.evidence.startState(of: 0, dataset: dataset)
    for (segment, after) in result.record.segmentRoots.enumerated() {
      guard let from = start else { break }
      let next = try result.evidence.startState(of: segment + 1, dataset: dataset)
      let end = next?.parameters ?? result.update
      roots.append(
        SegmentRoots(
          start: before, end: after, delta: SegmentRoots.delta(from: from.parameters, to: end)))
      before = after
      start = next
    }
    return roots
  }
}
