import Cryptography
import ForeignPeers
import Networking
import Peering
import Primitives
import Testing

/// Relays, AutoNAT and hole punching with py-libp2p.
@Suite(
  "py-libp2p relays", .enabled(if: pythonOfPeers != nil, pythonIsMissing),
  .timeLimit(.minutes(5)))
struct PyRelayTests {
  @Test("py-libp2p reserves for us, and a stream to us goes through it")
  func throughPython() async throws {
    try await withPython(["relay": "hop"], hosts: 2) { python, hosts in
      try await RelayHostTests.meet(through: try await python.address(), hosts)
    }
  }

  @Test("py-libp2p comes to us through our relay, and we to it")
  func throughUs() async throws {
    try await withPython(["relay": "stop"], hosts: 2) { python, hosts in
      let relay = RelayServer(host: hosts[0])
      let client = RelayClient(host: hosts[1])
      await relay.start()
      await client.start()
      let address = try await hosts[0].loopbackAddress
      try await client.reserve(at: hosts[0].peerID, addresses: [address])
      let theirs = try await python.itself().peer
      let circuit = CircuitAddress.make(through: address, to: hosts[1].peerID)
      try await python.ask("dial_circuit", ["address": circuit.json])
      #expect(await hosts[1].isConnected(theirs))
      #expect(await !hosts[1].isDirectlyConnected(theirs))
      let echoed = try await python.ask("echo", ["peer": hosts[1].peerID.json, "size": 30_000])
      #expect(echoed == true)
    }
  }

  @Test("py-libp2p reserves at our relay, and we reach it there")
  func pythonReserves() async throws {
    try await withPython(["relay": "stop"], hosts: 2) { python, hosts in
      let relay = RelayServer(host: hosts[0])
      let client = RelayClient(host: hosts[1])
      await relay.start()
      await client.start()
      let address = try await hosts[0].loopbackAddress
      #expect(try await python.ask("reserve", ["address": address.json]) == true)
      let theirs = try await python.itself().peer
      let connection = try await hosts[1].dial(CircuitAddress.make(through: address, to: theirs))
      #expect(connection.isRelayed)
      #expect(await connection.provenPeer == theirs)
      let stream = try await connection.openStream(["/test/echo/1.0.0"])
      try await RelayHostTests.echoes(Bytes(repeating: 9, count: 30_000), on: stream)
    }
  }

  @Test("py-libp2p dials us back for AutoNAT, and we dial it back")
  func autoNAT() async throws {
    try await withPython(["autonat": true]) { python, hosts in
      let host = hosts[0]
      let client = AutoNATClient(host: host, serversNeeded: 1)
      var limits = DialBackLimits()
      limits.dialsLocalAddresses = true
      let server = AutoNATServer(host: host, limits: limits)
      await client.start()
      await server.start()
      let theirs = try await python.itself().peer
      _ = try await host.connect(to: theirs, at: [try await python.address()])
      let reached = try await client.ask(theirs)
      #expect(reached?.isReachable == true)
      #expect(await client.reachability == .reachable)
      // ResponseStatus OK = 0 (libp2p/specs autonat-v1).
      #expect(try await python.ask("dial_back", ["peer": host.peerID.json]) == 0)
    }
  }

  @Test("py-libp2p leads, we follow, and a relayed connection becomes a direct one")
  func pythonLeads() async throws {
    try await Self.withPunching { python, host, circuit in
      let puncher = HolePuncher(host: host, dialsLocalAddresses: true)
      await puncher.start()
      let theirs = try #require(circuit.peer)
      #expect(try await host.dial(circuit).isRelayed)
      try await eventually(on: host.loop) {
        try await python.ask("is_relayed", ["peer": host.peerID.json]) == true
      }
      try await python.ask("punch", ["peer": host.peerID.json])
      try await eventually(on: host.loop) { await host.isDirectlyConnected(theirs) }
      let report = await host.bandwidthReport().text()
      #expect(report.contains(HolePunchMessage.protocolID))
    }
  }

  /// Our own puncher first dials where the peer says that it listens, as the specification wants,
  /// and that succeeds on one machine: so the messages are written here.
  @Test("we lead, py-libp2p follows and dials us when it is told to")
  func pythonFollows() async throws {
    try await Self.withPunching { python, host, circuit in
      let theirs = try #require(circuit.peer)
      let stream = try await host.dial(circuit).openStream([HolePunchMessage.protocolID])
      let own = try await host.loopbackAddress.withoutOwner
      try await stream.writeMessage(HolePunchMessage.connect([own]).encoded())
      let answer = try #require(
        try await stream.readMessage(limit: HolePunchMessage.bytesMax, within: .seconds(20)))
      guard case .connect(let seen) = try HolePunchMessage(decoding: answer) else {
        throw PeerError.reachability(.kind)
      }
      #expect(seen.contains(try await python.address().withoutOwner))
      try await stream.writeMessage(HolePunchMessage.sync.encoded())
      try await eventually(on: host.loop) { await host.isDirectlyConnected(theirs) }
    }
  }

  /// A host of ours, a relay of ours, and a py-libp2p that is reached through it at an address.
  private static func withPunching(
    _ body: @escaping @Sendable (CommandedPeer, PeerHost, Multiaddr) async throws -> Void
  ) async throws {
    try await withPython(["relay": "stop", "punches": true], hosts: 2) { settings in
      settings.dialsFromListenPort = true
    } _: { python, hosts in
      let relay = RelayServer(host: hosts[0])
      let client = RelayClient(host: hosts[1])
      await relay.start()
      await client.start()
      let address = try await hosts[0].loopbackAddress
      #expect(try await python.ask("reserve", ["address": address.json]) == true)
      let theirs = try await python.itself().peer
      try await body(python, hosts[1], CircuitAddress.make(through: address, to: theirs))
    }
  }
}
