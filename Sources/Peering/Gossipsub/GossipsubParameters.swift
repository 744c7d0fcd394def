/// How a router behaves; names of libp2p/specs gossipsub-v1.0.md to v1.2.md in parentheses.
package struct GossipsubParameters: Equatable, Sendable {
  /// Peers wanted in a mesh (D).
  package var degree = 6
  /// Fewer make the heartbeat GRAFT (D_lo).
  package var degreeLow = 5
  /// More make the heartbeat PRUNE (D_hi).
  package var degreeHigh = 12
  /// Best peers that survive a PRUNE (D_score).
  package var degreeScore = 4
  /// Peers we dialled that a mesh keeps at least (D_out).
  package var degreeOut = 2
  /// Peers outside the mesh that hear of new messages at least (D_lazy).
  package var degreeLazy = 6
  /// Share of the peers outside the mesh that hear of new messages.
  package var gossipFactor = 0.25
  /// Heartbeats a message can be asked for (mcache_len).
  package var historyLength = 5
  /// Heartbeats a message is advertised (mcache_gossip).
  package var historyGossip = 3
  /// Times a peer gets the same message by IWANT.
  package var gossipRetransmission = 3
  /// Time between heartbeats.
  package var heartbeatInterval: Duration = .seconds(1)
  /// Time after the last own message until the peers of a topic not joined are forgotten.
  package var fanoutTTL: Duration = .seconds(60)
  /// Time an id counts as seen.
  package var seenTTL: Duration = .seconds(120)
  /// Peers named in a PRUNE.
  package var prunePeers = 16
  /// Time after a PRUNE without GRAFT.
  package var pruneBackoff: Duration = .seconds(60)
  /// The same after leaving a topic.
  package var unsubscribeBackoff: Duration = .seconds(10)
  /// A GRAFT within this time of a PRUNE costs twice.
  package var graftFloodThreshold: Duration = .seconds(10)
  /// Heartbeats between attempts to reach direct peers.
  package var directConnectHeartbeats: UInt32 = 300
  /// Heartbeats between attempts to better a poor mesh.
  package var opportunisticGraftHeartbeats: UInt32 = 60
  /// Peers grafted in such an attempt.
  package var opportunisticGraftPeers = 2
  /// Ids in an IHAVE, and ids a peer can make us ask for between two heartbeats.
  package var ihaveIDsMax: UInt16 = 5_000
  /// IHAVEs of a peer and topic between two heartbeats.
  package var ihaveMessagesMax: UInt8 = 10
  /// Ids in an IDONTWANT.
  package var idontwantIDsMax = 10
  /// IDONTWANTs of a peer between two heartbeats.
  package var idontwantMessagesMax: UInt16 = 1_000
  /// Size from which a message is announced by IDONTWANT; go-libp2p-pubsub's 1 KiB.
  package var idontwantThresholdBytes: UInt32 = 1_024
  /// Heartbeats an IDONTWANT holds.
  package var idontwantHeartbeats: UInt32 = 3
  /// Time a peer has to send what it advertised and we asked for.
  package var iwantFollowup: Duration = .seconds(3)
  /// Time after which peers that were asked for a message no longer keep others from being asked;
  /// those that have it advertise it again at each heartbeat.
  package var iwantPatience: Duration = .seconds(1)
  /// Whether own messages go to all peers of the topic with a passing score.
  package var floodPublish = true
  /// Whether PRUNEs name other peers.
  package var peerExchange = true

  /// go-libp2p-pubsub's defaults.
  package static let standard = GossipsubParameters()

  /// A wider mesh for topics where 60 % of the peers may be silent (Ethereum's phase0 p2p
  /// interface: D 8, D_lo 6, D_hi 12).
  package static let wide: GossipsubParameters = {
    var parameters = GossipsubParameters()
    parameters.degree = 8
    parameters.degreeLow = 6
    parameters.degreeOut = 3
    return parameters
  }()

  /// A bootstrap node carries no messages, it names peers (gossipsub-v1.1.md, "Recommendations for
  /// Network Operators").
  package static let bootstrap: GossipsubParameters = {
    var parameters = GossipsubParameters()
    (parameters.degree, parameters.degreeLow, parameters.degreeHigh) = (0, 0, 0)
    (parameters.degreeScore, parameters.degreeOut) = (0, 0)
    return parameters
  }()

  /// The defaults.
  package init() {}

  /// Refuses combinations that go-libp2p-pubsub's `validate` refuses, and sizes without sense.
  package func validate() throws(GossipsubParameterFault) {
    try check(historyGossip >= 1, "historyGossip", "at least 1")
    try check(historyGossip <= historyLength, "historyGossip", "at most historyLength")
    try check(degreeLow >= 0 && degreeLow <= degree, "degreeLow", "between 0 and degree")
    try check(degree <= degreeHigh, "degree", "at most degreeHigh")
    try check(degreeHigh <= GossipsubLimits.peersMax, "degreeHigh", "at most peersMax")
    try check((0...max(degree, 0)).contains(degreeScore), "degreeScore", "between 0 and degree")
    try check(degreeOut >= 0, "degreeOut", "at least 0")
    try check(degreeOut == 0 || degreeOut < degreeLow, "degreeOut", "below degreeLow")
    try check(degreeOut <= degree / 2, "degreeOut", "at most half of degree")
    try check(degreeLazy >= 0, "degreeLazy", "at least 0")
    try check((0...1).contains(gossipFactor), "gossipFactor", "between 0 and 1")
    try check(heartbeatInterval >= .milliseconds(10), "heartbeatInterval", "at least 10 ms")
    try check(iwantFollowup < seenTTL, "iwantFollowup", "below seenTTL")
    try check(iwantPatience <= iwantFollowup, "iwantPatience", "at most iwantFollowup")
    try check(graftFloodThreshold <= pruneBackoff, "graftFloodThreshold", "at most pruneBackoff")
    try check(pruneBackoff <= GossipsubLimits.backoffMax, "pruneBackoff", "at most backoffMax")
    try check(directConnectHeartbeats > 0, "directConnectHeartbeats", "above 0")
    try check(opportunisticGraftHeartbeats > 0, "opportunisticGraftHeartbeats", "above 0")
    try check(prunePeers >= 0, "prunePeers", "at least 0")
  }

  private func check(_ holds: Bool, _ name: String, _ rule: String) throws(GossipsubParameterFault)
  {
    guard holds else { throw GossipsubParameterFault(name: name, rule: rule) }
  }
}

/// A parameter out of its bounds.
package struct GossipsubParameterFault: Error, Equatable, CustomStringConvertible {
  /// The parameter.
  package let name: String
  /// What it must be.
  package let rule: String

  /// One lower-case sentence without a full stop.
  package var description: String { "the gossip parameter \(name) must be \(rule)" }
}
