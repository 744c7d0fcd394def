internal import Consensus
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
    let cid = try ContentLink(decoding: body).cid
    let isSealed = sessions.values.contains { $0.specification.testSet.cid == cid }
    guard !isSealed || role == .evaluator else {
      throw RPCError(code: "sealed", message: "the test set is for evaluators only")
    }
    return try await streaming(cid)
  }

  /// A file of the store as the body of an answer; an absent one is refused, not broken off.
  private func streaming(_ cid: CID, behind head: Bytes = []) async throws -> RPCAnswer {
    var start = ContentPieces(of: cid, in: content)
    guard let first = try await start.next() else { return .streamed(head, body: []) }
    return .streamed(head) { [start] writer in
      var pieces = start
      try await writer.send(all: first)
      while let piece = try await pieces.next() { try await writer.send(all: piece) }
    }
  }

  func serveModel(_ body: Bytes) async throws -> RPCAnswer {
    let digest = try Digest(decoding: body)
    if let known = recentModels.last(where: { $0.digest == digest }) {
      return .streamed([], body: known.bytes)
    }
    guard let cid = sessions.values.lazy.compactMap({ $0.models[digest] }).first else {
      throw RPCError(code: "not_found", message: "no session has this model")
    }
    return try await streaming(cid)
  }

  /// Keeps a model that nodes are about to ask for.
  func remember(_ bytes: Bytes, as digest: Digest) {
    guard bytes.count <= Limits.recentModelBytesMax else { return }
    recentModels.append((digest, bytes))
    if recentModels.count > Limits.recentModelsMax { recentModels.removeFirst() }
  }

  /// Answers of a validator's calls that have a body; nil for other calls.
  func streamToValidator(_ call: RPCCall) async throws -> RPCAnswer? {
    let body = call.request.body
    switch call.request.method {
    case RPCMethod.evidence: return try await evidence(EvidenceRequest(decoding: body))
    case RPCMethod.keptContent: return try keptContent(KeptContentRequest(decoding: body))
    default: return nil
    }
  }

  private func evidence(_ request: EvidenceRequest) async throws -> RPCAnswer {
    guard let id = session(of: JobID(digest: request.job)), let session = sessions[id],
      let stored = session.submissions[request.assignment]
    else { throw RPCError(code: "not_found", message: "there is no such submission") }
    let head = EvidenceReply(
      record: try await content.read(stored.record, max: RPCLimits.messageBytesMax),
      specification: session.creation.reference)
    return try await streaming(stored.parameters, behind: head.encoded())
  }

  /// Asks a worker which content is the state before a segment, as long as the job is open.
  func startState(_ request: StartStateRequest) async throws -> Bytes {
    guard chain.state.jobs[JobID(digest: request.work.job)] != nil else {
      throw RPCError(code: "settled", message: "the job is closed on the ledger")
    }
    do {
      return try await worker(request.work.assignment.worker).connection.request(
        method: RPCMethod.startState, body: request.encoded(),
        deadline: Limits.workerStateDeadline)
    } catch PeerError.refused(let refusal) {
      throw refusal
    }
  }

  /// Passes on what a worker keeps, block by block; the validator checks each against its CID. The
  /// worker is asked once the answer has begun, so that no body is left unread.
  private func keptContent(_ request: KeptContentRequest) throws -> RPCAnswer {
    let connection = try worker(request.worker).connection
    return .streamed([]) { writer in
      let source = try await connection.requestStream(
        method: RPCMethod.contentBlocks, body: ContentLink(request.cid).encoded(),
        deadline: Limits.workerStateDeadline)
      try await writer.relay(source)
    }
  }

  private func worker(_ peer: PeerID) throws(RPCError) -> ConnectedNode {
    guard let node = nodes[peer], node.hello.role == .worker else {
      throw RPCError(code: "not_connected", message: "the worker is not connected")
    }
    return node
  }

  /// Tells workers of jobs that a block closes: nobody will ask for their work again. Whoever is
  /// not there keeps the work until newer work takes its place.
  func announceSettled(in block: Block) {
    for case .closeJob(let job) in block.transactions.map(\.body) {
      let id = session(of: job)
      for node in nodes.values.sorted(by: { $0.peer < $1.peer }) where node.hello.role == .worker {
        begin {
          if let id { await self.disputeIsOver(of: node.peer, in: id) }
          _ = try? await node.connection.request(
            method: RPCMethod.settled, body: job.digest.encoded())
        }
      }
    }
  }
}
