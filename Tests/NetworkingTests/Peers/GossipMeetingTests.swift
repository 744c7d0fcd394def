import Cryptography
import Networking
import Peering
import Primitives
import Telemetry
import Testing

/// A router whose mesh stays thin meets other peers of its Kademlia network.
@Suite("peers that a thin mesh wants", .timeLimit(.minutes(5)))
struct GossipMeetingTests {
  private struct Member: Sendable {
    let host: PeerHost
    let kademlia: KademliaShell
    let gossip: GossipsubShell
    let address: Multiaddr

    init(_ world: PeerWorld, hears: @escaping @Sendable (Bytes) -> Void = { _ in }) async throws {
      var parameters = GossipsubParameters()
      parameters.heartbeatInterval = .milliseconds(50)
      host = try world.host(PeerWorld.file())
      address = try await host.listen(on: PeerWorld.any)
      var settings = KademliaSettings.martlet
      settings.requiresAdmission = false
      kademlia = await KademliaShell(host: host, protocolID: "/test/kad", settings: settings)
      await kademlia.start()
      gossip = await GossipsubShell(
        host: host, configuration: try GossipsubConfiguration(parameters: parameters),
        deliver: { message, _ in hears(message.data ?? []) })
      await gossip.start()
      await gossip.join("news")
    }
  }

  @Test("a peer of the table that is not connected is dialled, and messages come from it")
  func meeting() async throws {
    try await PeerWorld.run { world in
      let heard = Lock<Set<Bytes>>([])
      let alone = try await Member(world) { data in heard.withLock { _ = $0.insert(data) } }
      let other = try await Member(world)
      _ = try await alone.kademlia.bootstrap(from: [other.address])
      #expect(await alone.kademlia.waitForPeers(within: .seconds(60)))
      let open = try #require(await alone.host.connection(with: other.host.peerID))
      await open.close()
      while await alone.host.isConnected(other.host.peerID) {
        try await Task.sleep(for: .milliseconds(5))
      }
      // Asking for more would look up, and so meet, others.
      #expect(await alone.kademlia.strangers(1) == [other.host.peerID])
      await alone.gossip.meetPeers { topic, wanted in
        topic == "news" ? await alone.kademlia.strangers(wanted) : []
      }
      while heard.withLock({ !$0.contains([7]) }) {
        try await Task.sleep(for: .milliseconds(20))
        await other.gossip.publish([7], on: "news")
      }
      #expect(await alone.host.isConnected(other.host.peerID))
      #expect(await alone.kademlia.strangers(4).isEmpty)
    }
  }

  @Test("a mesh of nobody asks for all that it lacks, again and again")
  func asking() async throws {
    try await PeerWorld.run { world in
      let alone = try await Member(world)
      let other = try await Member(world)
      let asked = Lock<[Int]>([])
      await alone.gossip.meetPeers { _, wanted in
        asked.withLock { $0.append(wanted) }
        return [other.host.peerID]
      }
      // Nobody knows where it is.
      while asked.withLock({ $0.count < 2 }) { try await Task.sleep(for: .milliseconds(20)) }
      #expect(asked.withLock { Set($0) } == [6])
      #expect(await !alone.host.isConnected(other.host.peerID))
    }
  }
}
