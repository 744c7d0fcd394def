internal import Cryptography
public import Ledger
public import NeuralNetworks

extension SegmentRoots {
  /// The roots of a segment between two states of a task.
  public init(from start: TrainingState, to end: TrainingState, of task: TrainingTask) {
    let delta = zip(end.parameters.values, start.parameters.values).map { $0 - $1 }
    self.init(
      start: task.root(of: start), end: task.root(of: end),
      delta: ParameterBuffer(delta).digest)
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
}
