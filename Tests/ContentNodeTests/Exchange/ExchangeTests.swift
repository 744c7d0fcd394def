import ContentNode
import ContentStore
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Testing

/// Nodes of ours that fetch from each other on loopback.
@Suite("Exchange of content", .timeLimit(.minutes(2)))
struct ExchangeTests {
  @Test(
    "a file is fetched over either protocol, and its bytes are the same",
    arguments: [ExchangeProtocols.archives, .bitswap, .all])
  func file(protocols: ExchangeProtocols) async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop, serving: protocols) { server in
        let (file, content) = try await server.add(byteCount: 5_000_000, seed: 1)
        try await ExchangeWorld.withNode(loop) { client in
          let fetched = try await client.fetch(file.cid, from: [server.address], pinning: "copy")
          #expect(fetched.counts.bytes >= 5_000_000 && fetched.counts.localBlocks == 0)
          #expect(try await client.content(of: file.cid) == content)
          #expect(try client.store.pin(of: file.cid)?.name == "copy")
          // A second time nothing goes over the wire.
          let again = try await client.fetch(file.cid, from: [])
          #expect(again.counts.blocks == 0)
        }
      }
    }
  }

  @Test(
    "blocks of Kubo's size and shape are fetched too, over either protocol",
    arguments: [ExchangeProtocols.archives, .bitswap])
  func kuboProfile(protocols: ExchangeProtocols) async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop, serving: protocols) { server in
        let (file, content) = try await server.add(
          byteCount: 50_000_000, seed: 2, profile: .v0In2015)
        try await ExchangeWorld.withNode(loop) { client in
          _ = try await client.fetch(file.cid, from: [server.address])
          #expect(try await client.content(of: file.cid) == content)
        }
      }
    }
  }

  @Test(
    "nodes on loops of their own exchange for a task that runs on neither",
    arguments: [ExchangeProtocols.archives, .bitswap])
  func twoLoops(protocols: ExchangeProtocols) async throws {
    try await ExchangeWorld.withLoop { first in
      try await ExchangeWorld.withNode(first, serving: protocols) { server in
        let (file, content) = try await server.add(byteCount: 30_000_000, seed: 3)
        try await ExchangeWorld.withLoop { second in
          for _ in 0..<3 {
            try await ExchangeWorld.withNode(second) { client in
              let fetching = Task.detached {
                try await client.fetch(file.cid, from: [server.address])
              }
              _ = try await fetching.value
              #expect(try await client.content(of: file.cid) == content)
            }
          }
        }
      }
    }
  }
}
