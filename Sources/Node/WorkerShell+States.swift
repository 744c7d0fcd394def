internal import ContentStore
internal import FederatedLearning
internal import Networking
internal import Orchestration
internal import Peering
internal import Primitives
internal import UsefulWork

/// The states that a worker serves: named by CID first, then fetched block by block.
extension WorkerShell {
  /// The CID of the start state that is asked for; its bytes are made again when they are fetched.
  func nameStartState(_ request: EvidenceRequest) async throws -> CID {
    let task = try await task(of: request)
    await stateMemory.take(task.stateBytesMax)
    defer { stateMemory.give(task.stateBytesMax) }
    let file = try await startState(request)
    kept.name(file.cid, KeptWorks.NamedState(place: request, fileSize: file.fileSize))
    return file.cid
  }

  /// Serves named content, in the order in which a reader of the root wants its blocks.
  func serve(_ link: ContentLink) throws -> RPCAnswer {
    guard let state = kept.state(named: link.cid) else {
      throw RPCError(code: "not_found", message: "\(link.cid) is not kept here")
    }
    return .streamed([]) { try await self.send(state, to: $0) }
  }

  private func send(_ state: KeptWorks.NamedState, to writer: RPCBodyWriter) async throws {
    await stateMemory.take(state.fileSize)
    defer { stateMemory.give(state.fileSize) }
    for block in try await startState(state.place).blocks { try await writer.send(block) }
  }

  private func task(of request: EvidenceRequest) async throws -> TrainingTask {
    guard let order = kept.work(of: request)?.order else { throw RPCError.workNotKept }
    let specification = try await materials.specification(order.specification)
    return try specification.task(
      round: order.assignment.round, client: order.assignment.client, base: order.base.digest)
  }

  /// Makes a state again: from the nearest one in memory, or from the round's base model.
  private func startState(_ request: EvidenceRequest) async throws -> FileBlocks {
    guard let work = kept.work(of: request), let segment = request.segment else {
      throw RPCError.workNotKept
    }
    let task = try await task(of: request)
    let specification = try await materials.specification(work.order.specification)
    let dataset = try await materials.dataset(
      specification.shards[work.order.assignment.client])
    let states: SegmentStates
    if let evidence = work.finished?.result.evidence {
      states = evidence
    } else {
      let base = try await materials.model(
        work.order.base.digest, architecture: specification.architecture)
      states = task.recomputedStates(from: base)
    }
    return try await stateCompute.run {
      guard let state = try states.startState(of: segment, dataset: dataset) else {
        throw RPCError(code: "not_found", message: "there is no segment \(segment)")
      }
      return try FileBlocks(of: state.encoded())
    }
  }
}

extension RPCError {
  static let workNotKept = RPCError(
    code: "not_found", message: "the work is not kept here")
}
