public import Cryptography
public import NeuralNetworks

/// What a replay found.
public enum ReplayVerdict: Hashable, Sendable {
  /// Every replayed segment has the claimed bits.
  case accepted(replayedSegments: Int)
  case rejected(WorkFault)
}

/// The first thing that was false.
public struct WorkFault: Hashable, Sendable {
  /// The segment, nil if the record or the update as a whole is wrong.
  public let segment: Int?
  /// What the replay gives.
  public let expected: Digest
  /// What the worker said.
  public let claimed: Digest
  /// What was compared.
  public let reason: Reason

  /// The comparison that failed.
  public enum Reason: String, Hashable, Sendable {
    /// The record names another task.
    case otherTask
    /// The record has another number of segments than the task.
    case segmentCount
    /// The update is not the committed one.
    case otherUpdate
    /// The update with the committed optimizer state does not open the last segment root.
    case finalState
    /// The served start state has another root than the committed one.
    case startState
    /// The worker did not serve the start state in time.
    case stateWithheld
    /// The replayed segment ends in another state.
    case segmentRoot
    /// The honest computation does not stay finite, so no result can be right.
    case notFinite
  }

  /// Collects the parts.
  public init(segment: Int?, expected: Digest, claimed: Digest, reason: Reason) {
    self.segment = segment
    self.expected = expected
    self.claimed = claimed
    self.reason = reason
  }
}

/// The validator's side: recomputes segments and compares bits, with no tolerance.
public enum Replay {
  /// Checks what needs no training: task, number of segments, and that the update opens the last
  /// segment root. Nil if all is well.
  public static func checkRecord(
    _ record: WorkRecord, update: ParameterBuffer, task: TrainingTask
  ) -> WorkFault? {
    let name = task.digest
    guard record.task == name else {
      return WorkFault(segment: nil, expected: name, claimed: record.task, reason: .otherTask)
    }
    guard record.segmentRoots.count == task.segments, let last = record.segmentRoots.last else {
      return WorkFault(
        segment: nil, expected: name, claimed: record.workRoot, reason: .segmentCount)
    }
    let digest = update.digest
    guard record.finalParameters == digest else {
      return WorkFault(
        segment: nil, expected: record.finalParameters, claimed: digest, reason: .otherUpdate)
    }
    let opened = StateRoot.root(
      parameters: digest, optimizer: record.finalOptimizer,
      progress: task.schedule.progress(after: task.schedule.steps, order: task.order))
    guard opened == last else {
      return WorkFault(
        segment: task.segments - 1, expected: opened, claimed: last, reason: .finalState)
    }
    return nil
  }

  /// Replays one segment from a served start state, whose root is checked first. `dataset` has
  /// been checked with `TrainingTask.checkInputs`.
  public static func checkSegment(
    _ segment: Int, from start: TrainingState?, record: WorkRecord, task: TrainingTask,
    dataset: Dataset
  ) -> WorkFault? {
    precondition((0..<task.segments).contains(segment))
    precondition(record.segmentRoots.count == task.segments)
    let claimed = record.segmentRoots[segment]
    guard let start else {
      return WorkFault(
        segment: segment, expected: claimed, claimed: .zero, reason: .stateWithheld)
    }
    if let fault = checkStart(start, of: segment, record: record, task: task) { return fault }
    let run = task.makeRun(from: start, dataset: dataset)
    return replay(run, segment: segment, claimed: claimed, task: task)
  }

  /// Replays all segments in turn from the base model: audit 1.0 needs nothing from the worker.
  public static func checkAll(
    record: WorkRecord, update: ParameterBuffer, task: TrainingTask, dataset: Dataset,
    base: ParameterBuffer
  ) throws(WorkError) -> ReplayVerdict {
    try check(
      record: record, update: update, task: task, dataset: dataset, base: base,
      segments: Array(0..<task.segments)
    ) { _ in nil }
  }

  /// The segments among `segments` whose start states a worker has to serve: all but the first of
  /// the task and those that follow a replayed one.
  public static func statesNeeded(for segments: [Int]) -> [Int] {
    let replayed = Set(segments)
    return segments.filter { $0 != 0 && !replayed.contains($0 - 1) }
  }

  /// Replays `segments` (ascending). A segment that follows a replayed one, or the first of the
  /// task, continues from bits already known; the others ask `startState`.
  public static func check(
    record: WorkRecord, update: ParameterBuffer, task: TrainingTask, dataset: Dataset,
    base: ParameterBuffer, segments: [Int], startState: (Int) -> TrainingState?
  ) throws(WorkError) -> ReplayVerdict {
    precondition(segments.allSatisfy { (0..<task.segments).contains($0) })
    try task.checkInputs(dataset: dataset, base: base)
    if let fault = checkRecord(record, update: update, task: task) { return .rejected(fault) }
    var run = task.makeRun(
      from: task.startState(base: base), dataset: dataset)
    for segment in segments {
      let claimed = record.segmentRoots[segment]
      if run.step != task.steps(of: segment).lowerBound {
        guard let start = startState(segment) else {
          return .rejected(
            WorkFault(
              segment: segment, expected: claimed, claimed: .zero, reason: .stateWithheld))
        }
        if let fault = checkStart(start, of: segment, record: record, task: task) {
          return .rejected(fault)
        }
        run = task.makeRun(from: start, dataset: dataset)
      }
      if let fault = replay(run, segment: segment, claimed: claimed, task: task) {
        return .rejected(fault)
      }
    }
    return .accepted(replayedSegments: segments.count)
  }

  private static func checkStart(
    _ start: TrainingState, of segment: Int, record: WorkRecord, task: TrainingTask
  ) -> WorkFault? {
    let committed =
      segment == 0 ? startRoot(of: task) : record.segmentRoots[segment - 1]
    guard hasShape(start, of: task), start.step == task.steps(of: segment).lowerBound else {
      return WorkFault(
        segment: segment, expected: committed, claimed: .zero, reason: .startState)
    }
    let root = task.root(of: start)
    guard root == committed else {
      return WorkFault(segment: segment, expected: committed, claimed: root, reason: .startState)
    }
    return nil
  }

  private static func hasShape(_ state: TrainingState, of task: TrainingTask) -> Bool {
    state.fits(task.architecture, settings: task.settings)
  }

  /// The root before the first step: the base model, optimizer state 0, counters at 0.
  static func startRoot(of task: TrainingTask) -> Digest {
    let count = task.settings.optimizer.slots * task.architecture.trainableCount
    return StateRoot.root(
      parameters: task.base,
      optimizer: StateRoot.optimizerDigest([Float](repeating: 0, count: count)),
      progress: task.schedule.progress(after: 0, order: task.order))
  }

  private static func replay(
    _ run: TrainingRun, segment: Int, claimed: Digest, task: TrainingTask
  ) -> WorkFault? {
    do {
      try task.advance(run, through: segment)
    } catch {
      return WorkFault(segment: segment, expected: .zero, claimed: claimed, reason: .notFinite)
    }
    let root = run.stateRoot()
    guard root == claimed else {
      return WorkFault(segment: segment, expected: root, claimed: claimed, reason: .segmentRoot)
    }
    return nil
  }
}
