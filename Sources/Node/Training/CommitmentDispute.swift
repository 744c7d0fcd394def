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
    let program = local.makeRun(from: local.start)
    let perEpoch = task.schedule.stepsPerEpoch
    let (full, last) = (
      program.operationCount(ofStep: 0), program.operationCount(ofStep: perEpoch - 1)
    )
    let outcome = try DisputeTerms(
      startRoot: task.root(of: local.start), steps: task.schedule.steps,
      segmentSteps: task.segmentSteps,
      workRoots: DisputeSides(first: one.workRoot, second: other.workRoot),
      segment: segment, operatorCount: { $0 % perEpoch == perEpoch - 1 ? last : full }
    ).settle(
      party(directories.first, commitments.first), party(directories.second, commitments.second),
      referee: LocalReferee(local: local))
    return finding(of: outcome, segment: segment, program)
  }

  private func party(
    _ directory: CommitmentDirectory, _ commitment: LocalCommitment
  ) -> CommittedParty {
    var local = local
    (local.lie, local.lieOperation) = (directory.lie?.step, directory.lie?.operation)
    return CommittedParty(directory: directory, commitment: commitment, local: local)
  }

  private func finding(
    of outcome: DisputeOutcome, segment: Int, _ program: TrainingRun
  ) -> DisputeFinding {
    // Who gives no answer that leads to its root has that root alone to stand for it.
    let step =
      outcome.step ?? local.task.steps(of: outcome.segment ?? segment).upperBound - 1
    let names = program.operationNames(ofStep: step)
    let reasons = outcome.wrong.compactMap { outcome.faults[$0]?.sentence }
    return DisputeFinding(
      step: step, operation: names[outcome.operatorIndex ?? names.count - 1],
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
