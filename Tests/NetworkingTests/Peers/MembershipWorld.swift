import Cryptography
import Networking
import Peering
import Primitives
import Testing

/// Nodes with real sockets on loopback that find each other in a DHT of their own.
struct MembershipNode: Sendable {
  let host: PeerHost
  let kademlia: KademliaShell
  let identity: SigningKey

  static let protocolID = "/test/kad/1.0.0"

  static func make(_ loop: EventLoop) async -> MembershipNode {
    let identity = SigningKey.generate()
    let host = PeerHost(
      loop: loop, identity: identity, settings: PeerHostSettings(), protocols: [])
    var settings = KademliaSettings.martlet
    settings.requiresAdmission = false
    let kademlia = await KademliaShell(
      host: host, protocolID: protocolID, settings: settings, admission: { _ in .puzzle })
    return MembershipNode(host: host, kademlia: kademlia, identity: identity)
  }

  /// Runs nodes that all know each other's DHT.
  static func with(
    _ count: Int, _ body: @escaping @Sendable ([MembershipNode]) async throws -> Void
  ) async throws {
    try await withLoop { loop in
      var made: [MembershipNode] = []
      for _ in 0..<count { made.append(await make(loop)) }
      let nodes = made
      try await withPeerHosts(nodes.map(\.host)) {
        var first: [Multiaddr] = []
        for node in nodes {
          let address = try await node.host.listen(on: RelayHostTests.any)
          await node.kademlia.start()
          if !first.isEmpty { _ = try await node.kademlia.bootstrap(from: first) }
          if first.isEmpty { first = [address] }
        }
        try await body(nodes)
      }
    }
  }

  func join(
    _ profile: NetworkProfile, at city: String = "berlin", country: String = "de",
    kinds: [String] = ["cpu"], invitation: NetworkInvitation? = nil,
    stake: (@Sendable (PeerID) -> Amount)? = nil
  ) async throws -> GroupMembership {
    let place = try #require(DeclaredPlace(region: "eu", country: country, city: city))
    return await GroupMembership.start(
      on: host, kademlia: kademlia,
      settings: GroupSettings(
        profile: profile, place: place, kinds: kinds, invitation: invitation, stake: stake))
  }
}

/// Waits until something is so; the suite's time limit ends what never is.
func until(_ loop: EventLoop, _ isSo: @Sendable () async throws -> Bool) async throws {
  while try await !isSo() {
    try await loop.perform { try await loop.sleep(for: .milliseconds(100)) }
  }
}

extension Collection where Element == GroupMembership {
  /// Whether each of them sees exactly these as its group.
  func see(_ peers: Set<PeerID>) async -> Bool {
    for member in self {
      guard await Set(member.members().map(\.peer)) == peers else { return false }
    }
    return true
  }

  /// The leader of a level that all of them follow; nil while they do not agree.
  func leader(of level: ClusterLevel) async -> PeerID? {
    var leaders: Set<PeerID?> = []
    for member in self { leaders.insert(await member.leader(of: level)) }
    return leaders.count == 1 ? leaders.first ?? nil : nil
  }
}
