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
import Testing

/// A coordinator that is found through a bootstrap, and nodes that know the network's file alone.
private struct FoundNetwork: Sendable {
  static let any = try! Multiaddr("/ip4/127.0.0.1/tcp/0")

  let local: LocalNetwork
  let loop: EventLoop
  /// The network without its bootstraps.
  let plain: NetworkFile
  /// The coordinator's host, once it runs.
  let coordinatorHost = Lock<PeerHost?>(nil)

  init(key: PrivateNetworkKey? = nil) throws {
    local = try LocalNetwork(workers: [.init()])
    loop = local.loop
    plain = try NetworkFile(
      name: "test", chainID: local.genesis.chainID,
      coordinators: [local.coordinatorIdentity.publicKey.peerID], key: key,
      usesLocalDiscovery: false)
  }

  func home(_ name: String) -> HomeDirectory { HomeDirectory(path: "\(local.root)/\(name)") }

  /// Runs a bootstrap and the coordinator; `body` gets the file that leads to them.
  func run(_ body: @Sendable (NetworkFile) async throws -> Void) async throws {
    let (started, feed) = AsyncStream.makeStream(of: Multiaddr.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      var bootstrap = Membership(place: .network(plain), home: home("bootstrap"))
      try bootstrap.home.create()
      bootstrap.listen = Self.any
      let peer = PeerProcess(membership: bootstrap, of: plain.chainID, loop: loop)
      group.addTask {
        try await peer.run { addresses in for address in addresses { feed.yield(address) } }
      }
      var file = plain
      for await address in started {
        file.bootstraps = [address]
        break
      }
      let joined = file
      group.addTask { try await runCoordinator(joined) }
      defer { group.cancelAll() }
      try await body(joined)
    }
  }

  private func runCoordinator(_ file: NetworkFile) async throws {
    let server = local.coordinator
    let pool = Membership.pool()
    defer { pool.stop() }
    var membership = Membership(place: .network(file), home: home("coordinator"))
    membership.serving = .always
    let host = PeerHost(
      loop: loop, identity: local.coordinatorIdentity,
      settings: membership.hostSettings(pool: pool),
      protocols: [.rpc { await server.answer($0) }])
    try await membership.listen(with: host)
    coordinatorHost.withLock { $0 = host }
    let network = await membership.join(file.chainID, with: host, pool: pool)
    await network?.advertise("coordinator")
    try await server.run(host: host)
  }

  /// A worker in a home of its own; `report` hears what it logs.
  func worker(
    _ file: NetworkFile, in name: String, at listen: Multiaddr? = nil,
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> NodeProcess {
    var membership = Membership(place: .network(file), home: home(name))
    membership.listen = listen
    try membership.home.create()
    return NodeProcess(
      settings: NodeSettings(membership: membership, role: .worker, label: name), loop: loop,
      report: report)
  }

  /// An address where somebody of this identity may listen: nobody else takes one of its own.
  func freeAddress(of identity: SigningKey) async throws -> Multiaddr {
    let host = PeerHost(loop: loop, identity: identity, settings: PeerHostSettings(), protocols: [])
    let running = Task { await host.run() }
    let address = try await host.listen(on: Multiaddr("/ip4/127.66.0.10/tcp/0"))
    await host.stop()
    await running.value
    return address
  }

  func connectedLabels() async -> Set<String> {
    let nodes = await local.coordinator.nodeViews.elements ?? []
    let connected = nodes.filter { $0["state"]?.text == "connected" }
    return Set(connected.compactMap { $0["label"]?.text })
  }
}

@Suite("nodes that know a network's file alone", .serialized, .timeLimit(.minutes(5)))
struct MembershipTests {
  private static func run(
    key: PrivateNetworkKey? = nil,
    _ body: @Sendable (FoundNetwork, NetworkFile) async throws -> Void
  ) async throws {
    let network = try FoundNetwork(key: key)
    defer { network.local.remove() }
    try await network.run { try await body(network, $0) }
  }

  @Test("a worker finds its coordinator in the table of all peers")
  func found() async throws {
    try await Self.run { network, file in
      let lines = Lock<[String]>([])
      let worker = try network.worker(file, in: "finder") { line in
        lines.withLock { $0.append(line) }
      }
      let running = Task { try await worker.run() }
      while await network.connectedLabels() != ["finder"] {
        try await Task.sleep(for: .milliseconds(20))
      }
      while !lines.withLock({ $0.contains { $0.hasPrefix("connected to") } }) {
        await Task.yield()
      }
      // Or the coordinator was the first to find the other.
      let ways = ["found by DHT", "found by its own call"]
      #expect(lines.withLock { lines in ways.contains { lines.last?.hasSuffix($0) == true } })
      running.cancel()
      _ = await running.result
    }
  }

  @Test("a worker that knows nobody works for the coordinator that calls it, and calls it itself")
  func calledFirst() async throws {
    try await Self.run { network, file in
      var alone = file
      alone.bootstraps = []
      let home = network.home("called")
      try home.create()
      let identity = try home.keyOrNew(named: "identity")
      let address = try await network.freeAddress(of: identity)
      let worker = try network.worker(alone, in: "called", at: address.withoutOwner)
      let running = Task { try await worker.run() }
      var call: PeerConnection?
      while call == nil {
        try await Task.sleep(for: .milliseconds(20))
        call = try? await network.coordinatorHost.withLock { $0 }?.dial(address)
      }
      while await network.connectedLabels() != ["called"] {
        try await Task.sleep(for: .milliseconds(20))
      }
      // Without the coordinator's call there is the worker's.
      await call?.close()
      let host = try #require(network.coordinatorHost.withLock { $0 })
      var isOwn = false
      while !isOwn {
        try await Task.sleep(for: .milliseconds(20))
        let open = await host.connection(with: identity.publicKey.peerID)
        let labels = await network.connectedLabels()
        isOwn = open?.isOutgoing == false && labels == ["called"]
      }
      running.cancel()
      _ = await running.result
    }
  }

  @Test("the right coordinator of another chain is left for good")
  func otherChain() async throws {
    try await Self.run { network, file in
      let other = SHA256.hash(Bytes("other".utf8))
      let wrong = try NetworkFile(
        name: "test", chainID: other, bootstraps: file.bootstraps,
        coordinators: file.coordinators, kademliaProtocol: file.kademliaProtocol,
        usesLocalDiscovery: false)
      let worker = try network.worker(wrong, in: "misled")
      do {
        try await worker.run()
        Issue.record("the worker works on another chain")
      } catch NodeError.otherChain(let expected, let found) {
        #expect(expected == other && found == network.local.genesis.chainID)
      }
      #expect(!network.home("misled").contains("genesis.json"))
    }
  }

  @Test("whoever advertises itself as a coordinator and is not in the file gets no node")
  func impostor() async throws {
    try await Self.run { network, file in
      let calls = Lock(0)
      var settings = PeerHostSettings()
      settings.identifiesPeers = true
      let host = PeerHost(
        loop: network.loop, identity: .generate(), settings: settings,
        protocols: [
          .rpc { _ in
            calls.withLock { $0 += 1 }
            return .failure(RPCError(code: "busy", message: "never"))
          }
        ])
      let running = Task { await host.run() }
      _ = try await host.listen(on: FoundNetwork.any)
      let member = await PeerNetwork(host: host, settings: PeerNetworkSettings(file))
      await member.start()
      await member.advertise("coordinator")
      while await !member.find("coordinator").contains(file.coordinators[0]) {
        try await Task.sleep(for: .milliseconds(20))
      }
      let worker = try network.worker(file, in: "careful")
      let working = Task { try await worker.run() }
      while await network.connectedLabels() != ["careful"] {
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(calls.withLock { $0 } == 0)
      working.cancel()
      _ = await working.result
      await host.stop()
      await running.value
    }
  }

  @Test("a worker without the network's secret never comes in")
  func secret() async throws {
    let key = PrivateNetworkKey(secret: Bytes(repeating: 7, count: 32))
    try await Self.run(key: key) { network, file in
      var open = file
      open.key = nil
      let refusals = Lock(0)
      let stranger = try network.worker(open, in: "stranger") { line in
        if line.hasPrefix("no coordinator") { refusals.withLock { $0 += 1 } }
      }
      let friend = try network.worker(file, in: "friend")
      let running = [Task { try await stranger.run() }, Task { try await friend.run() }]
      while refusals.withLock({ $0 }) == 0 { try await Task.sleep(for: .milliseconds(20)) }
      while await network.connectedLabels().isEmpty {
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(await network.connectedLabels() == ["friend"])
      for task in running {
        task.cancel()
        _ = await task.result
      }
    }
  }

  @Test("a worker that was told an address meets the network's peers all the same")
  func byAddress() async throws {
    try await Self.run { network, file in
      let worker = try network.worker(file, in: "first")
      let running = Task { try await worker.run() }
      while await network.connectedLabels() != ["first"] {
        try await Task.sleep(for: .milliseconds(20))
      }
      let anchors = AnchorFile(home: network.home("first"), keyName: "identity")
      let coordinator = file.coordinators[0]
      while !anchors.read().contains(where: { $0.peer == coordinator }) {
        try await Task.sleep(for: .milliseconds(50))
      }
      let address = try #require(anchors.read().first { $0.peer == coordinator })
      let membership = Membership(place: .address(address), home: network.home("second"))
      try membership.home.create()
      let second = NodeProcess(
        settings: NodeSettings(membership: membership, role: .worker, label: "second"),
        loop: network.loop, report: { _ in })
      let joining = Task { try await second.run() }
      let bootstrap = try #require(file.bootstraps[0].peer)
      let met = AnchorFile(home: network.home("second"), keyName: "identity")
      while !met.read().contains(where: { $0.peer == bootstrap }) {
        try await Task.sleep(for: .milliseconds(50))
      }
      for task in [running, joining] {
        task.cancel()
        _ = await task.result
      }
    }
  }
}
