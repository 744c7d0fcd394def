import Glibc

/// Weights and caps of one kind of topic (gossipsub-v1.1.md, "The Score Function": P1 to P4).
///
/// A weight of 0 turns its part off. Counters are multiplied by their decay once a decay interval.
package struct GossipTopicScore: Equatable, Sendable {
  /// How much the topic counts beside others (tᵢ).
  package var topicWeight = 1.0
  /// P1, time in mesh: weight ≥ 0 of quanta in the mesh, capped.
  package var timeInMeshWeight = 0.01
  /// One quantum of P1.
  package var timeInMeshQuantum: Duration = .seconds(1)
  /// Quanta of P1 that count.
  package var timeInMeshCap = 300.0
  /// P2, first deliveries: weight ≥ 0.
  package var firstDeliveriesWeight = 1.0
  /// Decay of P2.
  package var firstDeliveriesDecay = 0.97
  /// Cap of P2.
  package var firstDeliveriesCap = 50.0
  /// P3, deliveries of mesh peers: weight ≤ 0 of the squared deficit below the threshold. Off
  /// unless a topic has a known rate: a quiet topic would punish everybody.
  package var meshDeliveriesWeight = 0.0
  /// Decay of P3.
  package var meshDeliveriesDecay = 0.97
  /// Cap of P3.
  package var meshDeliveriesCap = 50.0
  /// Deliveries below which P3 punishes.
  package var meshDeliveriesThreshold = 5.0
  /// Time after validation in which a copy still counts for P3.
  package var meshDeliveriesWindow: Duration = .milliseconds(10)
  /// Time in the mesh before P3 punishes.
  package var meshDeliveriesActivation: Duration = .seconds(30)
  /// P3b, weight ≤ 0 of deficits that a peer left the mesh with.
  package var meshFailureWeight = 0.0
  /// Decay of P3b.
  package var meshFailureDecay = 0.97
  /// P4, invalid messages: weight ≤ 0 of the squared count.
  package var invalidMessagesWeight = -20.0
  /// Decay of P4; one invalid message is forgotten in about 15 minutes.
  package var invalidMessagesDecay = 0.995

  /// The defaults.
  package init() {}

  /// Refuses what go-libp2p-pubsub's `TopicScoreParams.validate` refuses.
  package func validate() throws(GossipsubParameterFault) {
    try checkReward(topicWeight, "topicWeight")
    try checkReward(timeInMeshWeight, "timeInMeshWeight")
    try check(timeInMeshQuantum > .zero, "timeInMeshQuantum", "above 0")
    try check(timeInMeshWeight == 0 || timeInMeshCap > 0, "timeInMeshCap", "above 0")
    try checkReward(firstDeliveriesWeight, "firstDeliveriesWeight")
    if firstDeliveriesWeight != 0 {
      try checkDecay(firstDeliveriesDecay, "firstDeliveriesDecay")
      try check(firstDeliveriesCap > 0, "firstDeliveriesCap", "above 0")
    }
    try checkPenalty(meshDeliveriesWeight, "meshDeliveriesWeight")
    if meshDeliveriesWeight != 0 {
      try checkDecay(meshDeliveriesDecay, "meshDeliveriesDecay")
      try check(meshDeliveriesCap > 0, "meshDeliveriesCap", "above 0")
      try check(meshDeliveriesThreshold > 0, "meshDeliveriesThreshold", "above 0")
      try check(
        meshDeliveriesActivation >= .seconds(1), "meshDeliveriesActivation", "at least 1 s")
    }
    try check(meshDeliveriesWindow >= .zero, "meshDeliveriesWindow", "at least 0")
    try checkPenalty(meshFailureWeight, "meshFailureWeight")
    if meshFailureWeight != 0 { try checkDecay(meshFailureDecay, "meshFailureDecay") }
    try checkPenalty(invalidMessagesWeight, "invalidMessagesWeight")
    try checkDecay(invalidMessagesDecay, "invalidMessagesDecay")
  }
}

/// Weights of what concerns a peer in all topics (P5 to P7), and how counters decay.
package struct GossipPeerScore: Equatable, Sendable {
  /// Cap of the topics' sum; 0 means none.
  package var topicScoreCap = 100.0
  /// P5: weight of the reputation handed in.
  package var reputationWeight = 1.0
  /// P6: weight ≤ 0 of the squared surplus of peers of one address group.
  package var colocationWeight = -5.0
  /// Peers of one address group that are not punished.
  package var colocationThreshold = 3
  /// P7: weight ≤ 0 of the squared surplus of penalty points.
  package var behaviourWeight = -10.0
  /// Penalty points that are forgiven, as Ethereum's clients do: a lost packet is no attack.
  package var behaviourThreshold = 6.0
  /// Decay of P7; a point is forgotten in about ten minutes.
  package var behaviourDecay = 0.99
  /// Time between decays.
  package var decayInterval: Duration = .seconds(1)
  /// Counters below are 0.
  package var decayToZero = 0.01
  /// Time a bad score outlives the connection.
  package var retention: Duration = .seconds(3_600)

  /// The defaults.
  package init() {}

  /// Refuses what go-libp2p-pubsub's `PeerScoreParams.validate` refuses.
  package func validate() throws(GossipsubParameterFault) {
    try checkReward(topicScoreCap, "topicScoreCap")
    try check(reputationWeight.isFinite, "reputationWeight", "a number")
    try checkPenalty(colocationWeight, "colocationWeight")
    try check(
      colocationWeight == 0 || colocationThreshold >= 1, "colocationThreshold", "at least 1")
    try checkPenalty(behaviourWeight, "behaviourWeight")
    if behaviourWeight != 0 { try checkDecay(behaviourDecay, "behaviourDecay") }
    try checkReward(behaviourThreshold, "behaviourThreshold")
    try check(decayInterval >= .seconds(1), "decayInterval", "at least 1 s")
    try checkDecay(decayToZero, "decayToZero")
    try check(retention >= .zero, "retention", "at least 0")
  }

  /// The factor that takes a counter to `decayToZero` in `time` (gossipsub-v1.1.md, "Parameter
  /// Decay"): decayToZero^(interval / time).
  package static func decay(
    over time: Duration, interval: Duration = .seconds(1), toZero: Double = 0.01
  ) -> Double {
    precondition(interval > .zero && time >= interval)
    return pow(toZero, interval / time)
  }
}

/// Scores below which a peer loses rights (gossipsub-v1.1.md, "Score Thresholds").
package struct GossipThresholds: Equatable, Sendable {
  /// Below: no gossip to and from it.
  package var gossip = -40.0
  /// Below: own messages do not go there.
  package var publish = -80.0
  /// Below: nothing it sends is read.
  package var graylist = -160.0
  /// Below: peers it names are not dialled.
  package var acceptPeerExchange = 10.0
  /// A mesh whose median is below gets better peers.
  package var opportunisticGraft = 2.0

  /// The defaults.
  package init() {}

  /// Refuses what go-libp2p-pubsub's `PeerScoreThresholds.validate` refuses.
  package func validate() throws(GossipsubParameterFault) {
    try checkPenalty(gossip, "gossip threshold")
    try checkPenalty(publish, "publish threshold")
    try checkPenalty(graylist, "graylist threshold")
    try check(publish <= gossip, "publish threshold", "at most the gossip threshold")
    try check(graylist <= publish, "graylist threshold", "at most the publish threshold")
    try checkReward(acceptPeerExchange, "peer exchange threshold")
    try checkReward(opportunisticGraft, "opportunistic graft threshold")
  }
}

private func check(_ holds: Bool, _ name: String, _ rule: String) throws(GossipsubParameterFault) {
  guard holds else { throw GossipsubParameterFault(name: name, rule: rule) }
}

private func checkReward(_ value: Double, _ name: String) throws(GossipsubParameterFault) {
  try check(value.isFinite && value >= 0, name, "a number of at least 0")
}

private func checkPenalty(_ value: Double, _ name: String) throws(GossipsubParameterFault) {
  try check(value.isFinite && value <= 0, name, "a number of at most 0")
}

private func checkDecay(_ value: Double, _ name: String) throws(GossipsubParameterFault) {
  try check(value > 0 && value < 1, name, "between 0 and 1")
}
