import Cryptography
import Networking
import Peering
import Primitives
import Testing

/// Relays and AutoNAT with go-libp2p: `Scripts/bootstrap --peers` fetches it.
@Suite(
  "go-libp2p relays",
  .enabled(if: GoPeer.executable != nil, "no p2pd: run Scripts/bootstrap --peers"),
  .timeLimit(.minutes(5)))
struct GoRelayTests {
  private static func withGo(
    _ hosts: Int, _ body: @escaping @Sendable (GoPeer, [PeerHost]) async throws -> Void
  ) async throws {
    let executable = try #require(GoPeer.executable)
    try await withLoop { loop in
      try await loop.perform {
        let hosts = (0..<hosts).map { _ in RelayHostTests.host(loop) }
        let go = try await GoPeer(
          loop: loop, executable: executable,
          options: ["-relayService=1", "-autonat", "-forceReachabilityPublic"])
        defer { go.stop() }
        try await withPeerHosts(hosts) { try await body(go, hosts) }
      }
    }
  }

  @Test("go-libp2p reserves for us, and a stream to us goes through it")
  func throughGo() async throws {
    try await Self.withGo(2) { go, hosts in
      try await RelayHostTests.meet(through: try await go.address(), hosts)
    }
  }

  @Test("go-libp2p says that nobody reserved")
  func strangers() async throws {
    try await Self.withGo(1) { go, hosts in
      let client = RelayClient(host: hosts[0])
      await client.start()
      let address = try await go.address()
      let stranger = SigningKey.generate().publicKey.peerID
      let circuit = try #require(
        CircuitAddress(CircuitAddress.make(through: address, to: stranger)))
      await #expect(throws: PeerError.relayRefused(.noReservation)) {
        _ = try await client.connect(to: stranger, through: circuit)
      }
    }
  }

  @Test("go-libp2p comes to us through our relay")
  func goThroughUs() async throws {
    try await Self.withGo(2) { go, hosts in
      let relay = RelayServer(host: hosts[0])
      let client = RelayClient(host: hosts[1])
      await relay.start()
      await client.start()
      let address = try await hosts[0].listen(on: RelayHostTests.any)
      try await client.reserve(at: hosts[0].peerID, addresses: [address])
      let circuit = CircuitAddress.make(through: address, to: hosts[1].peerID)
      try await go.connect(to: circuit)
      let goPeer = try #require(try await go.address().peer)
      #expect(await hosts[1].isConnected(goPeer))
      #expect(await !hosts[1].isDirectlyConnected(goPeer))
    }
  }

  @Test("go-libp2p refuses to dial this machine for AutoNAT, and we understand that")
  func autoNAT() async throws {
    try await Self.withGo(1) { go, hosts in
      let client = AutoNATClient(host: hosts[0])
      await client.start()
      _ = try await hosts[0].listen(on: RelayHostTests.any)
      let address = try await go.address()
      let peer = try #require(address.peer)
      _ = try await hosts[0].connect(to: peer, at: [address])
      #expect(try await client.ask(peer) == nil)
      #expect(await client.reachability == .unknown)
    }
  }
}
