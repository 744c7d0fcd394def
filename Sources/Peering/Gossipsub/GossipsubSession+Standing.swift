package import Primitives

/// What a router thinks of a peer, for whoever asks why.
package struct GossipPeerStanding: Equatable, Sendable {
  /// The parts of its score.
  package let score: GossipScoreParts
  /// What the score, and nothing else, allows it.
  package let rights: GossipRights
  /// The topics we share a mesh with it in, sorted.
  package let meshTopics: [String]
}

/// What a score allows a peer (gossipsub-v1.1.md, "Score Thresholds").
package enum GossipRights: String, Equatable, CaseIterable, Sendable {
  /// At least 0.
  case all
  /// Negative.
  case noMesh
  /// Below the gossip threshold.
  case noGossip
  /// Below the publish threshold.
  case noMessages
  /// Below the graylist threshold.
  case unheard

  /// One lower-case sentence without a full stop.
  package var sentence: String {
    switch self {
    case .all: "it may be in every mesh"
    case .noMesh: "it is kept out of every mesh, since its score is negative"
    case .noGossip: "it is neither told of messages nor asked for any"
    case .noMessages: "our own messages do not go to it either"
    case .unheard: "nothing that it sends is read"
    }
  }
}

extension GossipThresholds {
  /// What a score allows.
  package func rights(of score: Double) -> GossipRights {
    if score < graylist { return .unheard }
    if score < publish { return .noMessages }
    if score < gossip { return .noGossip }
    return score < 0 ? .noMesh : .all
  }
}

extension GossipsubSession {
  /// What the router thinks of a connected peer; nil for a stranger.
  package func standing(of peer: PeerHandle, now: Tick) -> GossipPeerStanding? {
    guard peerIDs[peer] != nil else { return nil }
    let parts = machine.scoreParts(of: peer, now: now)
    let meshes = names.all.filter { machine.mesh(of: $0.topic).contains(peer) }
    return GossipPeerStanding(
      score: parts, rights: machine.configuration.thresholds.rights(of: parts.total),
      meshTopics: meshes.map(\.name))
  }

  /// Whether a peer's words are still read.
  package func listens(to peer: PeerHandle, now: Tick) -> Bool {
    machine.listens(to: peer, now: now)
  }
}

extension GossipScoreParts {
  /// Each part by the number that the specification gives it, with what it stands for.
  package var named: [(part: String, meaning: String, points: Double)] {
    [
      ("P1", "time in our meshes", timeInMesh), ("P2", "messages it sent first", firstDeliveries),
      ("P3", "messages it owes", meshDeliveries),
      ("P3b", "messages it owed when it left a mesh", meshFailure),
      ("P4", "invalid messages", invalidMessages), ("cap", "beyond the cap of P1 to P4", -overCap),
      ("P5", "what the application thinks of it", reputation),
      ("P6", "peers that share its network", colocation), ("P7", "broken rules", behaviour),
    ]
  }
}
