import Coordinator
import Cryptography
import Ledger
import Primitives
import Testing
import UsefulWork

/// Sessions in which parts die, lie, come back, or are missing.
@Suite(.serialized) struct FaultTests {
  /// The model of the session that nothing disturbs.
  static func undisturbedHash(rounds: Int = 3) async throws -> String {
    try await run(workers: .init(repeating: .init(), count: 2)) { network in
      let id = try await network.begin(rounds: rounds)
      return try await network.end(of: id)["model_hash"]?.text ?? "none"
    }
  }

  static func run<Result: Sendable>(
    workers: [LocalNetwork.Worker], stakeGrants: Int = 0,
    _ body: (FaultyNetwork) async throws -> Result
  ) async throws -> Result {
    try await run(FaultyNetwork(workers: workers, stakeGrants: stakeGrants), body)
  }

  static func run<Result: Sendable>(
    _ network: FaultyNetwork, _ body: (FaultyNetwork) async throws -> Result
  ) async throws -> Result {
    do {
      try await network.start()
      let result = try await body(network)
      await network.remove()
      return result
    } catch {
      await network.remove()
      throw error
    }
  }

  static func requireSoundLedger(_ network: FaultyNetwork) async {
    let status = await network.coordinator.ledgerStatus
    #expect(status["supply"] == status["supply_counted"])
  }

  @Test("a worker that leaves mid-round is replaced and the model stays the same")
  func workerLeaves() async throws {
    let wanted = try await Self.undisturbedHash(rounds: 5)
    try await Self.run(workers: .init(repeating: .init(), count: 3)) { network in
      let id = try await network.begin(rounds: 5)
      try await network.wait("a round is settled") {
        await network.coordinator.sessionView(id)?["round"]?.integer ?? 0 > 1
      }
      await network.stop("worker-1")
      let view = try await network.end(of: id)
      #expect(view["model_hash"]?.text == wanted)
      await Self.requireSoundLedger(network)
    }
  }

  @Test("every lie is caught, costs stake and changes nothing", arguments: Lie.named.keys.sorted())
  func lie(_ name: String) async throws {
    let wanted = try await Self.undisturbedHash()
    let workers = [LocalNetwork.Worker(), .init(), .init(lie: name)]
    try await Self.run(workers: workers) { network in
      // As many clients as workers would leave the liar idle if it were slow; two each is enough.
      let id = try await network.begin()
      let view = try await network.end(of: id)
      #expect(view["model_hash"]?.text == wanted)
      let accounts = await network.coordinator.accountViews.elements ?? []
      let liar = accounts.first { $0["label"]?.text == "worker-2" }
      let honest = accounts.filter { ["worker-0", "worker-1"].contains($0["label"]?.text ?? "") }
      #expect(liar?["stake"]?.text != "1000000000000000000000", "\(name) kept its stake")
      #expect(honest.allSatisfy { $0["rejected"]?.integer == 0 })
      await Self.requireSoundLedger(network)
    }
  }

  @Test("workers serve the start states of sampled segments")
  func sampledAudit() async throws {
    let wanted = try await Self.undisturbedHash()
    try await Self.run(workers: .init(repeating: .init(), count: 2)) { network in
      let id = try await network.begin(audit: 0.2)
      let view = try await network.end(of: id)
      #expect(view["model_hash"]?.text == wanted)
      let accounts = await network.coordinator.accountViews.elements ?? []
      #expect(accounts.allSatisfy { $0["rejected"]?.integer == 0 })
    }
  }

  @Test("a coordinator that is opened again resumes its session", arguments: [0, 1, 2, 3])
  func coordinatorReopens(afterRound round: Int) async throws {
    let wanted = try await Self.undisturbedHash()
    try await Self.run(workers: .init(repeating: .init(), count: 2)) { network in
      let id = try await network.begin()
      try await network.wait("round \(round) is settled") {
        guard let view = await network.coordinator.sessionView(id) else { return false }
        let settled = view["state"]?.text == "completed" ? 3 : (view["round"]?.integer ?? 0) - 1
        return settled >= round
      }
      try await network.restartCoordinator()
      let view = try await network.end(of: id)
      #expect(view["model_hash"]?.text == wanted)
      let jobs = await network.coordinator.jobViews.elements ?? []
      #expect(jobs.count == 1)
      try await network.wait("the job is closed") {
        await network.coordinator.jobViews.elements?.first?["escrow"] == .null
      }
      await Self.requireSoundLedger(network)
    }
  }

  @Test("a validator that was away takes up what waits")
  func validatorAway() async throws {
    let wanted = try await Self.undisturbedHash()
    try await Self.run(workers: .init(repeating: .init(), count: 2)) { network in
      await network.stop("validator")
      let id = try await network.begin()
      try await Task.sleep(for: .milliseconds(300))
      #expect(await network.coordinator.sessionView(id)?["state"]?.text == "starting")
      network.startNode("validator")
      let view = try await network.end(of: id)
      #expect(view["model_hash"]?.text == wanted)
    }
  }

  @Test("a validator finishes the block that it signed before a crash, and no other one")
  func signedBlock() async throws {
    try await Self.run(workers: [.init()]) { network in
      await network.stop("validator")
      let block = try network.local.signWithoutStoring()
      network.startNode("validator")
      _ = try await network.end(of: network.begin())
      let first = try await network.coordinator.blockView(at: 1)
      #expect(first?["hash"]?.text == block.header.hash.hex)
    }
  }

  @Test("a worker without stake gets no work, and a session says that it waits for one")
  func noStake() async throws {
    try await Self.run(workers: [.init(hasStake: false)]) { network in
      let id = try await network.begin()
      try await network.wait("the session recruits") {
        await network.coordinator.sessionView(id)?["state"]?.text == "recruiting"
      }
      try await Task.sleep(for: .milliseconds(600))
      let view = await network.coordinator.sessionView(id)
      #expect(view?["state"]?.text == "recruiting")
      #expect(view?["waiting_for"]?.text == "1 more worker with stake")
    }
  }

  @Test("a worker that is granted its stake works")
  func grantedStake() async throws {
    let wanted = try await Self.undisturbedHash()
    try await Self.run(workers: [.init(hasStake: false)], stakeGrants: 1) { network in
      let view = try await network.end(of: network.begin())
      #expect(view["model_hash"]?.text == wanted)
    }
  }

  @Test("a round that nobody can finish pauses, names what it waits for, and goes on")
  func paused() async throws {
    let wanted = try await Self.undisturbedHash(rounds: 5)
    try await Self.run(workers: [.init()]) { network in
      let id = try await network.begin(rounds: 5)
      try await network.wait("a round is settled") {
        await network.coordinator.sessionView(id)?["round"]?.integer ?? 0 > 1
      }
      await network.stop("worker-0")
      try await network.wait("the session pauses") {
        await network.coordinator.sessionView(id)?["state"]?.text == "paused"
      }
      let view = await network.coordinator.sessionView(id)
      #expect(
        view?["waiting_for"]?.text?.hasPrefix("a worker with stake for logical client") == true)
      network.startNode("worker-0")
      #expect(try await network.end(of: id)["model_hash"]?.text == wanted)
    }
  }
}
