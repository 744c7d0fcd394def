import Cryptography
import Networking
import Peering
import Primitives
import Testing

@Suite("reachability", .timeLimit(.minutes(5)))
struct ReachabilityHostTests {
  private static var local: DialBackLimits {
    var limits = DialBackLimits()
    limits.dialsLocalAddresses = true
    return limits
  }

  @Test("a server dials us back and proves it, by the second version")
  func check() async throws {
    try await withLoop { loop in
      let (serverHost, host) = (RelayHostTests.host(loop), RelayHostTests.host(loop))
      try await withPeerHosts([serverHost, host]) {
        let server = AutoNATServer(host: serverHost, limits: Self.local)
        let client = AutoNATClient(host: host, serversNeeded: 1)
        await server.start()
        await client.start()
        let address = try await serverHost.listen(on: RelayHostTests.any)
        let own = try await host.listen(on: RelayHostTests.any).withoutOwner
        _ = try await host.connect(to: serverHost.peerID, at: [address])
        let closed = try Multiaddr("/ip4/127.0.0.1/tcp/9")
        let reached = try await client.ask(serverHost.peerID)
        #expect(reached?.address == own)
        #expect(reached?.isReachable == true)
        #expect(await client.reachability == .reachable)
        let missed = try await client.ask(serverHost.peerID, about: [closed])
        #expect(missed?.isReachable == false)
        #expect(await client.reachability(of: closed) == .unreachable)
        // Another loopback address is another host: the client pays, and is dialled there.
        let paid = try await client.ask(
          serverHost.peerID, about: [Multiaddr("/ip4/127.0.0.2/tcp/9")])
        #expect(paid?.isReachable == false)
        // Three dials a minute are given to a peer.
        #expect(try await client.ask(serverHost.peerID) == nil)
      }
    }
  }

  @Test("a server of the first version dials only where we are seen, and never this machine")
  func status() async throws {
    try await withLoop { loop in
      for (limits, expected) in [(Self.local, true), (DialBackLimits(), nil)] {
        let (serverHost, host) = (RelayHostTests.host(loop), RelayHostTests.host(loop))
        try await withPeerHosts([serverHost, host]) {
          let server = AutoNATServer(host: serverHost, limits: limits)
          let client = AutoNATClient(host: host, serversNeeded: 1)
          await server.start()
          await serverHost.stopServing(AutoNATProtocol.dialRequest)
          let address = try await serverHost.listen(on: RelayHostTests.any)
          _ = try await host.listen(on: RelayHostTests.any)
          _ = try await host.connect(to: serverHost.peerID, at: [address])
          #expect(try await client.ask(serverHost.peerID)?.isReachable == expected)
        }
      }
    }
  }

  @Test("who claims to have reached us without our number is not believed")
  func liar() async throws {
    try await withLoop { loop in
      let (serverHost, host) = (RelayHostTests.host(loop), RelayHostTests.host(loop))
      try await withPeerHosts([serverHost, host]) {
        await serverHost.serve(
          StreamProtocol(AutoNATProtocol.dialRequest) { stream in
            _ = try await stream.readMessage(limit: 8_192)
            try await stream.writeMessage(
              AddressCheckMessage.response(.ok, index: 0, .ok).encoded())
          })
        let client = AutoNATClient(host: host, serversNeeded: 1)
        await client.start()
        let address = try await serverHost.listen(on: RelayHostTests.any)
        _ = try await host.listen(on: RelayHostTests.any)
        _ = try await host.connect(to: serverHost.peerID, at: [address])
        #expect(try await client.ask(serverHost.peerID) == nil)
        #expect(await client.reachability == .unknown)
      }
    }
  }

  @Test("a relayed connection becomes a direct one, from the ports both sides listen on")
  func punch() async throws {
    try await withLoop { loop in
      let relayHost = RelayHostTests.host(loop)
      let hosts = (0..<2).map { _ in
        RelayHostTests.host(loop) { $0.dialsFromListenPort = true }
      }
      try await withPeerHosts([relayHost] + hosts) {
        let relay = RelayServer(host: relayHost)
        let punchers = hosts.map { HolePuncher(host: $0, dialsLocalAddresses: true) }
        let clients = [
          RelayClient(host: hosts[0]) { connection in await punchers[0].upgrade(connection) },
          RelayClient(host: hosts[1]),
        ]
        await relay.start()
        for client in clients { await client.start() }
        for puncher in punchers { await puncher.start() }
        let address = try await relayHost.listen(on: RelayHostTests.any)
        for host in hosts { _ = try await host.listen(on: RelayHostTests.any) }
        try await clients[0].reserve(at: relayHost.peerID, addresses: [address])
        let circuit = CircuitAddress.make(through: address, to: hosts[0].peerID)
        let connection = try await hosts[1].dial(circuit)
        #expect(connection.isRelayed)
        while await !hosts[1].isDirectlyConnected(hosts[0].peerID) { await Task.yield() }
        let stream = try await hosts[1].open(["/test/echo/1.0.0"], to: hosts[0].peerID)
        #expect(!stream.connection.isRelayed)
        try await RelayHostTests.echoes([1, 2, 3], on: stream)
      }
    }
  }

  @Test("a peer that is connected directly cannot make us dial others")
  func notRelayed() async throws {
    try await withLoop { loop in
      let hosts = [RelayHostTests.host(loop), RelayHostTests.host(loop)]
      try await withPeerHosts(hosts) {
        let puncher = HolePuncher(host: hosts[0], dialsLocalAddresses: true)
        await puncher.start()
        let address = try await hosts[0].listen(on: RelayHostTests.any)
        let stream = try await hosts[1].open(
          [HolePunchMessage.protocolID], to: hosts[0].peerID, at: [address])
        await #expect(throws: PeerError.streamReset) {
          try await stream.writeMessage(HolePunchMessage.connect([]).encoded())
          _ = try await stream.readMessage(limit: HolePunchMessage.bytesMax)
        }
      }
    }
  }
}
