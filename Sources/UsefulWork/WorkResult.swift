internal import Cryptography
public import NeuralNetworks
public import Primitives

/// What a worker has after a task: the update, the record and the evidence for replay.
public struct WorkResult: Sendable {
  /// The trained parameters.
  public let update: ParameterBuffer
  /// What is committed.
  public let record: WorkRecord
  /// Start states of segments, kept until the session settles.
  public let evidence: SegmentStates
  /// Said where the losses grew as only a learning rate does that is too large. The work is valid.
  public let divergence: DivergenceWatch.Finding?

  /// Collects the parts.
  public init(
    update: ParameterBuffer, record: WorkRecord, evidence: SegmentStates,
    divergence: DivergenceWatch.Finding? = nil
  ) {
    self.divergence = divergence
    self.update = update
    self.record = record
    self.evidence = evidence
  }
}

extension TrainingTask {
  /// Does the task. `evidenceMax` bounds the memory for start states.
  public func execute(
    dataset: Dataset, base: ParameterBuffer, evidenceMax: ByteCount = SegmentStates.defaultMax
  ) throws(WorkError) -> WorkResult {
    try checkInputs(dataset: dataset, base: base)
    var trace = WorkTrace(task: self, base: base, evidenceMax: evidenceMax)
    let run = makeRun(from: startState(base: base), dataset: dataset)
    for segment in 0..<segments {
      try advance(run, through: segment)
      trace.append(run.state, root: run.stateRoot())
    }
    return trace.result(
      update: run.state.parameters, divergence: run.divergence.finding)
  }

  /// The state before the first step.
  public func startState(base: ParameterBuffer) -> TrainingState {
    TrainingState(base: base, architecture: architecture, settings: settings)
  }

  /// A run that continues from `state`.
  func makeRun(from state: TrainingState, dataset: Dataset) -> TrainingRun {
    TrainingRun(
      architecture: architecture, state: state, source: dataset, settings: settings, order: order)
  }

  /// Does the steps of one segment.
  func advance(_ run: TrainingRun, through segment: Int) throws(WorkError) {
    do {
      try run.run(steps: steps(of: segment).count)
    } catch {
      throw .training(error)
    }
  }
}

/// Collects roots and states while a task runs.
struct WorkTrace {
  private let task: TrainingTask
  private var roots: [Digest] = []
  private var last: TrainingState
  private(set) var evidence: SegmentStates

  init(task: TrainingTask, base: ParameterBuffer, evidenceMax: ByteCount) {
    self.task = task
    last = task.startState(base: base)
    evidence = SegmentStates(task: task, base: last, max: evidenceMax)
  }

  /// Notes the state after the next segment.
  mutating func append(_ state: TrainingState, root: Digest) {
    roots.append(root)
    evidence.note(state, beforeSegment: roots.count)
    last = state
  }

  /// The record of the noted states with `update` as the result.
  func result(
    update: ParameterBuffer, divergence: DivergenceWatch.Finding? = nil
  ) -> WorkResult {
    WorkResult(
      update: update,
      record: WorkRecord(
        task: task.digest, segmentRoots: roots, finalParameters: last.parameters.digest,
        finalOptimizer: StateRoot.optimizerDigest(last.optimizer)),
      evidence: evidence, divergence: divergence)
  }
}
