import Cryptography
import Glibc
import Networking
import Peering
import Primitives
import Telemetry
import Testing

@Suite("discovery", .timeLimit(.minutes(5)))
struct DiscoveryHostTests {
  /// An interface other than loopback that tests may speak on: `Scripts/interop` makes one that
  /// leads nowhere.
  private static let link = getenv("MARTLET_TEST_LINK").map { String(cString: $0) }

  private static func settings(_ interface: String = "lo") -> MDNSSettings {
    var settings = MDNSSettings()
    settings.interfaces = [interface]
    return settings
  }

  /// Looks again until it holds.
  static func until(
    _ loop: EventLoop, _ condition: () async throws -> Bool
  ) async throws {
    for _ in 0..<2_400 {
      if try await condition() { return }
      try await loop.sleep(for: .milliseconds(25))
    }
    Issue.record("it did not come to hold")
  }

  /// Hosts that listen on loopback, each with a finder.
  private static func withFinders(
    _ keys: [PrivateNetworkKey?], on interface: String = "lo",
    listening address: Multiaddr = RelayHostTests.any,
    _ body: @Sendable (EventLoop, [PeerHost], [MDNSShell]) async throws -> Void
  ) async throws {
    try await withLoop { loop in
      try await loop.perform {
        let hosts = keys.map { key in RelayHostTests.host(loop) { $0.privateNetwork = key } }
        let finders = hosts.map { MDNSShell(host: $0, settings: settings(interface)) }
        try await withPeerHosts(hosts) {
          for host in hosts { _ = try await host.listen(on: address) }
          for finder in finders { try await finder.start() }
          try await body(loop, hosts, finders)
          for finder in finders { await finder.stop() }
        }
      }
    }
  }

  @Test("nodes of one machine find each other by multicast and connect by name alone")
  func multicast() async throws {
    let key = PrivateNetworkKey(secret: SystemRandom.bytes(32))
    try await Self.withFinders([key, key, key]) { loop, hosts, finders in
      for finder in finders { try await Self.until(loop) { await finder.found.count == 2 } }
      let connection = try await hosts[0].connect(to: hosts[2].peerID)
      #expect(await connection.provenPeer == hosts[2].peerID)
      let known = try #require(await hosts[0].book.handle(of: hosts[1].peerID))
      let record = try #require(await hosts[0].book.record(of: known))
      #expect(record.addresses.allSatisfy { $0.source == .discovered })
      // Who ends says so, and is forgotten at once.
      await finders[1].stop()
      try await Self.until(loop) { await finders[0].found == [hosts[2].peerID] }
    }
  }

  @Test("nodes of the public network and of a private one do not find each other")
  func networks() async throws {
    let key = PrivateNetworkKey(secret: SystemRandom.bytes(32))
    try await Self.withFinders([key, nil, key, nil]) { loop, hosts, finders in
      for (finder, other) in [(0, 2), (1, 3), (2, 0), (3, 1)] {
        try await Self.until(loop) { await finders[finder].found.contains(hosts[other].peerID) }
      }
      #expect(await finders[0].found == [hosts[2].peerID])
      #expect(await !finders[1].found.contains(hosts[0].peerID))
    }
  }

  @Test(
    "on a real link nodes announce what that link reaches, and nothing of loopback",
    .enabled(if: link != nil, "no MARTLET_TEST_LINK: run Scripts/interop"))
  func realLink() async throws {
    let link = try #require(Self.link)
    let everywhere = try Multiaddr("/ip4/0.0.0.0/tcp/0")
    try await Self.withFinders([nil, nil], on: link, listening: everywhere) {
      loop, hosts, finders in
      try await Self.until(loop) { await finders[0].found == [hosts[1].peerID] }
      try await Self.until(loop) { await finders[1].found == [hosts[0].peerID] }
      let interface = try #require(NetworkInterface.all().first { $0.name == link })
      let handle = try #require(await hosts[0].book.handle(of: hosts[1].peerID))
      let addresses = try #require(await hosts[0].book.record(of: handle)).addresses
      #expect(!addresses.isEmpty)
      for known in addresses {
        #expect(interface.addresses.contains { $0.ip == known.address.ipBytes })
      }
      let connection = try await hosts[0].connect(to: hosts[1].peerID)
      #expect(await connection.provenPeer == hosts[1].peerID)
    }
  }

  @Test("a node without a usable interface says so")
  func noInterface() async throws {
    try await withLoop { loop in
      await loop.perform {
        var settings = MDNSSettings()
        settings.interfaces = ["none"]
        let finder = MDNSShell(host: RelayHostTests.host(loop), settings: settings)
        let error = await Self.failure { () async throws(PeerError) in try await finder.start() }
        #expect(error == .socket(.unreachable("each multicast group")))
      }
    }
  }

  private static func failure(
    _ body: @Sendable () async throws(PeerError) -> Void
  ) async -> PeerError? {
    do throws(PeerError) { try await body() } catch { return error }
    return nil
  }

  // MARK: Rendezvous

  /// A point and hosts that listen, and the point's address.
  private static func withPoint(
    hosts count: Int, _ limits: RendezvousServerLimits = RendezvousServerLimits(),
    _ body: @Sendable (RendezvousServer, Multiaddr, [PeerHost]) async throws -> Void
  ) async throws {
    try await withLoop { loop in
      try await loop.perform {
        let hosts = (0...count).map { _ in RelayHostTests.host(loop) }
        try await withPeerHosts(hosts) {
          let server = RendezvousServer(host: hosts[0], limits: limits)
          await server.start()
          for host in hosts { _ = try await host.listen(on: RelayHostTests.any) }
          let address = try #require(await hosts[0].ownAddresses().first)
          try await body(server, address, Array(hosts.dropFirst()))
        }
      }
    }
  }

  @Test("nodes find each other through a rendezvous point and connect by name alone")
  func rendezvous() async throws {
    try await Self.withPoint(hosts: 2) { server, point, hosts in
      let found = Lock<[PeerID]>([])
      let clients = hosts.map { host in
        var settings = RendezvousClientSettings()
        settings.discoverInterval = .seconds(1)
        return RendezvousClient(
          host: host, points: [point], namespaces: ["test"], settings: settings
        ) { peer, _ in found.withLock { $0.append(peer) } }
      }
      for client in clients { await client.start() }
      let loop = server.host.loop
      try await Self.until(loop) {
        found.withLock { Set($0) == Set(hosts.map(\.peerID)) }
      }
      let handle = try #require(await hosts[0].book.handle(of: hosts[1].peerID))
      let record = try #require(await hosts[0].book.record(of: handle))
      #expect(!record.recordEnvelope.isEmpty, "what the peer signed is kept")
      let connection = try await hosts[0].connect(to: hosts[1].peerID)
      #expect(await connection.provenPeer == hosts[1].peerID)
      #expect(await server.registrationCount == 2)
      for client in clients { await client.stop() }
      try await Self.until(loop) { await server.registrationCount == 0 }
    }
  }

  @Test("one request at a time: registered, listed page by page, refused by name, taken back")
  func requests() async throws {
    try await Self.withPoint(hosts: 3) { server, point, hosts in
      let clients = hosts.map { RendezvousClient(host: $0, points: [], namespaces: []) }
      for client in clients {
        #expect(try await client.register("a", at: point) == .seconds(7_200))
      }
      let first = try await clients[0].discover("a", at: point, max: 2)
      #expect(first.registrations.map(\.peer) == hosts.prefix(2).map(\.peerID))
      let second = try await clients[0].discover("a", at: point, max: 2, cookie: first.cookie)
      #expect(second.registrations.map(\.peer) == [hosts[2].peerID])
      #expect(second.registrations.allSatisfy { $0.record != nil })
      #expect(try await clients[0].discover(nil, at: point).registrations.count == 3)
      await #expect(throws: PeerError.rendezvousRefused(.invalidCookie)) {
        _ = try await clients[0].discover("b", at: point, cookie: first.cookie)
      }
      await #expect(throws: PeerError.rendezvousRefused(.invalidLifetime)) {
        try await clients[0].register("a", at: point, for: .seconds(1))
      }
      await #expect(throws: PeerError.rendezvousRefused(.invalidNamespace)) {
        try await clients[0].register("", at: point)
      }
      try await clients[0].unregister("a", at: point)
      try await Self.until(server.host.loop) { await server.registrationCount == 2 }
    }
  }

  @Test("a message that is none ends the stream, and the point serves on")
  func malformed() async throws {
    try await Self.withPoint(hosts: 1) { server, point, hosts in
      for bytes in [Bytes([8, 100]), Bytes(repeating: 0xFF, count: 4_000)] {
        let peer = try #require(point.peer)
        let stream = try await hosts[0].open(
          [RendezvousMessage.protocolID], to: peer, at: [point])
        try await stream.writeMessage(bytes)
        await #expect(throws: PeerError.self) { _ = try await stream.readExactly(1) }
      }
      let client = RendezvousClient(host: hosts[0], points: [], namespaces: [])
      #expect(try await client.register("a", at: point) == .seconds(7_200))
    }
  }
}
