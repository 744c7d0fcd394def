package import Cryptography
internal import NeuralNetworks
internal import UsefulWork

/// What the replay of a commitment found.
package struct CommitmentFinding: Hashable, Sendable {
  /// Segments replayed.
  package var checked = 0
  /// Those with other bits, and the model if it is not the committed one.
  package var mismatches = 0
  /// The first wrong segment; the last one for a wrong model, which is the state after it.
  package var firstMismatch: Int?
  /// What is wrong with the first wrong segment.
  package var sentence: String?

  mutating func note(segment: Int, _ sentence: String) {
    mismatches += 1
    if segment < firstMismatch ?? Int.max {
      firstMismatch = segment
      self.sentence = sentence
    }
  }
}

/// Replays a commitment from its data and compares bits.
package struct CommitmentCheck {
  private let commitment: LocalCommitment
  private let directory: CommitmentDirectory
  private let local: LocalTask

  /// Reads the commitment and its data; `dataPath` stands for the training file's recorded place.
  package init(directory: CommitmentDirectory, dataPath: String?, threads: Int) throws {
    self.directory = directory
    commitment = try directory.read()
    local = try LocalTask(
      task: commitment.task,
      data: TrainingData(
        commitment.data, movedTo: dataPath, for: commitment.task.architecture),
      threads: threads)
  }

  /// The number of segments.
  package var segments: Int { commitment.task.segments }

  /// `count` different segments, ascending, as `SamplePlan` draws them.
  package func drawn(_ count: Int, beacon: Digest) -> [Int] {
    SamplePlan(
      beacon: beacon, workRoot: commitment.record.workRoot, total: segments, count: count
    ).segments
  }

  /// Checks the record as a whole, the model, and the segments in `wanted` (ascending).
  package func run(
    segments wanted: [Int], progress: (_ done: Int) -> Void
  ) throws -> CommitmentFinding {
    var finding = CommitmentFinding()
    try checkModel(&finding)
    guard commitment.record.segmentRoots.count == segments else { return finding }
    var run = local.makeRun(from: local.start)
    for segment in wanted {
      guard (0..<segments).contains(segment) else {
        throw LocalTrainingError.noSuchSegment(segment, count: segments)
      }
      if run.step != commitment.task.steps(of: segment).lowerBound {
        run = runBefore(segment, from: run)
      }
      check(segment, run, &finding)
      finding.checked += 1
      progress(finding.checked)
    }
    return finding
  }

  /// A run that stands before a segment: continued, or from the nearest kept state.
  private func runBefore(_ segment: Int, from run: TrainingRun) -> TrainingRun {
    var next = run
    if let (start, state) = directory.nearestState(to: segment, of: commitment),
      commitment.task.steps(of: start).lowerBound > run.step
    {
      next = local.makeRun(from: state)
    }
    // A step that fails here fails again, with its name, in the segment's own check.
    try? next.run(steps: commitment.task.steps(of: segment).lowerBound - next.step)
    return next
  }

  private func check(_ segment: Int, _ run: TrainingRun, _ finding: inout CommitmentFinding) {
    let claimed = commitment.record.segmentRoots[segment]
    let steps = commitment.task.steps(of: segment)
    do {
      try run.run(steps: steps.upperBound - run.step)
    } catch {
      return finding.note(
        segment: segment, "segment \(segment): \(error)")
    }
    let root = run.stateRoot()
    guard root != claimed else { return }
    finding.note(
      segment: segment,
      "segment \(segment) (steps \(steps.lowerBound) to \(steps.upperBound - 1)) ends in "
        + "\(root), the commitment says \(claimed)")
  }

  private func checkModel(_ finding: inout CommitmentFinding) throws {
    let last = segments - 1
    guard let model = try directory.model(of: commitment.task) else {
      return finding.note(
        segment: last, "the model in \(directory.path) is not one of the committed shape")
    }
    guard let fault = Replay.checkRecord(commitment.record, update: model, task: commitment.task)
    else { return }
    finding.note(segment: fault.segment ?? last, sentence(of: fault))
  }

  private func sentence(of fault: WorkFault) -> String {
    switch fault.reason {
    case .otherTask: "the record is about another task"
    case .segmentCount: "the record has another number of segments than the task"
    case .otherUpdate:
      "the weights in \(directory.path) are not the committed ones: their hash is "
        + "\(fault.claimed), the record says \(fault.expected)"
    case .finalState: "the committed weights do not belong to the last segment's root"
    case .startState, .stateWithheld, .segmentRoot, .notFinite: fault.reason.rawValue
    }
  }
}
