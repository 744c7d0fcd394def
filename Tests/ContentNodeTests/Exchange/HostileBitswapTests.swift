import ContentNode
import ContentStore
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Testing

/// Bitswap streams as no honest peer writes or reads them, beside one that does.
@Suite("Bitswap with hostile peers", .timeLimit(.minutes(2)))
struct HostileBitswapTests {
  /// The leaves of a file that lies in a store.
  private static func leaves(of cid: CID, in store: BlockStore) throws -> [CID] {
    try DagLinks.links(of: store.block(cid), cid)
  }

  private static func varint(_ value: UInt64) -> Bytes {
    var bytes = Bytes()
    Varint.append(value, to: &bytes)
    return bytes
  }

  /// Sends bytes over a stream of their own, and waits until the other side is done with it.
  private static func send(
    _ bytes: Bytes, from attacker: ExchangeNode, to server: ExchangeNode
  ) async throws {
    let stream = try await attacker.host.open(
      [BitswapVersion.v1r2.protocolID], to: server.host.peerID, at: [server.address])
    try await stream.write(bytes)
    await stream.finish()
    while (try? await stream.read(within: .seconds(10))) ?? nil != nil {}
    await stream.close()
  }

  @Test("messages that are cut short or altered end their own stream and nothing else")
  func damaged() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop, serving: .bitswap) { server in
        let (file, content) = try await server.add(byteCount: 3_000_000, seed: 5)
        var message = BitswapMessage(
          wants: try Self.leaves(of: file.cid, in: server.store).map { .init($0, .have) })
        message.append(Bytes("nobody asked for this".utf8), as: file.cid)
        message.presences = [.init(file.cid, isHad: true)]
        let bytes = message.encoded()
        let framed = Self.varint(UInt64(bytes.count)) + bytes
        try await ExchangeWorld.withNode(loop, serving: .none) { attacker in
          var random = SplitMix64(seed: 1)
          for _ in 0..<40 {
            let end = Int.random(in: 1..<framed.count, using: &random)
            try await Self.send(Bytes(framed[..<end]), from: attacker, to: server)
            var altered = framed
            altered[end] ^= UInt8.random(in: 1...255, using: &random)
            try await Self.send(altered, from: attacker, to: server)
          }
          try await Self.send(Self.varint(1 << 40), from: attacker, to: server)
          #expect(await server.host.isConnected(attacker.host.peerID))
        }
        try await ExchangeWorld.withNode(loop) { client in
          _ = try await client.fetch(file.cid, from: [server.address])
          #expect(try await client.content(of: file.cid) == content)
        }
      }
    }
  }

  @Test("who asks for much and reads nothing is sent little, and others get theirs")
  func neverReads() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop, serving: .bitswap) { server in
        let (file, content) = try await server.add(
          byteCount: 40_000_000, seed: 6, profile: .v0In2015)
        let wants = try Self.leaves(of: file.cid, in: server.store)
        try #require(wants.count > 150)
        try await ExchangeWorld.withNode(loop, serving: .none) { attacker in
          await attacker.host.serve(
            StreamProtocol(BitswapVersion.v1r2.protocolID) { stream in
              // Longer than the test.
              try await stream.connection.loop.sleep(for: .seconds(120))
            })
          let message = BitswapMessage(wants: wants.map { .init($0) })
          let stream = try await attacker.host.open(
            [BitswapVersion.v1r2.protocolID], to: server.host.peerID, at: [server.address])
          try await stream.writeMessage(message.encoded())
          try await ExchangeWorld.withNode(loop) { client in
            _ = try await client.fetch(file.cid, from: [server.address])
            #expect(try await client.content(of: file.cid) == content)
            // Besides what the client got, about a window of the other one's stream was sent.
            let unread = await Self.sentBytes(server) - Self.receivedBytes(client)
            #expect((100_000...1_000_000).contains(unread))
          }
        }
      }
    }
  }

  private static func sentBytes(_ node: ExchangeNode) async -> Int64 {
    Int64(clamping: await bitswapTraffic(node)?.sent ?? 0)
  }

  private static func receivedBytes(_ node: ExchangeNode) async -> Int64 {
    Int64(clamping: await bitswapTraffic(node)?.received ?? 0)
  }

  private static func bitswapTraffic(_ node: ExchangeNode) async -> Traffic? {
    let rows = await node.host.bandwidth().rows
    return rows.first { $0.protocolID == BitswapVersion.v1r2.protocolID }?.traffic
  }
}
