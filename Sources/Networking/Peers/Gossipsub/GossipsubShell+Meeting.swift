package import Cryptography
import Peering
import Primitives

/// A mesh stays thin when those whom we know have enough others: who is in it finds more peers.
extension GossipsubShell {
  /// Asks `source` for peers whenever a topic's mesh stays thin; the router's pauses bound how
  /// often.
  package func meetPeers(of source: @escaping GossipPeerSource) { self.source = source }

  func meetMore(_ missing: Int, listeningTo topic: String) {
    guard let source else { return }
    _ = host.assumeIsolated { host in
      host.begin {
        for peer in await source(topic, missing).prefix(missing) { await self.connect(to: peer) }
      }
    }
  }
}

extension KademliaShell {
  /// Up to `count` peers of the network that are not connected, by chance: of the table, for which
  /// others are looked up first if it has too few.
  package func strangers(_ count: Int) async -> [PeerID] {
    if unconnected.count < count { _ = await run(.findNode(randomKey())) }
    return unconnected.shuffled().prefix(count).map { $0 }
  }

  private var unconnected: [PeerID] {
    let known = peers
    return host.assumeIsolated { host in
      known.filter { $0 != host.peerID && !host.isConnected($0) }
    }
  }

  private func randomKey() -> KademliaKey { KademliaKey(SystemRandom.bytes(Digest.byteCount)) }
}
