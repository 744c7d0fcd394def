public import Cryptography
public import NeuralNetworks
public import Primitives

/// A party that computes its answers anew from the start states of its segments.
public struct TrainingParty: DisputeParty, Sendable {
  /// What was committed.
  public let record: WorkRecord
  private let task: TrainingTask
  private let dataset: Dataset
  private let states: @Sendable (Int) throws -> TrainingState?

  /// A party for `task`; `startState` gives the state before a segment.
  public init(
    record: WorkRecord, task: TrainingTask, dataset: Dataset,
    startState: @escaping @Sendable (_ segment: Int) throws -> TrainingState?
  ) {
    self.record = record
    self.task = task
    self.dataset = dataset
    states = startState
  }

  /// The root of the base model with fresh counters.
  public var startRoot: Digest { Replay.startRoot(of: task) }

  /// Replays the segment and notes the root after each step.
  public func stepRoots(of segment: Int) throws -> [Digest] {
    guard let run = try run(segment) else { return [] }
    var roots: [Digest] = []
    for _ in task.steps(of: segment) {
      try run.run(steps: 1)
      roots.append(run.stateRoot())
    }
    return roots
  }

  /// The trace of the step (docs/specs/mk1.md §17).
  public func operatorDigests(of step: Int) throws -> [Digest] {
    try operatorDigests(of: step, isLastOperatorFaulty: false)
  }

  /// The same, as a liar has it whose last operator before the state root gives a wrong bit.
  func operatorDigests(of step: Int, isLastOperatorFaulty: Bool) throws -> [Digest] {
    guard let run = try run(before: step) else { return [] }
    let fault = isLastOperatorFaulty ? run.operationCount(ofStep: step) - 2 : nil
    return try run.traceStep(faultIn: fault).entries.map(\.digest)
  }

  /// The earlier results and the state that the operation reads.
  public func inputs(of operatorIndex: Int, in step: Int) throws -> Bytes {
    guard let run = try run(before: step),
      (0..<run.operationCount(ofStep: step)).contains(operatorIndex)
    else { return [] }
    return try run.evidence(of: operatorIndex).encoded()
  }

  private func run(_ segment: Int) throws -> TrainingRun? {
    guard (0..<task.segments).contains(segment), let state = try states(segment) else {
      return nil
    }
    return task.makeRun(from: state, dataset: dataset)
  }

  private func run(before step: Int) throws -> TrainingRun? {
    guard (0..<task.schedule.steps).contains(step) else { return nil }
    let segment = step / task.segmentSteps
    guard let run = try run(segment) else { return nil }
    try run.run(steps: step - task.steps(of: segment).lowerBound)
    return run
  }
}

/// The referee of a training task: computes one operation from evidence alone.
public struct TrainingReferee: OperatorReferee, Sendable {
  private let task: TrainingTask
  private let dataset: Dataset

  /// A referee that has the task and its data set, which `TrainingTask.checkInputs` has checked.
  public init(task: TrainingTask, dataset: Dataset) {
    self.task = task
    self.dataset = dataset
  }

  /// Computes the operation; evidence that leads to no result has the digest zero.
  public func recompute(_ operation: OperatorCase) -> OperatorFinding {
    guard let evidence = try? OperationEvidence(decoding: operation.inputs) else {
      return .inputsUnproven
    }
    do {
      let digest = try run(at: operation.step).recompute(
        operation.operatorIndex, from: evidence, digests: operation.digests,
        startRoot: operation.startRoot)
      return digest.map { .digest($0) } ?? .inputsUnproven
    } catch {
      return .digest(.zero)
    }
  }

  /// `layer/operation` of each operation of a step, the state root last; for people.
  public func operatorNames(of step: Int) -> [String] {
    run(at: step).operationNames(ofStep: step)
  }

  /// The terms of a dispute over two records of the task.
  public func terms(
    workRoots: DisputeSides<Digest>, segment: Int? = nil,
    answerTimeout: Duration = DisputeTerms.answerTimeoutDefault
  ) throws(DisputeError) -> DisputeTerms {
    let stepsPerEpoch = task.schedule.stepsPerEpoch
    let run = run(at: 0)
    // The last batch of an epoch may be smaller and then has a program of its own.
    let full = run.operationCount(ofStep: 0)
    let last = run.operationCount(ofStep: stepsPerEpoch - 1)
    return try DisputeTerms(
      startRoot: Replay.startRoot(of: task), steps: task.schedule.steps,
      segmentSteps: task.segmentSteps, workRoots: workRoots, segment: segment,
      answerTimeout: answerTimeout,
      operatorCount: { ($0 + 1).isMultiple(of: stepsPerEpoch) ? last : full })
  }

  /// A run at a step with numbers that evidence replaces.
  private func run(at step: Int) -> TrainingRun {
    var state = task.startState(
      base: ParameterBuffer([Float](repeating: 0, count: task.architecture.parameterCount)))
    state.step = step
    return task.makeRun(from: state, dataset: dataset)
  }
}
