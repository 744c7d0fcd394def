internal import FederatedLearning
internal import Networking
package import NeuralNetworks
internal import Orchestration
internal import Peering
package import UsefulWork

/// Who answers for a worker's result; an honest one computes its steps anew.
package typealias WorkerStanding =
  @Sendable (TrainingTask, Dataset, WorkResult) -> DisputeAnswering

/// How a worker stands by its work when a validator rejected it.
package enum WorkerStandings {
  /// Computes what the task says.
  package static let honest: WorkerStanding = { task, dataset, result in
    TrainingParty(record: result.record, task: task, dataset: dataset) {
      try result.evidence.startState(of: $0, dataset: dataset)
    }.answering(segmentSteps: task.segmentSteps)
  }

  /// Stands by a lie.
  package static func lying(_ lie: Lie) -> WorkerStanding {
    { task, dataset, result in
      LyingParty(lie: lie, task: task, dataset: dataset, result: result)
        .answering(segmentSteps: task.segmentSteps)
    }
  }
}

extension WorkerShell {
  /// Answers a question about work that this worker has handed in.
  func answer(_ call: DisputeCall) async throws -> RPCAnswer {
    let work = call.work
    if let known = desk.party(for: work) { return try await desk.answer(call, by: known) }
    let name = EvidenceRequest(job: work.job, assignment: work.assignment)
    guard let kept = kept[name] else { throw RPCError.workNotKept }
    // Where memory no longer holds the result, it is done again.
    let finished: FinishedWork
    if let held = kept.finished {
      finished = held
    } else {
      finished = try await carryOut(kept, on: desk.compute)
    }
    let answering = standing(finished.task, finished.dataset, finished.result)
    desk.keep(answering, for: work)
    return try await desk.answer(call, by: answering)
  }
}
