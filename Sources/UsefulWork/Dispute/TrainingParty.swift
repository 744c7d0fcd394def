public import Cryptography
public import NeuralNetworks
public import Primitives

/// A party that computes its answers anew with `TrainingRun`, in programs of one operator: the
/// whole step. An engine that traces its operators offers the same with a longer program.
public struct TrainingParty: DisputeParty {
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

  /// One operator: the step itself, whose digest is the state root after it.
  public func operatorDigests(of step: Int) throws -> [Digest] {
    guard let run = try run(before: step) else { return [] }
    try run.run(steps: 1)
    return [run.stateRoot()]
  }

  /// The state before the step.
  public func inputs(of operatorIndex: Int, in step: Int) throws -> Bytes {
    guard operatorIndex == 0, let run = try run(before: step) else { return [] }
    return run.state.encoded()
  }

  private func run(_ segment: Int) throws -> TrainingRun? {
    guard (0..<task.segments).contains(segment), let state = try states(segment) else {
      return nil
    }
    return task.makeRun(from: state, dataset: dataset)
  }

  private func run(before step: Int) throws -> TrainingRun? {
    let segment = step / task.segmentSteps
    guard let run = try run(segment) else { return nil }
    try run.run(steps: step - task.steps(of: segment).lowerBound)
    return run
  }
}

/// The referee of programs of one operator: replays one step from a proven state.
public struct StepReferee: OperatorReferee {
  private let task: TrainingTask
  private let dataset: Dataset

  /// A referee that has the task and its data set, which `TrainingTask.checkInputs` has checked.
  public init(task: TrainingTask, dataset: Dataset) {
    self.task = task
    self.dataset = dataset
  }

  /// Replays the step; a state that leads to no finite number has the digest zero.
  public func recompute(_ operation: OperatorCase) -> OperatorFinding {
    guard
      let state = try? TrainingState(decoding: operation.inputs, for: task),
      state.step == operation.step, task.root(of: state) == operation.startRoot
    else { return .inputsUnproven }
    let run = task.makeRun(from: state, dataset: dataset)
    guard (try? run.run(steps: 1)) != nil else { return .digest(.zero) }
    return .digest(run.stateRoot())
  }
}

extension DisputeTerms {
  /// The terms of a dispute over two records of one training task.
  public init(
    task: TrainingTask, workRoots: DisputeSides<Digest>, segment: Int? = nil,
    answerTimeout: Duration = Self.answerTimeoutDefault,
    operatorCount: @escaping @Sendable (_ step: Int) -> Int = { _ in 1 }
  ) throws(DisputeError) {
    try self.init(
      startRoot: Replay.startRoot(of: task), steps: task.schedule.steps,
      segmentSteps: task.segmentSteps,
      workRoots: workRoots, segment: segment, answerTimeout: answerTimeout,
      operatorCount: operatorCount)
  }
}
