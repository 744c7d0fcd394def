internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import Orchestration
internal import Peering
internal import Primitives

/// What nodes fetch: data, models, evidence, and start states that a worker still keeps.
extension CoordinatorServer {
  func serveContent(_ body: Bytes, to role: NodeRole) async throws -> RPCAnswer {
    guard case .link(let bytes) = try CanonicalValue(decoding: body),
      let cid = try? CID(decoding: bytes)
    else { throw RPCError(code: "malformed", message: "expected a CID") }
    let isSealed = sessions.values.contains { $0.specification.testSet.cid == cid }
    guard !isSealed || role == .evaluator else {
      throw RPCError(code: "sealed", message: "the test set is for evaluators only")
    }
    let content = content
    var first = UnixFSWalk(root: cid)
    guard let head = try await content.next(of: &first) else { return .streamed([]) { _ in } }
    return .streamed([]) { [first] writer in
      var walk = first
      try await writer.send(head)
      while let chunk = try await content.next(of: &walk) { try await writer.send(chunk) }
    }
  }

  func model(_ body: Bytes) async throws -> Bytes {
    let digest = try Digest(decoding: body)
    if let known = recentModels.last(where: { $0.digest == digest }) { return known.bytes }
    guard let cid = sessions.values.lazy.compactMap({ $0.models[digest] }).first else {
      throw RPCError(code: "not_found", message: "no session has this model")
    }
    let bytes = try await content.read(cid, max: Limits.contentBytesMax)
    remember(bytes, as: digest)
    return bytes
  }

  /// Keeps a model that nodes are about to ask for.
  func remember(_ bytes: Bytes, as digest: Digest) {
    recentModels.append((digest, bytes))
    if recentModels.count > Limits.recentModelsMax { recentModels.removeFirst() }
  }

  func evidence(_ request: EvidenceRequest) async throws -> Bytes {
    guard let id = session(of: JobID(digest: request.job)), let session = sessions[id],
      let stored = session.submissions[request.assignment]
    else { throw RPCError(code: "not_found", message: "there is no such submission") }
    return EvidenceReply(
      parameters: try await content.read(stored.parameters, max: Limits.contentBytesMax),
      record: try await content.read(stored.record, max: Limits.contentBytesMax),
      specification: session.creation.reference
    ).encoded()
  }

  func startState(_ request: EvidenceRequest) async throws -> Bytes {
    guard let worker = nodes[request.assignment.worker] else {
      throw RPCError(code: "not_connected", message: "the worker is not connected")
    }
    return try await worker.connection.request(
      method: RPCMethod.startState, body: request.encoded())
  }
}

extension RPCAnswer {
  /// Bytes as a streamed body, in chunks that fit.
  func streaming(_ bytes: Bytes) -> RPCAnswer {
    .streamed([]) { writer in
      var rest = bytes[...]
      while !rest.isEmpty {
        try await writer.send(Bytes(rest.prefix(RPCLimits.chunkBytesMax)))
        rest = rest.dropFirst(RPCLimits.chunkBytesMax)
      }
    }
  }
}
