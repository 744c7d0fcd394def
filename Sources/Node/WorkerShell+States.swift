internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Networking
internal import Orchestration
internal import Peering
internal import Primitives
internal import UsefulWork

/// The states that a worker serves: named by CID first, then fetched block by block.
extension WorkerShell {
  /// The CID of the start state that is asked for; its bytes are made again when they are fetched.
  func nameStartState(_ request: StartStateRequest) async throws -> CID {
    guard request.work.assignment.worker == peer else { throw RPCError.workNotKept }
    let work = kept[request.work] ?? KeptWork(doneBefore: request)
    let task = try work.task(of: await materials.specification(work.specification))
    guard (0..<task.segments).contains(request.segment) else {
      throw RPCError(code: "not_found", message: "there is no segment \(request.segment)")
    }
    // A worker that was restarted does not know its work, but can do it again.
    if kept[request.work] == nil { kept.keep(work) }
    await stateMemory.take(task.stateBytesMax)
    defer { stateMemory.give(task.stateBytesMax) }
    let file = try await startState(of: request.segment, in: request.work)
    kept.name(
      file.cid,
      KeptWorks.NamedState(
        work: request.work, segment: request.segment, fileSize: file.fileSize))
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
    let file = try await startState(of: state.segment, in: state.work)
    for block in file.blocks { try await writer.send(block) }
  }

  /// Makes a state again: from the nearest one in memory, or from the round's base model.
  private func startState(of segment: Int, in name: EvidenceRequest) async throws -> FileBlocks {
    guard let work = kept[name] else { throw RPCError.workNotKept }
    let specification = try await materials.specification(work.specification)
    let task = try work.task(of: specification)
    let dataset = try await materials.dataset(specification.shards[name.assignment.client])
    let states: SegmentStates
    if let evidence = work.finished?.result.evidence {
      states = evidence
    } else {
      let base = try await materials.model(work.base, architecture: specification.architecture)
      states = task.recomputedStates(from: base)
    }
    return try await stateCompute.run {
      guard let state = try states.startState(of: segment, dataset: dataset) else {
        throw RPCError.workNotKept
      }
      return try FileBlocks(of: state.encoded())
    }
  }
}

extension RPCError {
  static let workNotKept = RPCError(
    code: "not_found", message: "the work is not kept here")
}
