import Cryptography
import Networking
import Peering
import Primitives
import Testing

/// Against go-libp2p: `Scripts/bootstrap --peers` fetches it, or `MARTLET_P2PD` names it.
@Suite(
  "go-libp2p",
  .enabled(if: GoPeer.executable != nil, "no p2pd: run Scripts/bootstrap --peers"),
  .timeLimit(.minutes(5)))
struct GoInteropTests {
  @Test("we dial go-libp2p, identify it and ping it")
  func dialGo() async throws {
    try await withGoPeer { go, host, _ in
      let address = try await go.address()
      let connection = try await host.dial(address)
      #expect(await connection.provenPeer == address.peer)
      let message = try await connection.identify()
      #expect(message.protocols.contains(PingProtocol.protocolID))
      #expect(PeerID(protobufKey: message.publicKey) == address.peer)
      #expect(try await connection.echo(count: 20).count == 20)
      #expect(try await connection.ping() > .zero)
    }
  }

  @Test("go-libp2p is refused under another identity")
  func wrongGo() async throws {
    try await withGoPeer { go, host, _ in
      let address = try await go.address()
      let actual = try #require(address.peer)
      let expected = SigningKey.generate().publicKey.peerID
      await #expect(throws: PeerError.peering(.wrongPeer(expected: expected, actual: actual))) {
        _ = try await host.dial(address.naming(expected))
      }
    }
  }

  @Test("go-libp2p dials us and pings us")
  func goDials() async throws {
    try await withGoPeer { go, host, ours in
      try await go.connect(to: ours)
      let payload = Bytes(0..<32)
      #expect(try await go.ping(ours, payload: payload) == payload)
      let peers = await host.openConnections
      #expect(peers.count == 1)
      #expect(try await peers.first?.provenPeer == go.address().peer)
    }
  }

  @Test("a killed process is noticed by the end of its connection, and calls in flight fail")
  func killedGo() async throws {
    try await withGoPeer { go, host, _ in
      let connection = try await host.dial(try await go.address())
      _ = try await connection.ping()
      go.stop()
      #expect(await connection.waitUntilClosed() == .closed)
      await #expect(throws: PeerError.closed) { _ = try await connection.ping() }
    }
  }

  @Test("go-libp2p does not speak our rpc, and says so")
  func noRPC() async throws {
    try await withGoPeer { go, host, _ in
      let connection = try await host.dial(try await go.address())
      await #expect(throws: PeerError.protocolRefused(RPCProtocol.protocolID)) {
        _ = try await connection.request(method: "echo")
      }
    }
  }
}

private func withGoPeer(
  _ body: @escaping @Sendable (GoPeer, PeerHost, Multiaddr) async throws -> Void
) async throws {
  let executable = try #require(GoPeer.executable)
  try await withLoop { loop in
    try await loop.perform {
      let host = PeerHost(loop: loop, identity: .generate(), handler: { _ in .success([]) })
      let go = try await GoPeer(loop: loop, executable: executable)
      defer { go.stop() }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await host.run() }
        let ours = try await host.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0"))
        do { try await body(go, host, ours) } catch { await host.stop(); throw error }
        await host.stop()
        try await group.waitForAll()
      }
    }
  }
}
