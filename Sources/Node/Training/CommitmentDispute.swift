internal import Cryptography
internal import NeuralNetworks
internal import Primitives
internal import UsefulWork

/// How a dispute between two commitments ended.
package struct DisputeFinding: Hashable, Sendable {
  /// The step of the first difference, from 0.
  package let step: Int
  /// The operator of that step whose result differs first.
  package let operation: String
  /// Rounds of questions.
  package let rounds: Int
  /// 1 or 2: the wrong commitment; both if both are.
  package let wrong: [Int]
  /// What the wrong side did.
  package let reason: String
}

/// Two commitments to one task that do not agree: bisected to one operator, which is recomputed.
package struct CommitmentDispute {
  private let directories: DisputeSides<CommitmentDirectory>
  private let commitments: DisputeSides<LocalCommitment>
  private let local: LocalTask

  /// Reads both commitments and the data, which both have named by the same digest.
  package init(
    _ first: CommitmentDirectory, _ second: CommitmentDirectory, dataPath: String?, threads: Int
  ) throws {
    let (one, other) = (try first.read(), try second.read())
    guard one.task == other.task else { throw LocalTrainingError.differentTasks }
    guard one.record.workRoot != other.record.workRoot else {
      throw LocalTrainingError.nothingDisputed
    }
    directories = DisputeSides(first: first, second: second)
    commitments = DisputeSides(first: one, second: other)
    local = try LocalTask(
      task: one.task,
      data: TrainingData(one.data, movedTo: dataPath, for: one.task.architecture),
      threads: threads)
  }

  /// Lets both sides answer the referee's questions.
  package func settle() throws -> DisputeFinding {
    let task = local.task
    let (one, other) = (commitments.first.record, commitments.second.record)
    for (side, record) in [(1, one), (2, other)]
    where record.task != task.digest || record.segmentRoots.count != task.segments {
      return finding(wrong: [side], reason: "its record is not one of the task")
    }
    guard
      let segment = zip(one.segmentRoots, other.segmentRoots).enumerated()
        .first(where: { $0.element.0 != $0.element.1 })?.offset
    else { return try settleEnds() }
    let outcome = try DisputeTerms(
      task: task, workRoots: DisputeSides(first: one.workRoot, second: other.workRoot),
      segment: segment
    ).settle(
      party(directories.first, commitments.first), party(directories.second, commitments.second),
      referee: LocalReferee(local: local))
    return finding(of: outcome, segment: segment)
  }

  private func party(
    _ directory: CommitmentDirectory, _ commitment: LocalCommitment
  ) -> CommittedParty {
    CommittedParty(directory: directory, commitment: commitment, local: local)
  }

  private func finding(of outcome: DisputeOutcome, segment: Int) -> DisputeFinding {
    let steps = local.task.steps(of: outcome.segment ?? segment)
    let reasons = outcome.wrong.compactMap { outcome.faults[$0]?.sentence }
    return DisputeFinding(
      step: outcome.step ?? steps.upperBound - 1, operation: CommittedParty.operation,
      rounds: outcome.rounds, wrong: outcome.wrong.map(\.rawValue),
      reason: reasons.first ?? "nothing differs")
  }

  /// All segments agree: the records differ in what they say about the end.
  private func settleEnds() throws -> DisputeFinding {
    var wrong: [Int] = []
    for side in DisputeSide.allCases {
      let record = commitments[side].record
      let opened = StateRoot.root(
        parameters: record.finalParameters, optimizer: record.finalOptimizer,
        progress: local.task.schedule.progress(
          after: local.task.schedule.steps, order: local.task.order))
      if opened != record.segmentRoots.last { wrong.append(side.rawValue) }
    }
    return finding(wrong: wrong, reason: "its final digests do not open its last segment root")
  }

  private func finding(wrong: [Int], reason: String) -> DisputeFinding {
    DisputeFinding(
      step: local.task.schedule.steps - 1, operation: "record", rounds: 0, wrong: wrong,
      reason: reason)
  }
}

extension DisputeFault {
  /// What a party did, for people.
  fileprivate var sentence: String {
    switch self {
    case .silent: "it gave no answer"
    case .otherQuestion: "it answered another question"
    case .notCommitted: "an answer was not under the root it had committed to"
    case .otherEnd: "its steps do not lead to the root it had committed to"
    case .otherPrefix: "its operators do not lead to the result it had committed to"
    case .inputsUnproven: "its inputs are not those on which both agree"
    case .recomputedOtherwise: "the referee's computation gives another result"
    }
  }
}

/// A side of a dispute: it computes its steps anew, and stands by the roots it committed to.
private struct CommittedParty: DisputeParty {
  /// Until the engine tells more, a step's program has one operator.
  static let operation = "training step"
  let directory: CommitmentDirectory
  let commitment: LocalCommitment
  let local: LocalTask

  var record: WorkRecord { commitment.record }
  var startRoot: Digest { local.task.root(of: local.start) }

  func stepRoots(of segment: Int) throws -> [Digest] {
    guard (0..<local.task.segments).contains(segment) else { return [] }
    let run = try run(before: local.task.steps(of: segment).lowerBound)
    var roots: [Digest] = []
    for _ in local.task.steps(of: segment) {
      try run.run(steps: 1)
      roots.append(run.stateRoot())
    }
    // What was committed is what it says, whatever it computes now.
    roots[roots.count - 1] = record.segmentRoots[segment]
    return roots
  }

  func operatorDigests(of step: Int) throws -> [Digest] {
    let segment = step / local.task.segmentSteps
    let roots = try stepRoots(of: segment)
    let place = step - local.task.steps(of: segment).lowerBound
    return roots.indices.contains(place) ? [roots[place]] : []
  }

  func inputs(of operatorIndex: Int, in step: Int) throws -> Bytes {
    try run(before: step).state.encoded()
  }

  private func run(before step: Int) throws -> TrainingRun {
    let segment = step / local.task.segmentSteps
    let nearest = directory.nearestState(to: segment, of: commitment)
    let run = local.makeRun(from: nearest?.1 ?? local.start)
    try run.run(steps: step - run.step)
    return run
  }
}

/// Recomputes one step from a proven state.
private struct LocalReferee: OperatorReferee {
  let local: LocalTask

  func recompute(_ operation: OperatorCase) -> OperatorFinding {
    let task = local.task
    guard let state = try? TrainingState(decoding: operation.inputs, for: task),
      state.step == operation.step, task.root(of: state) == operation.startRoot
    else { return .inputsUnproven }
    let run = local.makeRun(from: state)
    guard (try? run.run(steps: 1)) != nil else { return .digest(.zero) }
    return .digest(run.stateRoot())
  }
}
