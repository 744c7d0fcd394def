import Cryptography
import Networking
import Peering
import Primitives
import Telemetry
import Testing

/// Kademlia and gossipsub against go-libp2p, which stores and forwards what we send and the other
/// way round.
@Suite(
  "go-libp2p's protocols",
  .enabled(if: GoPeer.executable != nil, "no p2pd: run Scripts/bootstrap --peers"),
  .timeLimit(.minutes(5)))
struct GoProtocolTests {
  private static let digest = SHA256.hash(Bytes("martlet and go".utf8)).bytes
  private static let multihash: Bytes = [0x12, 0x20] + digest
  /// CIDv1, raw.
  private static let cid: Bytes = [0x01, 0x55] + multihash

  @Test("go keeps our provider record and gives it to another node of ours")
  func provideToGo() async throws {
    try await withGo(["-dhtServer"]) { go, loop in
      let address = try await go.address()
      let key = KademliaKey(Self.multihash)
      try await withKademlia(loop, from: address) { host, shell in
        let outcome = await shell.run(.provide(key))
        #expect(outcome.stored == 1)
        try await withKademlia(loop, from: address) { _, other in
          let found = await other.run(.findProviders(key, wanted: 1))
          let book = await other.bookOfHost()
          #expect(found.providers.compactMap { book.peer(of: $0) } == [host.peerID])
        }
      }
    }
  }

  @Test("go finds a node of ours by its id for another one, which then dials it")
  func findNode() async throws {
    try await withGo(["-dhtServer"]) { go, loop in
      let address = try await go.address()
      try await withKademlia(loop, from: address) { host, _ in
        try await withKademlia(loop, from: address) { other, shell in
          _ = await shell.run(.findNode(KademliaKey(host.peerID.bytes)))
          let connection = try await other.connect(to: host.peerID)
          #expect(await connection.provenPeer == host.peerID)
        }
      }
    }
  }

  @Test("a public key stored at go is read back by another node of ours")
  func values() async throws {
    try await withGo(["-dhtServer"]) { go, loop in
      let address = try await go.address()
      let owner = SigningKey.generate().publicKey
      let record = KademliaRecord(
        key: KademliaKey(Bytes("/pk/".utf8) + owner.peerID.bytes), value: owner.protobuf)
      try await withKademlia(loop, from: address) { _, shell in
        #expect(await shell.run(.putValue(record)).stored == 1)
      }
      try await withKademlia(loop, from: address) { _, shell in
        #expect(await shell.run(.getValue(record.key)).record == record)
      }
    }
  }

  @Test("we keep go's provider record, and go finds ours with us")
  func goProvides() async throws {
    try await withGo(["-dhtServer"]) { go, loop in
      let address = try await go.address()
      try await withKademlia(loop, from: address, serves: true) { host, shell in
        try await eventually(on: loop) {
          // Refused until go has taken us into its table.
          try? await go.provide(Self.cid)
          let outcome = await shell.run(.findProviders(KademliaKey(Self.multihash), wanted: 1))
          let stored = await shell.storedProviders
          return !outcome.providers.isEmpty && stored > 0
        }
        let other: Bytes = [0x12, 0x20] + SHA256.hash([7]).bytes
        _ = await shell.run(.provide(KademliaKey(other)))
        let found = try await go.findProviders([0x01, 0x55] + other, count: 1)
        #expect(found == [host.peerID])
      }
    }
  }

  @Test("messages cross between our gossipsub and go's, in both directions")
  func gossip() async throws {
    try await withGo(["-pubsub", "-gossipsubHeartbeatInterval", "200ms"]) { go, loop in
      let address = try await go.address()
      let goID = try #require(address.peer)
      let heard = Lock<[GossipsubWireMessage]>([])
      try await withHost(loop) { host in
        let shell = await GossipsubShell(
          host: host, configuration: try GossipsubConfiguration(),
          deliver: { message, _ in heard.withLock { $0.append(message) } })
        await shell.start()
        await shell.join("news")
        try await go.subscribe(to: "news") { subscription in
          var subscription = subscription
          _ = try await host.connect(to: goID, at: [address])
          try await eventually(on: loop) {
            let known = try await go.listeners(of: "news")
            return await shell.listeners(of: "news") == 1 && known.contains(host.peerID)
          }
          await shell.publish(Bytes("from swift".utf8), on: "news")
          let received = try await subscription.next()
          #expect(received.author == host.peerID.bytes)
          #expect(received.data == Bytes("from swift".utf8))
          // Go sends to its mesh alone, which we join at a heartbeat.
          try await eventually(on: loop) {
            try await go.publish(Bytes("from go".utf8), on: "news")
            return heard.withLock { !$0.isEmpty }
          }
          let message = heard.withLock { $0.first }
          #expect(message?.data == Bytes("from go".utf8))
          #expect(message?.author == goID.bytes)
        }
      }
    }
  }
}

private func withGo(
  _ options: [String], _ body: @escaping @Sendable (GoPeer, EventLoop) async throws -> Void
) async throws {
  let executable = try #require(GoPeer.executable)
  try await withLoop { loop in
    try await loop.perform {
      let go = try await GoPeer(loop: loop, executable: executable, options: options)
      defer { go.stop() }
      try await body(go, loop)
    }
  }
}
