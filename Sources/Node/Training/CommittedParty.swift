internal import Cryptography
internal import NeuralNetworks
internal import Primitives
internal import UsefulWork

/// A side of a dispute: it computes its steps anew, and stands by the roots it committed to.
struct CommittedParty: DisputeParty {
  let directory: CommitmentDirectory
  let commitment: LocalCommitment
  let local: LocalTask

  var record: WorkRecord { commitment.record }
  var startRoot: Digest { local.task.root(of: local.start) }

  func stepRoots(of segment: Int) throws -> [Digest] {
    guard (0..<local.task.segments).contains(segment) else { return [] }
    let steps = local.task.steps(of: segment)
    let run = try run(before: steps.lowerBound)
    var roots: [Digest] = []
    for step in steps {
      try local.advance(run, to: step + 1)
      roots.append(run.stateRoot())
    }
    // What was committed is what it says, whatever it computes now.
    roots[roots.count - 1] = record.segmentRoots[segment]
    return roots
  }

  func operatorDigests(of step: Int) throws -> [Digest] {
    let segment = step / local.task.segmentSteps
    var digests = try local.traceStep(run(before: step)).entries.map(\.digest)
    if step == local.task.steps(of: segment).upperBound - 1 {
      digests[digests.count - 1] = record.segmentRoots[segment]
    }
    return digests
  }

  func inputs(of operatorIndex: Int, in step: Int) throws -> Bytes {
    try run(before: step).evidence(of: operatorIndex).encoded()
  }

  private func run(before step: Int) throws -> TrainingRun {
    let segment = step / local.task.segmentSteps
    let nearest = directory.nearestState(to: segment, of: commitment)
    let run = local.makeRun(from: nearest?.1 ?? local.start)
    try local.advance(run, to: step)
    return run
  }
}

/// Recomputes one operator from what it reads.
struct LocalReferee: OperatorReferee {
  let local: LocalTask

  func recompute(_ operation: OperatorCase) -> OperatorFinding {
    guard let evidence = try? OperationEvidence(decoding: operation.inputs) else {
      return .inputsUnproven
    }
    var state = local.start
    state.step = operation.step
    do {
      let digest = try local.makeRun(from: state).recompute(
        operation.operatorIndex, from: evidence, digests: operation.digests,
        startRoot: operation.startRoot)
      return digest.map { .digest($0) } ?? .inputsUnproven
    } catch {
      // The honest computation does not get through: nobody's digest is right.
      return .digest(.zero)
    }
  }
}
