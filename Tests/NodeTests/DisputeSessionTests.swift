import Cryptography
import FederatedLearning
import Glibc
import Ledger
import Networking
import NeuralNetworks
import Node
import Orchestration
import Primitives
import Telemetry
import Testing
import UsefulWork

@testable import Coordinator

/// Disputes between workers and validators over real sockets, with the coordinator as referee.
@Suite(.serialized) struct DisputeSessionTests {
  /// What a session left: its view, and the first dispute over a rejected update.
  struct Ended {
    let session: JSONValue
    let dispute: JSONValue
    let label: String
  }

  /// Runs a session to its end and until no dispute is open.
  static func ended(_ network: FaultyNetwork, audit: Double = 1) async throws -> Ended {
    let id = try await network.begin(audit: audit)
    _ = try await network.end(of: id)
    try await network.wait("the disputes are over") {
      let all = await updates(of: id, network).map { $0["dispute"]?["state"]?.text ?? "" }
      return all.contains("settled") && !all.contains("open")
    }
    let disputed = await updates(of: id, network).first { $0["dispute"] != .null }
    return Ended(
      session: await network.coordinator.sessionView(id) ?? .null,
      dispute: disputed?["dispute"] ?? .null, label: disputed?["worker_label"]?.text ?? "")
  }

  static func updates(of id: Digest, _ network: FaultyNetwork) async -> [JSONValue] {
    let rounds = await network.coordinator.roundViews(id)?.elements ?? []
    return rounds.flatMap { $0["updates"]?.elements ?? [] }
      .filter { $0["status"]?.text == "rejected" && $0["dispute"] != .null }
  }

  static func words(_ dispute: JSONValue) -> [String] {
    dispute["wrong"]?.elements?.compactMap(\.text) ?? []
  }

  /// The operator at which each kind of lie is caught. What is altered, scaled or made up after a
  /// segment shows where the state is closed; a careful liar puts one bit into the optimizer.
  static let operators = [
    "alter-step": "optimizer/sgd", "copied": "state/root",
    "other-data": "loss/softmax_cross_entropy",
    "other-update": "record", "random": "state/root", "scaled": "state/root",
    "skip-epoch": "state/root", "stale": "state/root",
  ]

  @Test("every kind of lie leads to a named operator", arguments: Lie.named.keys.sorted())
  func named(_ lie: String) async throws {
    let wanted = try await FaultTests.undisturbedHash()
    let workers = [LocalNetwork.Worker(), .init(), .init(lie: lie)]
    try await FaultTests.run(workers: workers) { network in
      let ended = try await Self.ended(network)
      #expect(ended.session["model_hash"]?.text == wanted)
      #expect(ended.session["validator_wrong"] == false)
      #expect(ended.label == "worker-2")
      #expect(Self.words(ended.dispute) == ["worker"])
      #expect(ended.dispute["operator"]?.text == Self.operators[lie], "\(ended.dispute.text())")
      guard lie != "other-update" else { return }
      #expect(ended.dispute["reason"]?.text == "the referee computes another result")
      #expect((ended.dispute["rounds"]?.integer ?? 0) > 3)
    }
  }
  @Test("a lie that a sample found is traced to its first operator, whatever was drawn")
  func sampled() async throws {
    try await FaultTests.run(workers: [.init(), .init(), .init(lie: "other-data")]) { network in
      let ended = try await Self.ended(network, audit: 0.2)
      #expect(Self.words(ended.dispute) == ["worker"])
      #expect(ended.dispute["operator"]?.text == "loss/softmax_cross_entropy")
      #expect(ended.dispute["step"]?.integer == 0)
    }
  }

  @Test("the transcript that an update names leads whoever has the data to the same ruling")
  func transcript() async throws {
    try await FaultTests.run(workers: [.init(), .init(), .init(lie: "scaled")]) { network in
      let id = try await network.begin()
      try await network.wait("the dispute is over") {
        await Self.updates(of: id, network).contains { $0["dispute"]?["state"] == "settled" }
      }
      let content = await network.coordinator.content
      let session = try #require(await network.coordinator.sessions[id])
      let stored = try #require(
        session.disputes.values.compactMap { state -> StoredRuling? in
          guard case .ruled(let stored) = state else { return nil }
          return stored
        }.first)
      let cid = try #require(stored.transcript)
      let transcript = try DisputeTranscript(
        decoding: await content.read(cid, max: 64 << 20), limits: DisputeTranscript.limits)
      let submission = try #require(session.submissions[stored.assignment])
      // The worker's signature over the work root that the transcript is about.
      let commitment = try Transaction(decoding: submission.commitment)
      let record = try WorkRecord(decoding: await content.read(submission.record, max: 1 << 20))
      guard case .commitWork(let signed) = commitment.body else { throw NeverHappened(what: "") }
      #expect(signed.workRoot == record.workRoot)
      let client = stored.assignment.client
      let shard = session.specification.shards[client]
      let task = try session.specification.task(
        round: stored.assignment.round, client: client, base: signed.baseModel)
      let again = try transcript.ruling(
        on: DisputeOpening(task: task, record: record, update: signed.update),
        worker: commitment.sender,
        dataset: Dataset(decoding: await content.read(shard.cid, max: 1 << 20)))
      #expect(again == stored.ruling)
      #expect(again.wrong == [.first])
    }
  }

  // MARK: Validators that lie

  /// Rejects the first segment of everything that `victim` hands in, with forged evidence.
  static func slandering(_ victim: PeerID) -> ValidatorConduct {
    var conduct = ValidatorConduct()
    let honest = conduct.judge
    conduct.judge = { order, specification, dataset, base, evidence, states in
      guard order.work.worker.peerID == victim else {
        return try honest(order, specification, dataset, base, evidence, states)
      }
      let verdict = WorkVerdict(
        work: order.work, outcome: .rejected(.segmentDiffers), segmentsReplayed: 1)
      let forged = SlashEvidence.segment(
        claimed: evidence.record.segmentRoots[0], proof: evidence.record.proof(ofSegment: 0),
        recomputed: .zero)
      return Judgement(verdict: verdict, evidence: forged, fault: nil)
    }
    return conduct
  }

  /// Runs a session in which the validator slanders worker-1 and stands by it as `stand` says.
  static func slandered(
    _ stand: ValidatorConduct.Standing?
  ) async throws -> (Ended, wrong: Double?) {
    let network = try FaultyNetwork(
      workers: .init(repeating: .init(), count: 3), disputeTimeout: .seconds(3))
    var conduct = slandering(try network.local.key(of: "worker-1").publicKey.peerID)
    if let stand { conduct.stand = stand }
    network.conduct.withLock { $0 = conduct }
    return try await FaultTests.run(network) { network in
      let ended = try await Self.ended(network)
      #expect(ended.label == "worker-1")
      #expect(Self.words(ended.dispute) == ["validator"])
      #expect(ended.session["validator_wrong"] == true)
      // The slash was the ledger's when the dispute began: it is named, not undone.
      let accounts = await network.coordinator.accountViews.elements ?? []
      let victim = accounts.first { $0["label"]?.text == "worker-1" }
      #expect(victim?["stake"]?.text != "1000000000000000000000")
      await FaultTests.requireSoundLedger(network)
      let figures = await network.coordinator.figures
      let wrong = figures.first { $0.name == "martlet_disputes_validator_wrong_total" }
      return (ended, wrong?.value)
    }
  }

  @Test("a validator that lies and trains honestly convicts itself, and everybody hears it")
  func slander() async throws {
    let wanted = try await FaultTests.undisturbedHash()
    let (ended, wrong) = try await Self.slandered(nil)
    #expect(ended.session["model_hash"]?.text == wanted)
    #expect(
      ended.dispute["reason"]?.text == "its own training gives the work that it rejected")
    #expect(wrong == 1)
  }

  @Test("a validator that trains as it lies is named with its operator")
  func slanderWithTraining() async throws {
    let (ended, _) = try await Self.slandered { task, dataset, base in
      let lie = Lie.oneStepAltered(step: 7)
      let result = try task.execute(lying: lie, dataset: dataset, base: base)
      return (result.record, WorkerStandings.lying(lie)(task, dataset, result))
    }
    #expect(ended.dispute["operator"]?.text == "optimizer/sgd")
    #expect(ended.dispute["step"]?.integer == 9)
    #expect(ended.dispute["segment"]?.integer == 1)
  }

  @Test(
    "a validator that has a record of another task, or none, is wrong", arguments: [true, false])
  func slanderWithoutRecord(isSilent: Bool) async throws {
    let (ended, _) = try await Self.slandered { task, dataset, base in
      if isSilent { throw WorkError.otherBase }
      let record = WorkRecord(
        task: .zero, segmentRoots: [], finalParameters: .zero, finalOptimizer: .zero)
      return (record, { _ in nil })
    }
    let reason = isSilent ? "it gave no answer" : "it has no signed record of the task"
    #expect(ended.dispute["reason"]?.text == reason)
  }

  // MARK: Parties that stop answering

  @Test("a worker that refuses every question loses, and the session does not wait for it")
  func refusal() async throws {
    let wanted = try await FaultTests.undisturbedHash()
    let network = try FaultyNetwork(
      workers: [.init(), .init(), .init(lie: "random")],
      standing: { _, _, _ in { _ in nil } })
    try await FaultTests.run(network) { network in
      let ended = try await Self.ended(network)
      #expect(ended.session["model_hash"]?.text == wanted)
      #expect(Self.words(ended.dispute) == ["worker"])
      #expect(ended.dispute["reason"]?.text == "it gave no answer")
      #expect(ended.dispute["rounds"]?.integer == 1)
    }
  }

  @Test("a worker that is killed in the middle of a dispute loses by deadline")
  func killed() async throws {
    let wanted = try await FaultTests.undisturbedHash()
    let isAsked = Lock(false)
    let network = try FaultyNetwork(
      workers: [.init(), .init(), .init(lie: "random")], disputeTimeout: .seconds(2),
      standing: { task, dataset, result in
        let answering = WorkerStandings.lying(.randomUpdate(seed: 1))(task, dataset, result)
        return { query in
          guard case .stepRoot = query else { return try answering(query) }
          // Long enough to be killed while the referee waits.
          isAsked.withLock { $0 = true }
          usleep(300_000)
          return try answering(query)
        }
      })
    try await FaultTests.run(network) { network in
      let id = try await network.begin()
      try await network.wait("the liar is asked") { isAsked.withLock { $0 } }
      await network.stop("worker-2")
      let view = try await network.end(of: id)
      #expect(view["model_hash"]?.text == wanted)
      try await network.wait("the dispute is over") {
        await Self.updates(of: id, network).contains { $0["dispute"]?["state"] == "settled" }
      }
      let dispute = await Self.updates(of: id, network).first?["dispute"] ?? .null
      #expect(Self.words(dispute) == ["worker"])
      #expect(dispute["reason"]?.text == "it gave no answer")
      #expect(dispute["segment"]?.integer == 0)
      #expect(dispute["step"] == .null)
    }
  }

  @Test("rulings survive a restart of the coordinator")
  func restart() async throws {
    try await FaultTests.run(workers: [.init(), .init(), .init(lie: "stale")]) { network in
      let id = try await network.begin()
      try await network.wait("the dispute is over") {
        await Self.updates(of: id, network).contains { $0["dispute"]?["state"] == "settled" }
      }
      let before = await Self.updates(of: id, network).map { $0["dispute"] }
      try await network.restartCoordinator()
      _ = try await network.end(of: id)
      #expect(await Self.updates(of: id, network).map { $0["dispute"] } == before)
    }
  }
}
