import Coordinator
import Cryptography
import Ledger
import Networking
import Node
import Orchestration
import Peering
import Persistence
import Primitives
import Telemetry

/// A network whose parts can be stopped and started again while a session runs.
///
/// Every part has its own home and its own task; they talk over real sockets on one loop.
final class FaultyNetwork: Sendable {
  private struct State {
    var tasks: [String: Task<Void, any Error>] = [:]
    var coordinator: CoordinatorServer?
    var address: Multiaddr?
  }

  let local: LocalNetwork
  /// How each worker stands by its work; nil for what its settings say.
  private let standing: WorkerStanding?
  /// What the validator does; a test puts faults here.
  let conduct = Lock(ValidatorConduct())
  /// How workers train that do not train honestly, by name.
  let trains: [String: TrainingFunction]
  private let state = Lock(State())

  init(
    workers: [LocalNetwork.Worker], stakeGrants: Int = 0,
    trains: [String: TrainingFunction] = [:], disputeTimeout: Duration = .seconds(10),
    standing: WorkerStanding? = nil
  ) throws {
    self.trains = trains
    self.standing = standing
    local = try LocalNetwork(
      workers: workers, stakeGrants: stakeGrants, disputeTimeout: disputeTimeout)
  }

  /// The coordinator that runs.
  var coordinator: CoordinatorServer { state.withLock { $0.coordinator! } }

  /// Starts every part and waits until all are connected.
  func start() async throws {
    try await startCoordinator(local.coordinator)
    for name in local.nodeNames { startNode(name) }
    try await wait("all nodes are connected") {
      await self.connectedCount() == self.local.nodeCount
    }
  }

  private func connectedCount() async -> Int {
    let nodes = await coordinator.nodeViews.elements ?? []
    return nodes.count { $0["state"]?.text == "connected" }
  }

  private func startCoordinator(_ server: CoordinatorServer) async throws {
    let host = PeerHost(
      loop: local.loop, identity: local.coordinatorIdentity,
      handler: { await server.answer($0) })
    let wanted = try state.withLock { try $0.address ?? Multiaddr("/ip4/127.0.0.1/tcp/0") }
    let address = try await host.listen(
      on: Multiaddr(
        wanted.components.filter { if case .peer = $0 { false } else { true } }))
    let task = Task { try await server.run(host: host) }
    state.withLock {
      $0.address = address
      $0.coordinator = server
      $0.tasks["coordinator"] = task
    }
  }

  /// Ends the coordinator, lets go of its files, and opens them again.
  func restartCoordinator() async throws {
    await stop("coordinator")
    await coordinator.close()
    try await startCoordinator(local.reopenedCoordinator())
  }

  func startNode(_ name: String) {
    let address = state.withLock { $0.address! }
    let settings = local.settings(of: name, address: address)
    let (loop, standing, train) = (local.loop, standing, trains[name])
    let conduct = conduct.withLock { $0 }
    let task = Task {
      try await NodeProcess(
        settings: settings, loop: loop, train: train, standing: standing, conduct: conduct,
        report: { _ in }
      ).run()
    }
    state.withLock { $0.tasks[name] = task }
  }

  /// A connection of somebody who has no part in the network; `identity` is who it claims to be,
  /// with the key to prove it.
  func withStranger<Result: Sendable>(
    _ identity: SigningKey,
    answering handler: @escaping RPCHandler = { _ in
      .failure(RPCError(code: "unknown_method", message: "nothing here"))
    },
    _ body: @Sendable (PeerConnection) async throws -> Result
  ) async throws -> Result {
    let host = PeerHost(loop: local.loop, identity: identity, handler: handler)
    let address = state.withLock { $0.address! }
    let running = Task { await host.run() }
    defer { running.cancel() }
    return try await body(try await host.dial(address))
  }

  /// Ends a part as abruptly as a task can end.
  func stop(_ name: String) async {
    let task = state.withLock { $0.tasks.removeValue(forKey: name) }
    task?.cancel()
    _ = await task?.result
  }

  /// Ends everything and removes the homes.
  func remove() async {
    for name in state.withLock({ $0.tasks.keys.sorted() }) { await stop(name) }
    await coordinator.close()
    local.remove()
  }

  // MARK: Sessions

  func begin(rounds: Int = 3, audit: Double = 1, clients: Int = 4) async throws -> Digest {
    let dataset = try await coordinator.addContent(SessionTests.csv)
    let order = SessionTests.order(
      dataset: dataset, rounds: rounds, audit: audit, clients: clients)
    let id = try await coordinator.createSession(order)
    try await coordinator.startSession(id)
    return id
  }

  /// Waits until a session is completed and scored; returns its last view.
  func end(of id: Digest) async throws -> JSONValue {
    do {
      try await wait("the session is completed") {
        let view = await self.coordinator.sessionView(id)
        return view?["state"]?.text == "completed" && view?["accuracy"] != .null
      }
    } catch {
      // Where it stands says more than that time is over.
      let view = await coordinator.sessionView(id) ?? .null
      let rounds = await coordinator.roundViews(id) ?? .null
      let nodes = await coordinator.nodeViews
      let ledger = await coordinator.ledgerStatus
      throw NeverHappened(
        what: "completed: \(view.text()) \(rounds.elements?.last?.text() ?? "") \(nodes.text())"
          + " \(ledger.text())")
    }
    return await coordinator.sessionView(id) ?? .null
  }

  func wait(_ what: String, until isSo: @Sendable () async -> Bool) async throws {
    // No test waits so long unless what it waits for never comes.
    for _ in 0..<1_500 {
      if await isSo() { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw NeverHappened(what: what)
  }
}

struct NeverHappened: Error {
  let what: String
}
