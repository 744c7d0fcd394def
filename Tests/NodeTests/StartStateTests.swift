import ContentStore
import Coordinator
import Cryptography
import FederatedLearning
import Ledger
import Networking
import NeuralNetworks
import Node
import Orchestration
import Peering
import Primitives
import Testing
import UsefulWork

/// What a worker keeps of its work, for how long, and how it is fetched.
@Suite(.serialized) struct StartStateTests {
  private static let pause = RPCError(code: "starting", message: "not yet")

  /// Asks as the network's validator would, while that one is stopped.
  private static func asValidator<Result: Sendable>(
    _ network: FaultyNetwork, _ body: @Sendable (PeerConnection) async throws -> Result
  ) async throws -> Result {
    try await network.withStranger(
      network.local.key(of: "validator"), answering: { _ in .failure(pause) }
    ) { connection in
      let hello = Hello(role: .validator, label: "validator")
      _ = try await connection.request(method: RPCMethod.hello, body: hello.encoded())
      return try await body(connection)
    }
  }

  private static func fetch(
    _ cid: CID, from worker: PeerID, over connection: PeerConnection, max: Int
  ) async throws -> Bytes {
    let request = KeptContentRequest(worker: worker, cid: cid)
    let body = try await connection.requestStream(
      method: RPCMethod.keptContent, body: request.encoded())
    var file = FileAssembly(root: cid, byteCountMax: max)
    while let block = try await body.nextChunk() { try file.take(block) }
    return file.content
  }

  private static func specification(
    _ reply: EvidenceReply, over connection: PeerConnection
  ) async throws -> SessionSpecification {
    let body = try await connection.requestStream(
      method: RPCMethod.content, body: ContentLink(reply.specification.cid).encoded())
    let bytes = try await body.collect(max: 1 << 20)
    return try SessionSpecification(decoding: try #require(bytes))
  }

  /// Every start state of one piece of work has the committed root.
  private static func requireStates(
    of request: EvidenceRequest, base: Digest?, over connection: PeerConnection
  ) async throws -> [CID] {
    let evidence = try await connection.requestStream(
      method: RPCMethod.evidence, body: request.encoded())
    let reply = try EvidenceReply(decoding: evidence.head)
    let update = try #require(try await evidence.collect(max: 1 << 20))
    let record = try WorkRecord(decoding: reply.record)
    let specification = try await specification(reply, over: connection)
    let parameters = try ParameterBuffer(decoding: update, for: specification.architecture)
    #expect(parameters.digest == record.finalParameters)
    // The root of a state does not depend on the base model.
    let task = try specification.task(
      round: request.assignment.round, client: request.assignment.client, base: .zero)
    #expect(task.segments > 2)
    var names: [CID] = []
    for segment in 1..<task.segments {
      let asked = StartStateRequest(
        work: request, specification: reply.specification,
        base: base ?? specification.initialModel.digest, segment: segment)
      let link = try ContentLink(
        decoding: await connection.request(method: RPCMethod.startState, body: asked.encoded()))
      let bytes = try await fetch(
        link.cid, from: request.assignment.worker, over: connection, max: task.stateBytesMax)
      let state = try TrainingState(decoding: bytes, for: task)
      #expect(task.root(of: state) == record.segmentRoots[segment - 1])
      names.append(link.cid)
    }
    return names
  }

  private static func request(
    _ job: Digest, round: Int, client: Int, worker: PeerID
  ) -> EvidenceRequest {
    EvidenceRequest(
      job: job,
      assignment: Assignment(round: round, client: client, attempt: 0, worker: worker))
  }

  /// The states of the first rounds of a session, all of them checked.
  private static func requireStates(
    of network: FaultyNetwork, session: Digest, job: Digest
  ) async throws -> [CID] {
    let worker = try network.local.key(of: "worker-0").publicKey.peerID
    let rounds = await network.coordinator.roundViews(session)?.elements ?? []
    return try await asValidator(network) { connection in
      var names: [CID] = []
      var base: Digest?
      for round in 1...4 {
        for client in 0..<2 {
          names += try await requireStates(
            of: request(job, round: round, client: client, worker: worker), base: base,
            over: connection)
        }
        base = try Digest(hex: rounds[round - 1]["aggregate_hash"]?.text ?? "")
      }
      return names
    }
  }

  private static func requireNoStates(
    _ names: [CID], of network: FaultyNetwork, job: Digest
  ) async throws {
    let worker = try network.local.key(of: "worker-0").publicKey.peerID
    try await asValidator(network) { connection in
      let asked = StartStateRequest(
        work: request(job, round: 1, client: 0, worker: worker),
        specification: ContentReference(cid: names[0], digest: .zero), base: .zero, segment: 1
      ).encoded()
      #expect(
        await StrangerTests.code(connection, RPCMethod.startState, asked) == "settled")
      try await network.wait("the worker forgets") {
        (try? await fetch(names[0], from: worker, over: connection, max: 1 << 20)) == nil
      }
      for name in names {
        await #expect(throws: PeerError.self) {
          try await fetch(name, from: worker, over: connection, max: 1 << 20)
        }
      }
    }
  }

  @Test("a worker serves the states of all rounds by CID until the session settles, then none")
  func untilSettled() async throws {
    try await FaultTests.run(workers: [.init()]) { network in
      let id = try await network.begin(rounds: 30, clients: 2)
      try await network.wait("a few rounds are settled") {
        await network.coordinator.sessionView(id)?["round"]?.integer ?? 0 > 4
      }
      await network.stop("validator")
      let name = await network.coordinator.jobViews.elements?.first?["job"]?.text
      let job = try Digest(hex: name ?? "")
      let names = try await Self.requireStates(of: network, session: id, job: job)
      await network.stop("worker-0")
      network.startNode("worker-0")
      try await network.wait("the worker is back") {
        await network.coordinator.nodeViews.elements?.contains {
          $0["label"]?.text == "worker-0" && $0["state"]?.text == "connected"
        } ?? false
      }
      // It remembers nothing and does the work again.
      #expect(try await Self.requireStates(of: network, session: id, job: job) == names)
      network.startNode("validator")
      _ = try await network.end(of: id)
      try await network.wait("the job is closed") {
        await network.coordinator.jobViews.elements?.first?["escrow"] == .null
      }
      await network.stop("validator")
      try await Self.requireNoStates(names, of: network, job: job)
    }
  }

  @Test("states that are not of the committed work are refused, and so is their worker")
  func otherStates() async throws {
    let wanted = try await FaultTests.undisturbedHash(rounds: 5)
    // A worker that trains honestly and keeps the states of another start.
    let forgetful: TrainingFunction = { task, dataset, base in
      let result = try task.execute(dataset: dataset, base: base)
      let other = task.recomputedStates(from: ParameterBuffer(base.values.map { $0 + 1 }))
      return WorkResult(update: result.update, record: result.record, evidence: other)
    }
    let network = try FaultyNetwork(
      workers: [.init(), .init()], trains: ["worker-1": forgetful])
    do {
      try await network.start()
      let id = try await network.begin(rounds: 5, audit: 0.5)
      let view = try await network.end(of: id)
      #expect(view["model_hash"]?.text == wanted)
      let accounts = await network.coordinator.accountViews.elements ?? []
      let rejected = accounts.filter { $0["rejected"]?.integer ?? 0 > 0 }
      #expect(rejected.map { $0["label"]?.text } == ["worker-1"])
      // Nothing signed contradicts itself, so nothing is slashed.
      #expect(rejected.first?["stake"]?.text == "1000000000000000000000")
      await network.remove()
    } catch {
      await network.remove()
      throw error
    }
  }

  @Test("only content that a connected worker has named is served, and only to the validator")
  func strangers() async throws {
    try await FaultTests.run(workers: [.init()]) { network in
      let worker = try network.local.key(of: "worker-0").publicKey.peerID
      let cid = try FileBlocks(of: [1, 2, 3]).cid
      let request = KeptContentRequest(worker: worker, cid: cid).encoded()
      try await network.withStranger(.generate()) { connection in
        _ = await StrangerTests.code(connection, RPCMethod.hello, StrangerTests.hello(.worker))
        #expect(
          await StrangerTests.code(connection, RPCMethod.keptContent, request) == "unknown_method")
      }
      await network.stop("validator")
      try await Self.asValidator(network) { connection in
        let code = StrangerTests.code
        #expect(await code(connection, RPCMethod.keptContent, [1]) == "malformed")
        let nobody = KeptContentRequest(worker: SigningKey.generate().publicKey.peerID, cid: cid)
        #expect(await code(connection, RPCMethod.keptContent, nobody.encoded()) == "not_connected")
        await #expect(throws: PeerError.streamReset) {
          try await Self.fetch(cid, from: worker, over: connection, max: 1 << 20)
        }
      }
    }
  }
}
