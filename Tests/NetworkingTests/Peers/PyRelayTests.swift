import Cryptography
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
      let clients = hosts.map { RelayClient(host: $0) }
      for client in clients { await client.start() }
      let address = try await python.address()
      let relay = try #require(address.peer)
      let reservation = try await clients[0].reserve(at: relay, addresses: [address])
      #expect(try RelayVoucher(decoding: reservation.voucher).peer == hosts[0].peerID)
      let connection = try await hosts[1].dial(
        CircuitAddress.make(through: address, to: hosts[0].peerID))
      #expect(connection.isRelayed)
      let stream = try await connection.openStream(["/test/echo/1.0.0"])
      try await RelayHostTests.echoes(Bytes(repeating: 9, count: 30_000), on: stream)
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
}
