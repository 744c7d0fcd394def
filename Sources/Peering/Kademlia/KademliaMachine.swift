package import Primitives

/// Client and server of one Kademlia network (libp2p/specs kad-dht; differences:
/// docs/specs/kademlia.md). One event in, effects out; peers are handles, so that the same machine
/// runs a million times in a simulation and once over real streams.
package struct KademliaMachine: Sendable {
  /// The protocol of our own network.
  package static let martletProtocolID = "/martlet/kad/1.0.0"
  /// The protocol of IPFS, spoken only for the IPFS feature.
  package static let ipfsProtocolID = "/ipfs/kad/1.0.0"

  /// The rules of this network.
  package let settings: KademliaSettings
  /// Who this node knows.
  package var table: RoutingTable

  /// A node that knows nobody yet.
  package init(local: PeerHandle, key: DistanceKey, settings: KademliaSettings) {
    self.settings = settings
    table = RoutingTable(local: local, key: key)
  }

  /// Takes one event and appends what is to be done.
  package mutating func handle(
    _ event: KademliaEvent, now: Tick, random: inout SplitMix64,
    directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    if case .request(.findNode(let key), let peer, _, let call) = event, settings.serves {
      let closer = table.closest(to: key.point, excluding: peer, directory: directory)
      effects.append(.reply(KademliaResponse(closer: closer), to: peer, call: call))
    }
  }
}
