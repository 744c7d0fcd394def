internal import FederatedLearning
internal import Networking
package import NeuralNetworks
package import Orchestration
internal import Primitives
package import UsefulWork

/// What a validator does with the work it is to judge. Honest validators replay; tests put
/// faults here.
package struct ValidatorConduct: Sendable {
  /// Judges one commitment.
  package typealias Judging =
    @Sendable (
      ReplayOrder, SessionSpecification, Dataset, ParameterBuffer, WorkEvidence,
      [Int: TrainingState]
    ) throws -> Judgement

  /// Trains disputed work itself.
  package typealias Standing =
    @Sendable (TrainingTask, Dataset, ParameterBuffer) throws -> (WorkRecord, DisputeAnswering)

  /// How it judges.
  package var judge: Judging = { order, specification, dataset, base, evidence, states in
    try order.judge(
      specification: specification, dataset: dataset, base: base, evidence: evidence,
      startState: { states[$0] })
  }

  /// What it stands by in a dispute.
  package var stand: Standing = { task, dataset, base in
    let result = try task.execute(dataset: dataset, base: base)
    return (result.record, WorkerStandings.honest(task, dataset, result))
  }

  /// An honest validator.
  package init() {}
}

extension ValidatorShell {
  /// Trains the disputed work and signs what came of it.
  func stand(_ work: DisputedWork) async throws -> Bytes {
    let (record, _) = try await train(work)
    return DisputeStand(signing: record, of: work, key: desk.identity).encoded()
  }

  /// Answers a question about this validator's own training of rejected work.
  func answer(_ call: DisputeCall) async throws -> RPCAnswer {
    if let known = desk.party(for: call.work) { return try await desk.answer(call, by: known) }
    let (_, answering) = try await train(call.work)
    return try await desk.answer(call, by: answering)
  }

  private func train(_ work: DisputedWork) async throws -> (WorkRecord, DisputeAnswering) {
    let specification = try await materials.specification(work.specification)
    let assignment = work.assignment
    let task = try specification.task(
      round: assignment.round, client: assignment.client, base: work.base)
    let dataset = try await materials.dataset(specification.shards[assignment.client])
    let base = try await materials.model(work.base, architecture: specification.architecture)
    let stand = conduct.stand
    let (record, answering) = try await desk.compute.run { try stand(task, dataset, base) }
    desk.keep(answering, for: work)
    return (record, answering)
  }
}
