import Cryptography
import Networking
import Peering
import Primitives
import Telemetry
import Testing

/// Members of networks on one loop, each with a host of its own.
struct PeerWorld: Sendable {
  static let chain = SHA256.hash(Bytes("chain".utf8))
  static let any = try! Multiaddr("/ip4/127.0.0.1/tcp/0")

  let loop: EventLoop
  private let running = Lock<[(host: PeerHost, task: Task<Void, Never>)]>([])

  static func run(_ body: @Sendable (PeerWorld) async throws -> Void) async throws {
    try await withLoop { loop in
      let world = PeerWorld(loop: loop)
      do {
        try await body(world)
      } catch {
        await world.end()
        throw error
      }
      await world.end()
    }
  }

  private func end() async {
    for (host, task) in running.withLock({ $0 }) {
      await host.stop()
      await task.value
    }
  }

  static func file(
    chain: Digest = Self.chain, bootstraps: [Multiaddr] = [], coordinators: [PeerID] = [],
    key: PrivateNetworkKey? = nil
  ) throws -> NetworkFile {
    try NetworkFile(
      name: "test", chainID: chain, bootstraps: bootstraps, coordinators: coordinators, key: key,
      usesLocalDiscovery: false)
  }

  func host(_ file: NetworkFile, identity: SigningKey = .generate()) -> PeerHost {
    var settings = PeerHostSettings()
    settings.privateNetwork = file.key
    let host = PeerHost(loop: loop, identity: identity, settings: settings, protocols: [])
    running.withLock { $0.append((host, Task { await host.run() })) }
    return host
  }

  /// A member that listens, and has joined when this returns.
  func member(
    _ file: NetworkFile, identity: SigningKey = .generate(),
    _ change: (inout PeerNetworkSettings) -> Void = { _ in }
  ) async throws -> (network: PeerNetwork, address: Multiaddr) {
    let host = host(file, identity: identity)
    let address = try await host.listen(on: Self.any)
    var settings = PeerNetworkSettings(file)
    change(&settings)
    let network = await PeerNetwork(host: host, settings: settings)
    await network.start()
    return (network, address)
  }

  /// An address where nobody is: a port that was in use a moment ago.
  func deadAddress() async throws -> Multiaddr {
    let host = try host(Self.file())
    let address = try await host.listen(on: Self.any)
    await host.stop()
    return address
  }
}

@Suite("membership of a network", .timeLimit(.minutes(5)))
struct PeerNetworkTests {
  @Test("a peer is found through bootstraps though most of them are dead")
  func lookup() async throws {
    try await PeerWorld.run { world in
      let first = try await world.member(PeerWorld.file())
      let dead = [try await world.deadAddress(), try await world.deadAddress()]
      let file = try PeerWorld.file(bootstraps: dead + [first.address])
      let wanted = try await world.member(file)
      let seeker = try await world.member(file)
      #expect(await wanted.network.kademlia.waitForPeers(within: .seconds(60)))
      let (connection, route) = try await seeker.network.reach(wanted.network.host.peerID)
      #expect(route == .lookup)
      #expect(await connection.provenPeer == wanted.network.host.peerID)
      let again = try await seeker.network.reach(wanted.network.host.peerID)
      #expect(again.connection === connection)
    }
  }

  @Test("whoever nobody knows is not found, and the seeker is told")
  func unknown() async throws {
    try await PeerWorld.run { world in
      let first = try await world.member(PeerWorld.file())
      let seeker = try await world.member(PeerWorld.file(bootstraps: [first.address]))
      let nobody = SigningKey.generate().publicKey.peerID
      await #expect(throws: PeerError.noAddress(nobody)) {
        _ = try await seeker.network.reach(nobody, offering: "coordinator")
      }
    }
  }

  @Test("what is advertised is found under its name, and only under that")
  func services() async throws {
    try await PeerWorld.run { world in
      let first = try await world.member(PeerWorld.file())
      let file = try PeerWorld.file(bootstraps: [first.address])
      let offering = try await world.member(file)
      let seeker = try await world.member(file)
      await offering.network.advertise("worker")
      while await seeker.network.find("worker") != [offering.network.host.peerID] {
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(await seeker.network.find("coordinator").isEmpty)
    }
  }

  @Test("a node that serves nobody stands in no table, and is found by what it advertises")
  func client() async throws {
    try await PeerWorld.run { world in
      let first = try await world.member(PeerWorld.file())
      let file = try PeerWorld.file(bootstraps: [first.address])
      let quiet = try await world.member(file) { $0.serving = .never }
      let id = quiet.network.host.peerID
      let seeker = try await world.member(file)
      await quiet.network.advertise("coordinator")
      while await !seeker.network.find("coordinator").contains(id) {
        try await Task.sleep(for: .milliseconds(20))
      }
      let (connection, _) = try await seeker.network.reach(id, offering: "coordinator")
      #expect(await connection.provenPeer == id)
      #expect(await !first.network.kademlia.peers.contains(id))
      #expect(await first.network.kademlia.peers.contains(seeker.network.host.peerID))
    }
  }

  @Test("a peer that comes back at another port is found again")
  func moved() async throws {
    try await PeerWorld.run { world in
      let first = try await world.member(PeerWorld.file())
      let file = try PeerWorld.file(bootstraps: [first.address])
      let identity = SigningKey.generate()
      let before = try await world.member(file, identity: identity)
      let seeker = try await world.member(file)
      _ = await before.network.kademlia.waitForPeers(within: .seconds(60))
      let old = try await seeker.network.reach(before.network.host.peerID).connection
      await before.network.host.stop()
      _ = await old.waitUntilClosed()
      let after = try await world.member(file, identity: identity)
      #expect(after.address != before.address)
      var found: PeerConnection?
      while found == nil {
        found = try? await seeker.network.reach(before.network.host.peerID).connection
      }
      #expect(await found?.provenPeer == identity.publicKey.peerID)
    }
  }

  @Test("neither another chain's peers nor those without the secret enter the table")
  func strangers() async throws {
    try await PeerWorld.run { world in
      let key = PrivateNetworkKey(secret: Bytes(repeating: 1, count: 32))
      let other = PrivateNetworkKey(secret: Bytes(repeating: 2, count: 32))
      let first = try await world.member(PeerWorld.file(key: key))
      let otherChain = SHA256.hash(Bytes("other".utf8))
      let strangers = [
        try PeerWorld.file(bootstraps: [first.address], key: other),
        try PeerWorld.file(bootstraps: [first.address]),
        try PeerWorld.file(chain: otherChain, bootstraps: [first.address], key: key),
      ]
      for file in strangers {
        let stranger = try await world.member(file)
        let alone = await stranger.network.kademlia.waitForPeers(within: .milliseconds(500))
        #expect(!alone)
      }
      let friend = try await world.member(PeerWorld.file(bootstraps: [first.address], key: key))
      #expect(await friend.network.kademlia.waitForPeers(within: .seconds(60)))
      #expect(await first.network.kademlia.waitForPeers(within: .seconds(60)))
      #expect(await first.network.kademlia.peers == [friend.network.host.peerID])
    }
  }

  @Test("the peers of the last run are enough to come back when no bootstrap answers")
  func anchors() async throws {
    try await PeerWorld.run { world in
      let kept = Lock<[Multiaddr]>([])
      let first = try await world.member(PeerWorld.file())
      let file = try PeerWorld.file(bootstraps: [first.address])
      let other = try await world.member(file)
      let wanted = try await world.member(file)
      let identity = SigningKey.generate()
      let before = try await world.member(file, identity: identity) {
        $0.keepAnchors = { list in kept.withLock { $0 = list } }
      }
      while kept.withLock({ Set($0.compactMap(\.peer)).count }) < 3 {
        try await Task.sleep(for: .milliseconds(20))
      }
      await before.network.host.stop()
      await first.network.host.stop()
      let anchors = kept.withLock { $0 }.filter { $0.peer != wanted.network.host.peerID }
      let after = try await world.member(file, identity: identity) { $0.anchors = anchors }
      let (connection, _) = try await after.network.reach(wanted.network.host.peerID)
      #expect(await connection.provenPeer == wanted.network.host.peerID)
      #expect(await after.network.kademlia.peers.contains(other.network.host.peerID))
    }
  }

  @Test("bootstraps that come back are found again, however long they were away")
  func bootstrapReturns() async throws {
    try await PeerWorld.run { world in
      let identity = SigningKey.generate()
      let host = try world.host(PeerWorld.file(), identity: identity)
      // An address of its own: nobody else takes the port while nobody listens there.
      let address = try await host.listen(on: Multiaddr("/ip4/127.66.0.9/tcp/0"))
      await host.stop()
      let node = try await world.member(PeerWorld.file(bootstraps: [address]))
      let second = try world.host(PeerWorld.file(), identity: identity)
      _ = try await second.listen(on: address.withoutOwner)
      let network = try await PeerNetwork(
        host: second, settings: PeerNetworkSettings(PeerWorld.file()))
      await network.start()
      #expect(await node.network.kademlia.waitForPeers(within: .seconds(120)))
    }
  }

  @Test("where others say that they reach it a node serves, and where they do not it hides")
  func reachability() async throws {
    try await PeerWorld.run { world in
      func rules(_ settings: inout PeerNetworkSettings) {
        settings.dialsLocalAddresses = true
        settings.reachabilityServersNeeded = 1
      }
      let first = try await world.member(PeerWorld.file(), rules)
      let node = try await world.member(PeerWorld.file(bootstraps: [first.address])) {
        rules(&$0)
        // As if all that it knows were elsewhere; no name is looked up without a resolver.
        let elsewhere = "/dns4/peers.invalid/tcp/1/p2p/\(first.address.peer!)"
        $0.anchors = [try! Multiaddr(elsewhere)]
      }
      #expect(await !node.network.kademlia.isServing)
      while await !node.network.kademlia.isServing {
        try await Task.sleep(for: .milliseconds(50))
      }
      #expect(await node.network.report()["reachability"]?.text == "reachable")
    }
  }
}
