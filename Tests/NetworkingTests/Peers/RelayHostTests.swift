import Cryptography
import Networking
import Peering
import Primitives
import Telemetry
import Testing

/// Runs hosts for as long as `body` takes.
func withPeerHosts(
  _ hosts: [PeerHost], _ body: @Sendable () async throws -> Void
) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for host in hosts { group.addTask { await host.run() } }
    do {
      try await body()
    } catch {
      for host in hosts { await host.stop() }
      throw error
    }
    for host in hosts { await host.stop() }
    try await group.waitForAll()
  }
}

@Suite("relays", .timeLimit(.minutes(5)))
struct RelayHostTests {
  static let echo = StreamProtocol("/test/echo/1.0.0") { stream in
    while let bytes = try await stream.read() { try await stream.write(bytes) }
  }

  static func host(_ loop: EventLoop, _ change: (inout PeerHostSettings) -> Void = { _ in })
    -> PeerHost
  {
    var settings = PeerHostSettings()
    change(&settings)
    return PeerHost(loop: loop, identity: .generate(), settings: settings, protocols: [echo])
  }

  static let any = try! Multiaddr("/ip4/127.0.0.1/tcp/0")

  static func echoes(_ bytes: Bytes, on stream: PeerStream) async throws {
    async let writing: Void = stream.write(bytes)
    #expect(try await stream.readExactly(bytes.count) == bytes)
    try await writing
  }

  /// The first host reserves at a relay of another program, and the second reaches it there.
  static func meet(through address: Multiaddr, _ hosts: [PeerHost]) async throws {
    let clients = hosts.map { RelayClient(host: $0) }
    for client in clients { await client.start() }
    let relay = try #require(address.peer)
    let reservation = try await clients[0].reserve(at: relay, addresses: [address])
    #expect(try RelayVoucher(decoding: reservation.voucher).peer == hosts[0].peerID)
    let connection = try await hosts[1].dial(
      CircuitAddress.make(through: address, to: hosts[0].peerID))
    #expect(connection.isRelayed)
    let stream = try await connection.openStream(["/test/echo/1.0.0"])
    try await echoes(Bytes(repeating: 9, count: 30_000), on: stream)
  }

  /// A relay, a peer that listens nowhere and is reached through it, and a caller.
  private static func withRelay(
    _ limits: RelayServerLimits = RelayServerLimits(),
    _ body: @Sendable (RelayServer, RelayClient, RelayClient, Multiaddr) async throws -> Void
  ) async throws {
    try await withLoop { loop in
      let (relayHost, hidden, caller) = (host(loop), host(loop), host(loop))
      try await withPeerHosts([relayHost, hidden, caller]) {
        let relay = RelayServer(host: relayHost, limits: limits)
        let (called, calling) = (RelayClient(host: hidden), RelayClient(host: caller))
        await relay.start()
        await called.start()
        await calling.start()
        let address = try await relayHost.listen(on: any)
        try await called.reserve(at: relayHost.peerID, addresses: [address])
        let own = await hidden.ownAddresses()
        let circuit = try #require(own.first { $0.isRelayed })
        #expect(circuit == CircuitAddress.make(through: address, to: hidden.peerID))
        try await body(relay, called, calling, circuit)
      }
    }
  }

  @Test("a peer that listens nowhere is reached through a relay, and streams go both ways")
  func circuit() async throws {
    try await Self.withRelay { relay, called, calling, address in
      let connection = try await calling.host.dial(address)
      #expect(connection.isRelayed)
      #expect(await connection.provenPeer == called.host.peerID)
      let stream = try await connection.openStream(["/test/echo/1.0.0"])
      try await Self.echoes(Bytes((0..<20_000).map { UInt8(truncatingIfNeeded: $0) }), on: stream)
      let back = try await called.host.open(["/test/echo/1.0.0"], to: calling.host.peerID)
      try await Self.echoes([1, 2, 3], on: back)
      #expect(await relay.counts == (reservations: 1, circuits: 1))
    }
  }

  @Test("a known circuit address is dialled by the peer's name alone")
  func byName() async throws {
    try await Self.withRelay { _, called, calling, address in
      let connection = try await calling.host.connect(to: called.host.peerID, at: [address])
      #expect(connection.isRelayed)
    }
  }

  @Test("a circuit ends when it has carried what it may, and the relay forgets it")
  func metered() async throws {
    var limits = RelayServerLimits()
    limits.circuitBytes = 20_000
    try await Self.withRelay(limits) { relay, _, calling, address in
      let connection = try await calling.host.dial(address)
      let stream = try await connection.openStream(["/test/echo/1.0.0"])
      await #expect(throws: PeerError.self) {
        try await Self.echoes(Bytes(repeating: 7, count: 40_000), on: stream)
      }
      _ = await connection.waitUntilClosed()
      while await relay.counts.circuits > 0 { await Task.yield() }
    }
  }

  @Test("who has no reservation is not reached, and the caller is told")
  func noReservation() async throws {
    try await Self.withRelay { _, _, calling, address in
      let stranger = SigningKey.generate().publicKey.peerID
      let circuit = try #require(CircuitAddress(address))
      await #expect(throws: PeerError.relayRefused(.noReservation)) {
        _ = try await calling.connect(to: stranger, through: circuit)
      }
    }
  }

  @Test("a reservation ends with the connection, and so does the address")
  func lostRelay() async throws {
    try await Self.withRelay { relay, called, calling, address in
      let host = called.host
      for connection in await host.openConnections { await connection.close() }
      while await relay.counts.reservations > 0 { await Task.yield() }
      while await host.ownAddresses().contains(where: \.isRelayed) { await Task.yield() }
      await #expect(throws: PeerError.relayRefused(.noReservation)) {
        _ = try await calling.host.dial(address)
      }
    }
  }

  @Test("a relay does not relay for those who come through a relay")
  func noChains() async throws {
    try await Self.withRelay { _, called, calling, address in
      let second = RelayServer(host: called.host)
      await second.start()
      let connection = try await calling.host.dial(address)
      #expect(connection.isRelayed)
      await #expect(throws: PeerError.relayRefused(.permissionDenied)) {
        try await calling.reserve(at: called.host.peerID)
      }
    }
  }

  @Test("nodes with one secret talk, also through a relay; a node without it does not")
  func privateNetwork() async throws {
    let key = try #require(PrivateNetworkKey(secret: SystemRandom.bytes(32)))
    let other = try #require(PrivateNetworkKey(secret: SystemRandom.bytes(32)))
    try await withLoop { loop in
      let inside = (0..<3).map { _ in Self.host(loop) { $0.privateNetwork = key } }
      let outside = [Self.host(loop), Self.host(loop) { $0.privateNetwork = other }]
      try await withPeerHosts(inside + outside) {
        let relay = RelayServer(host: inside[0])
        let clients = [RelayClient(host: inside[1]), RelayClient(host: inside[2])]
        await relay.start()
        for client in clients { await client.start() }
        let address = try await inside[0].listen(on: Self.any)
        try await clients[0].reserve(at: inside[0].peerID, addresses: [address])
        let circuit = CircuitAddress.make(through: address, to: inside[1].peerID)
        let stream = try await inside[2].dial(circuit).openStream(["/test/echo/1.0.0"])
        try await Self.echoes(Bytes(repeating: 3, count: 50_000), on: stream)
        for host in outside {
          await #expect(throws: PeerError.self) { _ = try await host.dial(address) }
        }
      }
    }
  }
}
