internal import Consensus
internal import Cryptography
internal import Glibc
internal import Ledger
package import Networking
internal import Orchestration
internal import Peering
internal import Persistence
internal import Primitives
internal import Telemetry
internal import UsefulWork

/// One worker, validator or evaluator: everything it needs, wired together.
package struct NodeProcess: Sendable {
  private enum Limits {
    /// Tasks that wait for a compute thread: one a logical client of the largest session.
    static let computeQueueMax = 4_096
    /// Tasks under way: calls, orders and replays.
    static let tasksMax = 8_192
  }

  private let settings: NodeSettings
  private let loop: EventLoop
  private let train: TrainingFunction?
  private let segmentRoots: SegmentRootsFunction
  private let standing: WorkerStanding?
  private let conduct: ValidatorConduct
  private let report: @Sendable (String) -> Void

  /// - Parameters:
  ///   - train: how a worker trains, nil for what the settings say; tests put faults here.
  ///   - segmentRoots: what a worker says of its segments; tests put faults here.
  ///   - standing: how a worker answers in a dispute, nil for what the settings say; tests put
  ///     faults here.
  ///   - conduct: what a validator does; tests put faults here.
  ///   - report: gets lines for the log.
  package init(
    settings: NodeSettings, loop: EventLoop, train: TrainingFunction? = nil,
    segmentRoots: @escaping SegmentRootsFunction = { try $0.segmentRoots(of: $1, dataset: $2) },
    standing: WorkerStanding? = nil, conduct: ValidatorConduct = ValidatorConduct(),
    report: @escaping @Sendable (String) -> Void
  ) {
    self.settings = settings
    self.loop = loop
    self.train = train
    self.segmentRoots = segmentRoots
    self.standing = standing
    self.conduct = conduct
    self.report = report
  }

  /// Runs until it is cancelled or can never work, or until `ended` returns: then it says goodbye
  /// to its groups first.
  package func run(until ended: @escaping ProcessEnd = Departure.never) async throws {
    let identity = try settings.home.keyOrNew(named: settings.keyName)
    let lock = try settings.home.lock(settings.keyName)
    defer { lock.release() }
    let switchboard = CallSwitchboard()
    let (membership, blocking) = (self.membership, Membership.pool())
    defer { blocking.stop() }
    let host = PeerHost(
      loop: loop, identity: identity, settings: membership.hostSettings(pool: blocking),
      protocols: [.rpc { await switchboard.answer($0) }])
    let hello = Hello(role: settings.role, label: settings.label)
    let link = CoordinatorLink(host: host, place: membership.place, hello: hello)
    let compute = ComputePool(
      named: "compute", threads: settings.threads, queueMax: Limits.computeQueueMax)
    defer { compute.stop() }
    let desk = DisputeDesk(identity: identity)
    defer { desk.compute.stop() }
    let nursery = LoopNursery(loop: loop, tasksMax: Limits.tasksMax)
    let materials = SessionMaterials(link: link, compute: compute)
    let role = try await makeRole(
      identity: identity, link: link, materials: materials, compute: compute, nursery: nursery,
      desk: desk, stakes: membership.stakes)
    defer { role.close() }
    await switchboard.connect(role.answer)
    try await withThrowingTaskGroup(of: Void.self) { group in
      let onLoop = loop.taskExecutor
      group.addTask(executorPreference: onLoop) { await host.run() }
      group.addTask(executorPreference: onLoop) { await loop.perform { await nursery.run() } }
      group.addTask(executorPreference: onLoop) {
        try await takePart(host, link, as: membership, role: role, pool: blocking)
      }
      group.addTask(executorPreference: onLoop) { try await role.run() }
      group.addTask(executorPreference: onLoop) {
        try await Departure.wait(for: ended) { await link.network }
      }
      // A role that only answers returns at once.
      do { for _ in 0..<2 { try await group.next() } } catch is Departure {}
      group.cancelAll()
    }
  }

  /// A validator follows the chain, and so knows stakes.
  private var membership: Membership {
    var membership = settings.membership
    if settings.role == .validator {
      membership.stakes = membership.stakes ?? membership.stakesToKeep()
    }
    return membership
  }

  /// Listens, joins the network, and works for its coordinator.
  private func takePart(
    _ host: PeerHost, _ link: CoordinatorLink, as membership: Membership, role: NodeRoleShell,
    pool: ComputePool
  ) async throws {
    try await membership.listen(with: host)
    let sections = Lock([PeerControlSection(name: "work", isLive: true, body: role.report)])
    _ = await host.begin {
      await membership.answerQuestions(about: host) { sections.withLock { $0 } }
    }
    let join: NetworkJoin = { chainID in
      let network = await membership.join(chainID, with: host, pool: pool, report: report)
      if let network { sections.withLock { $0 += network.controlSections } }
      return network
    }
    if let file = membership.file { await link.search(in: join(file.chainID)) }
    try await keepLinked(link, join, role: role)
  }

  private func keepLinked(
    _ link: CoordinatorLink, _ join: NetworkJoin, role: NodeRoleShell
  ) async throws {
    let home = settings.home
    let expected = settings.membership.file?.chainID
    let lastReason = Lock("")
    try await link.run(
      connected: { reply, found in
        try Self.checkChain(reply.genesis, expected: expected, home: home)
        lastReason.withLock { $0 = "" }
        report("connected to \(found)")
        if await link.network == nil {
          await link.search(in: join(reply.genesis.chainID))
        }
        await link.network?.advertise(settings.role.rawValue)
        await role.connected(reply)
      },
      disconnected: { reason in
        // Tried every second, told once.
        let isNews = lastReason.withLock { last in
          defer { last = reason }
          return last != reason
        }
        if isNews { report("no coordinator: \(reason); trying until it answers") }
        await role.disconnected()
      })
  }

  /// The chain is the network's, and the first coordinator's chain is kept; another one later is an
  /// error, not a surprise.
  private static func checkChain(
    _ genesis: Genesis, expected: Digest?, home: HomeDirectory
  ) throws {
    if let expected, genesis.chainID != expected {
      throw NodeError.otherChain(expected: expected, found: genesis.chainID)
    }
    guard home.contains("genesis.json") else { return try home.store(genesis) }
    let known = try home.genesis()
    guard known.chainID == genesis.chainID else {
      throw NodeError.otherChain(expected: known.chainID, found: genesis.chainID)
    }
  }

  private func makeRole(
    identity: SigningKey, link: CoordinatorLink, materials: SessionMaterials,
    compute: ComputePool, nursery: LoopNursery, desk: DisputeDesk, stakes: StakeBook?
  ) async throws -> NodeRoleShell {
    switch settings.role {
    case .worker:
      let miner = MinerShell(
        link: link, identity: identity, compute: compute, roots: segmentRoots, report: report)
      let states = ComputePool(named: "states", threads: 1, queueMax: Limits.computeQueueMax)
      let shell = WorkerShell(
        link: link, identity: identity, materials: materials, compute: compute,
        stateCompute: states, nursery: nursery, miner: miner,
        memoryMax: settings.memoryMax, train: try train ?? trainingFunction(), desk: desk,
        standing: try standing ?? standingFunction(), log: report)
      return NodeRoleShell(
        answer: { await shell.answer($0) }, close: { states.stop() },
        connected: { await shell.connected($0) },
        disconnected: { await shell.disconnected() }, report: { await shell.liveReport() })
    case .evaluator:
      let shell = EvaluatorShell(materials: materials, compute: compute)
      return NodeRoleShell(answer: { await shell.answer($0) })
    case .validator, .coordinator:
      return try await makeValidator(
        identity: identity, link: link, materials: materials, compute: compute,
        nursery: nursery, desk: desk, stakes: stakes)
    }
  }

  private func trainingFunction() throws -> TrainingFunction {
    guard let lie = try namedLie() else { return { try $0.execute(dataset: $1, base: $2) } }
    return { try $0.execute(lying: lie, dataset: $1, base: $2) }
  }

  private func standingFunction() throws -> WorkerStanding {
    try namedLie().map(WorkerStandings.lying) ?? WorkerStandings.honest
  }

  private func namedLie() throws -> Lie? {
    guard let name = settings.lie else { return nil }
    guard let lie = Lie.named[name] else {
      throw NodeError.wrongContent("`\(name)` is not a lie that this program knows")
    }
    return lie
  }

  private func makeValidator(
    identity: SigningKey, link: CoordinatorLink, materials: SessionMaterials,
    compute: ComputePool, nursery: LoopNursery, desk: DisputeDesk, stakes: StakeBook?
  ) async throws -> NodeRoleShell {
    let genesis = try settings.home.genesis()
    let store = try ValidatorStore(home: settings.home, genesis: genesis)
    var machine = ValidatorMachine()
    var mining = MiningMachine(genesis: genesis)
    for height in 1...(store.blocks.height + 1) {
      guard let past = try store.blocks.block(at: height) else { continue }
      _ = machine.handle(committed: past.block)
      _ = mining?.handle(.committed(past.block))
    }
    let relay = BlockRelay()
    let disk = ComputePool(named: "chain-disk", threads: 1, queueMax: Limits.computeQueueMax)
    let producer = ChainProducer(
      key: identity, store: store, loop: loop, disk: disk,
      nursery: nursery, wallClock: WallClock.milliseconds, stakes: stakes,
      committed: { await relay.send($0) })
    let coinbases = mining.map {
      CoinbaseShell(
        link: link, producer: producer, materials: materials, compute: compute,
        nursery: nursery, machine: $0, report: report)
    }
    let shell = ValidatorShell(
      link: link, producer: producer, materials: materials, compute: compute, nursery: nursery,
      machine: machine, coinbases: coinbases, desk: desk, conduct: conduct)
    // Before the first call can arrive: a block that the shell misses is a round that never ends.
    await relay.connect { await shell.committed($0) }
    return NodeRoleShell(
      answer: { await shell.answer($0) },
      run: {
        await shell.start()
        try await producer.waitForFailure()
      },
      close: {
        disk.stop()
        store.blocks.close()
      })
  }

}

/// Becomes a member of a chain's network.
private typealias NetworkJoin = @Sendable (Digest) async -> PeerNetwork?

/// What the process calls on the shell of its role.
struct NodeRoleShell: Sendable {
  let answer: @Sendable (RPCCall) async -> RPCAnswer
  /// What it does unasked; throws when the role can never work again.
  var run: @Sendable () async throws -> Void = {}
  /// Lets go of the home's files.
  var close: @Sendable () -> Void = {}
  var connected: @Sendable (HelloReply) async -> Void = { _ in }
  var disconnected: @Sendable () async -> Void = {}
  /// What it does now, for somebody who watches.
  var report: @Sendable () async -> JSONValue = { .null }
}

/// Where calls arrive before the shell that answers them exists.
private actor CallSwitchboard {
  private var target: (@Sendable (RPCCall) async -> RPCAnswer)?

  func connect(_ target: @escaping @Sendable (RPCCall) async -> RPCAnswer) {
    self.target = target
  }

  func answer(_ call: RPCCall) async -> RPCAnswer {
    guard let target else {
      return .failure(RPCError(code: "starting", message: "the node is starting"))
    }
    return await target(call)
  }
}

/// Hands blocks from their producer to the shell that owns it, in order.
private actor BlockRelay {
  private var target: (@Sendable (CommittedBlock) async -> Void)?

  func connect(_ target: @escaping @Sendable (CommittedBlock) async -> Void) {
    self.target = target
  }

  func send(_ block: CommittedBlock) async { await target?(block) }
}
