import ContentNode
import ContentStore
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Telemetry
import Testing

@Suite("Who is given what", .timeLimit(.minutes(2)))
struct ServingRuleTests {
  @Test(
    "what is not for a peer is to it as if it were not there",
    arguments: [ExchangeProtocols.archives, .bitswap])
  func rule(protocols: ExchangeProtocols) async throws {
    let readers = Lock<Set<PeerID>>([])
    let forbidden = Lock<CID?>(nil)
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(
        loop, serving: protocols,
        rule: { cid, peer in
          forbidden.withLock { $0 != cid } || readers.withLock { $0.contains(peer) }
        }
      ) { server in
        let (listed, content) = try await server.add(byteCount: 3_000_000, seed: 1)
        let (open, _) = try await server.add(byteCount: 3_000_000, seed: 2)
        forbidden.withLock { $0 = listed.cid }
        try await ExchangeWorld.withNode(loop) { client in
          _ = try await client.fetch(open.cid, from: [server.address])
          await #expect(throws: ContentFetchError.self) {
            try await client.fetch(listed.cid, from: [server.address])
          }
          _ = readers.withLock { $0.insert(client.host.peerID) }
          _ = try await client.fetch(listed.cid, from: [server.address])
          #expect(try await client.content(of: listed.cid) == content)
        }
      }
    }
  }
}
