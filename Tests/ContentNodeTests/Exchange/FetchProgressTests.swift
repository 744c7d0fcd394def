import ContentNode
import ContentStore
import Networking
import Persistence
import Primitives
import Telemetry
import Testing

@Suite("How far a fetch is", .timeLimit(.minutes(2)))
struct FetchProgressTests {
  private static let size = 9_000_000

  /// Fetches from the servers and checks that what came was counted, no more and no less.
  private static func fetch(
    _ cid: CID, _ client: ExchangeNode, from servers: [ExchangeNode]
  ) async throws {
    let meter = WorkMeter()
    _ = try await client.exchange.fetch(
      ContentFetch(ContentPath(root: cid)), from: servers.map(\.address), meter: meter)
    let total = try #require(meter.total)
    #expect(meter.done == total && total > size && total < size + 10_000)
  }

  @Test(
    "the bytes of one file come to what its root says",
    arguments: [ExchangeProtocols.archives, .bitswap])
  func single(protocols: ExchangeProtocols) async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop, serving: protocols) { server in
        let (file, _) = try await server.add(byteCount: Self.size, seed: 1)
        try await ExchangeWorld.withNode(loop) { client in
          try await Self.fetch(file.cid, client, from: [server])
          // All of it is here: it counts too.
          try await Self.fetch(file.cid, client, from: [server])
        }
      }
    }
  }

  @Test("parts that several peers send are counted once, and so is what was here")
  func shared() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop) { one in
        let (file, content) = try await one.add(byteCount: Self.size, seed: 2)
        try await ExchangeWorld.withNode(loop) { other in
          _ = try await other.add(byteCount: Self.size, seed: 2)
          try await ExchangeWorld.withNode(loop) { client in
            try await client.store.put([
              ContentBlock(hashing: Bytes(content[(4 << 20)..<(5 << 20)]), codec: .raw)
            ])
            try await Self.fetch(file.cid, client, from: [one, other])
          }
        }
      }
    }
  }
}
