/// What a peer can make a gossipsub router hold or do, beside `GossipsubParameters`.
package enum GossipsubLimits {
  /// Peers with a stream; the connection budget is far below.
  package static let peersMax = 1_024
  /// Peers whose bad score is remembered after they left; the oldest is forgotten first.
  package static let retainedPeersMax = 1_024
  /// Direct peers.
  package static let directPeersMax = 64
  /// Topics that are known at once: ours, those we publish to, those peers announce.
  package static let topicsMax = 256
  /// Topics one peer can be subscribed to; go-libp2p-pubsub's subscription filters default to less.
  package static let subscriptionsPerPeerMax = 128
  /// Topics nobody here asked for that one peer can make us remember.
  package static let foreignTopicsPerPeerMax = 16
  /// Bytes of a topic's name.
  package static let topicBytesMax = 256
  /// Ids that are remembered as seen; beyond, the oldest is forgotten before its time.
  package static let seenMax = 65_536
  /// Messages that can be asked for by IWANT; beyond, the oldest is dropped before its time.
  package static let cachedMessagesMax = 8_192
  /// Bytes of those messages.
  package static let cachedBytesMax = 64 * 1_024 * 1_024
  /// Messages whose validation has not been answered.
  package static let validationsMax = 1_024
  /// Of those, from one peer: one flooding peer cannot keep the others' messages out.
  package static let validationsPerPeerMax = 128
  /// Bytes of messages whose validation has not been answered; as many as may be asked for.
  package static let validatingBytesMax = 64 * 1_024 * 1_024
  /// A longer message takes one more of its sender's places for each of these.
  static let validationShareBytes = 64 * 1_024
  /// Messages one peer can send between two heartbeats, duplicates included.
  package static let messagesPerHeartbeatMax: UInt16 = 4_096
  /// Peers that are remembered to have sent the same message.
  package static let deliverersPerMessageMax = 64
  /// Bytes sent to one peer in answer to its IWANTs between two heartbeats.
  package static let answeredBytesMax: UInt32 = 4 * 1_024 * 1_024
  /// Messages sent to one peer in answer to its IWANTs between two heartbeats.
  package static let answeredMessagesMax: UInt16 = 1_024
  /// GRAFTs and PRUNEs one peer can send between two heartbeats; above four for every topic.
  package static let meshChangesPerHeartbeatMax: UInt16 = 1_024
  /// Ids of one peer that are not sent to it because of its IDONTWANT.
  package static let unwantedPerPeerMax: UInt16 = 1_024
  /// Those of all peers together.
  package static let unwantedMax = 65_536
  /// Promises of IHAVE that wait to be kept; beyond, new ones are not watched.
  package static let promisesMax = 16_384
  /// Peers that are asked for the same message within `iwantPatience`.
  package static let requestsPerMessageMax: UInt8 = 3
  /// Ids that are being asked for.
  package static let requestedMax = 65_536
  /// Heartbeats with a thin mesh until other peers are wanted; refusals of GRAFTs take two.
  static let thinHeartbeatsMin: UInt8 = 3
  /// The pause doubles up to half of this: 3, 3, 6, 12, 24, 48, 48 heartbeats.
  static let thinHeartbeatsMax: UInt8 = 96
  /// What a PRUNE can make us wait before the next GRAFT.
  package static let backoffMax: Duration = .seconds(3_600)
  /// Penalty points beyond which P7's counter does not grow: squares stay finite in 32 bits.
  package static let behaviourPenaltyMax: Float = 65_536
  /// Squared deficits beyond which P3b's counter does not grow.
  package static let meshFailureMax: Float = 1e9
  /// Decay steps that one late heartbeat catches up.
  package static let decayStepsMax = 8
  /// Bytes of one RPC; go-libp2p-pubsub's DefaultMaxMessageSize.
  package static let rpcBytesMax = 1 << 20
  /// Bytes we publish in one message: an RPC less room for author, signature and topic.
  package static let publishedBytesMax = rpcBytesMax - 4 * 1_024
  /// Bytes of a message id on the wire; a peer id and a sequence number have 46.
  package static let messageIDBytesMax = 128
  /// Ids one RPC can name; the rest is not read.
  package static let idsPerRPCMax = 16_384
  /// Peers one PRUNE can name; the rest is not read (go-libp2p-pubsub's GossipSubPrunePeers).
  package static let namedPeersMax = 16
  /// Topic names that are translated at once: ours and those that peers speak of.
  package static let topicNamesMax = 2 * topicsMax
  /// Fields of one protobuf message: more than the ids of an IHAVE.
  static let rpcFieldsMax = 8_192
}
