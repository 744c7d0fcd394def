/// What a peer's protocol can do.
package enum GossipsubVersion: UInt8, CaseIterable, Comparable, Sendable {
  /// `/floodsub/1.0.0`: every message goes there, no control.
  case floodsub
  /// `/meshsub/1.0.0`: a mesh.
  case v10
  /// `/meshsub/1.1.0`: and PRUNEs with backoff and peers.
  case v11
  /// `/meshsub/1.2.0`: and IDONTWANT.
  case v12

  /// The name in multistream-select.
  package var protocolID: String {
    switch self {
    case .floodsub: "/floodsub/1.0.0"
    case .v10: "/meshsub/1.0.0"
    case .v11: "/meshsub/1.1.0"
    case .v12: "/meshsub/1.2.0"
    }
  }

  /// What we propose and accept, best first.
  package static let protocolIDs = allCases.reversed().map(\.protocolID)

  /// The version of a name.
  package init?(protocolID: String) {
    guard let found = Self.allCases.first(where: { $0.protocolID == protocolID }) else {
      return nil
    }
    self = found
  }

  /// Orders by ability.
  package static func < (left: GossipsubVersion, right: GossipsubVersion) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// What one router tells another; an RPC is a list of these.
package enum GossipItem<Payload: Sendable>: Sendable {
  /// The sender listens to the topic.
  case subscribe(GossipTopic)
  /// The sender no longer does.
  case unsubscribe(GossipTopic)
  /// A message.
  case message(GossipMessage<Payload>)
  /// The sender has these messages.
  case ihave(GossipTopic, [GossipMessageID])
  /// The sender asks for these messages.
  case iwant([GossipMessageID])
  /// The sender has the receiver in its mesh.
  case graft(GossipTopic)
  /// The sender has removed the receiver from its mesh, wants no GRAFT for that many seconds (0:
  /// not said) and names peers; from the wire only those whose record is signed by themselves.
  case prune(GossipTopic, backoffSeconds: UInt32, peers: [PeerHandle])
  /// The sender needs no copy of these messages.
  case idontwant([GossipMessageID])
}

/// What a validation found.
package enum GossipVerdict: Equatable, Sendable {
  /// Deliver and forward.
  case accept
  /// Drop, and its senders are to blame.
  case reject
  /// Drop, nobody is to blame.
  case ignore
  /// The signature is not the author's, so this copy says nothing of the message of that id: its
  /// sender is to blame, another copy is asked for.
  case forged
}

/// What happens to a router.
package enum GossipsubEvent<Payload: Sendable>: Sendable {
  /// A peer speaks a version of the protocol; `weDialled` counts for D_out.
  case connected(PeerHandle, weDialled: Bool, version: GossipsubVersion)
  /// A peer has gone.
  case disconnected(PeerHandle)
  /// A peer said something.
  case received(GossipItem<Payload>, from: PeerHandle)
  /// A peer sent a message that breaks the topic's signing rules, or is too long (part P4).
  case malformed(GossipTopic, from: PeerHandle)
  /// We listen to a topic of a kind (an index of the configuration's kinds).
  case join(GossipTopic, kind: UInt8)
  /// We no longer do.
  case leave(GossipTopic)
  /// We say something.
  case publish(GossipMessage<Payload>)
  /// The answer to `.validate`.
  case validated(GossipMessageID, GossipVerdict)
  /// Part P5: what the application thinks of a peer.
  case reputation(PeerHandle, Float)
  /// A direct peer: always sent to, never in the mesh, kept connected.
  case direct(PeerHandle, Bool)
  /// Time has come to `nextWake`.
  case tick
}

/// What a router wants done.
package enum GossipsubEffect<Payload: Sendable>: Sendable {
  /// Tell a peer something.
  case send(PeerHandle, GossipItem<Payload>)
  /// Judge a message and answer by `.validated` with its id.
  case validate(GossipMessage<Payload>, from: PeerHandle)
  /// A valid message of a topic we joined.
  case deliver(GossipMessage<Payload>, from: PeerHandle)
  /// Dial a peer: named by a PRUNE, or direct and not connected.
  case connect(PeerHandle)
  /// The mesh of a topic stays below D_lo: find listeners among peers that are not connected, of
  /// whom as many are missing. Said again after pauses that double (go-libp2p-pubsub discovery.go
  /// asks each second).
  case wantsPeers(GossipTopic, missing: Int)
  /// Something was not done, and why.
  case refused(PeerHandle?, GossipRefusal)
}

/// Why something a peer or the application wanted was not done.
package enum GossipRefusal: String, Equatable, Hashable, CaseIterable, Sendable {
  /// The peer's score is below the graylist threshold.
  case graylisted
  /// The peer's score is below the gossip threshold.
  case scoreBelowGossip
  /// The peer's score is below the threshold for peer exchange.
  case scoreBelowPeerExchange
  /// `peersMax` are connected.
  case tooManyPeers
  /// `topicsMax` are known.
  case tooManyTopics
  /// `subscriptionsPerPeerMax`.
  case tooManySubscriptions
  /// `messagesPerHeartbeatMax`.
  case tooManyMessages
  /// `validationsMax` or `validationsPerPeerMax`.
  case tooManyValidations
  /// `ihaveMessagesMax` or `ihaveIDsMax`.
  case tooManyIHAVE
  /// `gossipRetransmission`, `answeredMessagesMax` or `answeredBytesMax`.
  case tooManyIWANT
  /// `idontwantMessagesMax`, `idontwantIDsMax` or `unwantedPerPeerMax`.
  case tooManyIDONTWANT
  /// `meshChangesPerHeartbeatMax`.
  case tooManyMeshChanges
  /// GRAFT before the backoff was over.
  case graftDuringBackoff
  /// GRAFT of a peer with a negative score.
  case graftWithNegativeScore
  /// GRAFT of an inbound peer into a full mesh.
  case meshFull
  /// GRAFT of a direct peer.
  case graftFromDirectPeer
  /// A message of a topic we have not joined.
  case topicNotJoined
  /// A topic's name is empty or longer than `topicBytesMax`.
  case topicNameTooLong
  /// More than `publishedBytesMax`.
  case messageTooLong
  /// The same id was published before.
  case publishedBefore
  /// No peer takes messages of the topic.
  case noPeers
}

extension GossipRefusal {
  /// What was wrong, as a lower-case sentence without a full stop.
  package var sentence: String {
    switch self {
    case .graylisted: "its score is too low for it to be heard"
    case .scoreBelowGossip: "its score is too low for gossip"
    case .scoreBelowPeerExchange: "its score is too low for peers that it names"
    case .tooManyPeers: "too many peers speak gossip"
    case .tooManyTopics: "too many topics are known"
    case .tooManySubscriptions: "it subscribed to too many topics"
    case .tooManyMessages: "it sent too many messages between two heartbeats"
    case .tooManyValidations: "too many messages of it, or of all, wait to be checked"
    case .tooManyIHAVE: "it advertised too many messages"
    case .tooManyIWANT: "it asked for too many messages"
    case .tooManyIDONTWANT: "it declined too many messages"
    case .tooManyMeshChanges: "it changed meshes too often"
    case .graftDuringBackoff: "it wanted into a mesh that it had to stay out of"
    case .graftWithNegativeScore: "it wanted into a mesh with a negative score"
    case .meshFull: "the mesh is full"
    case .graftFromDirectPeer: "a direct peer is in no mesh"
    case .topicNotJoined: "nobody here listens to the topic"
    case .topicNameTooLong: "the topic's name is empty or too long"
    case .messageTooLong: "the message is too long"
    case .publishedBefore: "the message was published before"
    case .noPeers: "no peer takes messages of the topic"
    }
  }
}

extension GossipItem: Equatable where Payload: Equatable {}
extension GossipsubEffect: Equatable where Payload: Equatable {}
