import ContentNode
import ContentStore
import Cryptography
import Glibc
import Networking
import Peering
import Persistence
import Primitives
import Telemetry
import Testing

/// A node with names and announcements in a table of two on loopback.
private struct NamingNode: Sendable {
  let node: ExchangeNode
  let network: PeerContentNetwork
  let table: KademliaShell
  let metrics: MetricsRegistry
}

private func withNode(
  _ loop: EventLoop, at time: Lock<UInt64>, joining address: Multiaddr? = nil,
  _ body: (NamingNode) async throws -> Void
) async throws {
  try await ExchangeWorld.withNode(loop, serving: .none) { node in
    let table = await KademliaShell(
      host: node.host, protocolID: KademliaMachine.ipfsProtocolID, settings: .ipfs)
    await table.start()
    if let address { _ = try await table.bootstrap(from: [address]) }
    let metrics = MetricsRegistry()
    let exchange = ContentExchange(host: node.host, store: node.store, tables: [table])
    await exchange.start()
    let key = SigningKey.generate()
    let directory = node.store.path + "/names"
    let names = ContentNames(
      keys: ContentKeys(identity: key, directory: directory), directory: directory,
      tables: [table], clock: { time.withLock { $0 } })
    let network = PeerContentNetwork(
      exchange: exchange, names: names,
      announcer: ContentAnnouncer(
        store: node.store, tables: [table], loop: loop, metrics: metrics),
      identity: key.publicKey)
    let outcome: Result<Void, any Error>
    do {
      outcome = .success(
        try await body(
          NamingNode(node: node, network: network, table: table, metrics: metrics)))
    } catch {
      outcome = .failure(error)
    }
    exchange.stop()
    try outcome.get()
  }
}

/// Names, keys and announcements of nodes on loopback.
@Suite("Names and announcements", .timeLimit(.minutes(2)))
struct NameTests {
  private static let second: UInt64 = 1_000
  private static let path = "/ipfs/bafkqaaa"

  private static func withPair(
    _ body: @Sendable (NamingNode, NamingNode, Lock<UInt64>) async throws -> Void
  ) async throws {
    let time = Lock<UInt64>(1_900_000_000 * second)
    try await ExchangeWorld.withLoop { loop in
      try await withNode(loop, at: time) { one in
        try await withNode(loop, at: time, joining: one.node.address) { two in
          _ = await one.table.waitForPeers(within: .seconds(10))
          try await body(one, two, time)
        }
      }
    }
  }

  @Test("a name that one node publishes is resolved by another, newer records replace older ones")
  func publish() async throws {
    try await Self.withPair { one, two, time in
      let published = try await one.network.publish(Self.path, NamePublication())
      let name = published.name.text
      #expect(try await two.network.resolve(name, isRecursive: true, usesCache: true) == Self.path)
      _ = try await one.network.publish("/ipfs/bafkqabtimvwgy3yk", NamePublication())
      let second = try await two.network.resolve(
        "/ipns/\(name)", isRecursive: true, usesCache: false)
      #expect(second == "/ipfs/bafkqabtimvwgy3yk")
      // Until its time to live is over the older one is believed by who has it.
      time.withLock { $0 += 3_601 * Self.second }
      #expect(try await two.network.resolve(name, isRecursive: true, usesCache: true) == second)
    }
  }

  @Test("a record counts no longer than it says, unless it is published again")
  func expiry() async throws {
    try await Self.withPair { one, two, time in
      let name = try await one.network.publish(Self.path, NamePublication()).name.text
      time.withLock { $0 += 47 * 3_600 * Self.second }
      #expect(await one.network.names.republish() == 1)
      time.withLock { $0 += 24 * 3_600 * Self.second }
      #expect(try await two.network.resolve(name, isRecursive: true, usesCache: false) == Self.path)
      time.withLock { $0 += 25 * 3_600 * Self.second }
      await #expect(throws: ContentNetworkError.unresolved(name: name)) {
        _ = try await two.network.resolve(name, isRecursive: true, usesCache: true)
      }
      #expect(await one.network.names.republish() == 0)
    }
  }

  @Test("a name may lead to a name, but not in a circle, and names behind it are kept")
  func recursion() async throws {
    try await Self.withPair { one, two, _ in
      let first = try await one.network.publish(Self.path, NamePublication()).name.text
      let second = try await two.network.publish("/ipns/\(first)/a", NamePublication()).name.text
      #expect(
        try await one.network.resolve("/ipns/\(second)/b", isRecursive: true, usesCache: false)
          == Self.path + "/a/b")
      #expect(
        try await one.network.resolve(second, isRecursive: false, usesCache: false)
          == "/ipns/\(first)/a")
      _ = try await one.network.publish("/ipns/\(second)", NamePublication())
      await #expect(throws: NameFault.tooManyNames) {
        _ = try await two.network.resolve(second, isRecursive: true, usesCache: false)
      }
    }
  }

  @Test("keys are made, renamed, exported, imported and removed, and are the owner's alone")
  func keys() async throws {
    try await Self.withPair { one, _, _ in
      let network = one.network
      let made = try await network.makeKey(named: "blog", type: nil)
      #expect(try await network.keys().map(\.name) == ["self", "blog"])
      await #expect(throws: ContentNetworkError.keyExists("blog")) {
        _ = try await network.makeKey(named: "blog", type: "ed25519")
      }
      await #expect(throws: ContentNetworkError.unsupportedKeyType("rsa")) {
        _ = try await network.makeKey(named: "other", type: "rsa")
      }
      for name in ["", "..", "a/b", "self", ".hidden", "ü", String(repeating: "a", count: 200)] {
        await #expect(throws: ContentNetworkError.keyNameRefused(name)) {
          _ = try await network.makeKey(named: name, type: nil)
        }
      }
      var status = stat()
      #expect(stat(one.node.store.path + "/names/blog.key", &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600)
      let exported = try await network.exportKey(named: "blog")
      let renamed = try await network.renameKey("blog", to: "journal", force: false)
      #expect(renamed.key.id == made.id && !renamed.hasReplaced)
      #expect(try await network.importKey(named: "again", exported).id == made.id)
      #expect(try await network.removeKey(named: "journal").id == made.id)
      #expect(try await network.keys().map(\.name) == ["self", "again"])
      await #expect(throws: ContentNetworkError.noSuchKey("journal")) {
        _ = try await network.exportKey(named: "journal")
      }
      var settings = NamePublication()
      settings.keyName = "again"
      #expect(try await network.publish(Self.path, settings).name == made.id)
    }
  }

  @Test("what is pinned is announced, found by others and fetched from whoever announced it")
  func provide() async throws {
    try await Self.withPair { one, two, _ in
      let (file, content) = try await one.node.add(byteCount: 3_000_000, seed: 5)
      await one.network.announcer.step()
      _ = try await two.network.exchange.fetch(ContentFetch(ContentPath(root: file.cid)))
      #expect(try await two.node.content(of: file.cid) == content)
      let text = one.metrics.prometheusText()
      #expect(text.contains("martlet_content_provided_total 1"))
      #expect(text.contains("martlet_content_provide_lag_seconds 0"))
    }
  }

  @Test("a single block comes from a connected peer, and peers, addresses and bytes are told")
  func peers() async throws {
    try await Self.withPair { one, two, _ in
      let (file, _) = try await one.node.add(byteCount: 1_000, seed: 6)
      let block = try await two.network.fetch(file.cid)
      #expect((try? file.cid.verify(block)) != nil)
      let peers = try await two.network.peers()
      #expect(peers.map(\.peer) == [one.node.host.peerID] && peers[0].direction == .outbound)
      #expect(try await two.network.ping(one.node.host.peerID) > .zero)
      #expect(try await two.network.knownAddresses().contains { $0.peer == one.node.host.peerID })
      #expect(try await two.network.bandwidth().receivedByteCount > 1_000)
      let identity = try await two.network.identity()
      #expect(identity.protocols.contains("/ipfs/bitswap/1.2.0"))
      try await two.network.disconnect(from: one.node.address)
      await #expect(throws: ContentNetworkError.self) {
        try await two.network.disconnect(from: one.node.address)
      }
      try await two.network.connect(to: one.node.address)
      await #expect(throws: ContentNetworkError.self) {
        try await two.network.connect(to: one.node.address.withoutOwner)
      }
    }
  }
}
