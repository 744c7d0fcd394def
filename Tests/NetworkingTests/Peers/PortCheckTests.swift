import Cryptography
import Networking
import Peering
import Primitives
import Testing

@Suite("Checking ports", .timeLimit(.minutes(5)))
struct PortCheckTests {
  @Test("each address is tried by each peer that dials back, and what they find is told apart")
  func findings() async throws {
    try await withLoop { loop in
      let nobody = try Multiaddr("/ip4/127.0.0.1/tcp/9")
      let (willing, choosy) = (RelayHostTests.host(loop), RelayHostTests.host(loop))
      let host = RelayHostTests.host(loop) { $0.announcedAddresses = [nobody] }
      try await withPeerHosts([willing, choosy, host]) {
        var limits = DialBackLimits()
        limits.dialsLocalAddresses = true
        let servers = [
          AutoNATServer(host: willing, limits: limits), AutoNATServer(host: choosy),
        ]
        for server in servers { await server.start() }
        let client = AutoNATClient(host: host)
        await client.start()
        let own = try await host.listen(on: RelayHostTests.any).withoutOwner
        for server in [willing, choosy] {
          let address = try await server.listen(on: RelayHostTests.any)
          await (try await host.connect(to: server.peerID, at: [address])).waitUntilIdentified()
        }
        let known = await PortCheck.servers(of: host)
        #expect(Set(known) == [willing.peerID, choosy.peerID])
        let findings = await PortCheck.run(on: host, by: client, asking: known)
        let (open, closed) = (
          try #require(findings.first { $0.address == own }),
          try #require(findings.first { $0.address == nobody })
        )
        #expect(open.verdict == .local)
        #expect(open.reached == [willing.peerID])
        #expect(open.declined == [choosy.peerID])
        #expect(closed.verdict == .closed)
        #expect(closed.missed == [willing.peerID])
      }
    }
  }

  @Test("an address that nobody tried is neither open nor closed")
  func unknown() async throws {
    try await withLoop { loop in
      let host = RelayHostTests.host(loop)
      try await withPeerHosts([host]) {
        _ = try await host.listen(on: RelayHostTests.any)
        let client = AutoNATClient(host: host)
        let findings = await PortCheck.run(on: host, by: client, asking: [])
        #expect(findings.map(\.verdict) == [.unknown])
      }
    }
  }
}
