package import Primitives

/// The parts of a peer's score (gossipsub-v1.1.md, "The Score Function"), weighted.
package struct GossipScoreParts: Equatable, Sendable {
  /// P1 over all topics, before the cap.
  package var timeInMesh = 0.0
  /// P2.
  package var firstDeliveries = 0.0
  /// P3.
  package var meshDeliveries = 0.0
  /// P3b.
  package var meshFailure = 0.0
  /// P4.
  package var invalidMessages = 0.0
  /// What the cap takes from the sum of P1 to P4.
  package var overCap = 0.0
  /// P5.
  package var reputation = 0.0
  /// P6.
  package var colocation = 0.0
  /// P7.
  package var behaviour = 0.0

  /// The sum of P1 to P4.
  var topics: Double {
    timeInMesh + firstDeliveries + meshDeliveries + meshFailure + invalidMessages
  }

  /// The score.
  package var total: Double { topics - overCap + reputation + colocation + behaviour }
}

extension GossipsubMachine {
  /// A peer's score; 0 for a stranger.
  package func score(of peer: PeerHandle, now: Tick) -> Double {
    peerIndex(peer).map { score(ofPeerAt: $0, now: now) } ?? 0
  }

  /// Why a peer's score is what it is.
  package func scoreParts(of peer: PeerHandle, now: Tick) -> GossipScoreParts {
    peerIndex(peer).map { scoreParts(ofPeerAt: $0, now: now) } ?? GossipScoreParts()
  }

  func score(ofPeerAt index: Int, now: Tick) -> Double {
    scoreParts(ofPeerAt: index, now: now).total
  }

  func scoreParts(ofPeerAt index: Int, now: Tick) -> GossipScoreParts {
    var parts = GossipScoreParts()
    let peer = peers[index]
    for topic in topics {
      guard let weights = topicScore(of: topic) else { continue }
      let (place, found) = topic.position(of: peer.handle)
      if found { add(topic.standings[place], weights, now: now, to: &parts) }
    }
    let rules = configuration.peerScore
    if rules.topicScoreCap > 0 { parts.overCap = max(0, parts.topics - rules.topicScoreCap) }
    parts.reputation = rules.reputationWeight * Double(peer.reputation)
    if peer.group != 0, Int(peer.groupCount) > rules.colocationThreshold {
      let surplus = Double(Int(peer.groupCount) - rules.colocationThreshold)
      parts.colocation = rules.colocationWeight * surplus * surplus
    }
    let excess = Double(peer.behaviour) - rules.behaviourThreshold
    if excess > 0 { parts.behaviour = rules.behaviourWeight * excess * excess }
    return parts
  }

  private func add(
    _ standing: GossipStanding, _ weights: GossipTopicScore, now: Tick,
    to parts: inout GossipScoreParts
  ) {
    let topic = weights.topicWeight
    if standing.isInMesh {
      let time = now.duration(since: standing.grafted)
      let quanta = min((time / weights.timeInMeshQuantum).rounded(.down), weights.timeInMeshCap)
      parts.timeInMesh += topic * weights.timeInMeshWeight * quanta
    }
    parts.firstDeliveries +=
      topic * weights.firstDeliveriesWeight * Double(standing.firstDeliveries)
    if let deficit = deficit(of: standing, weights) {
      parts.meshDeliveries += topic * weights.meshDeliveriesWeight * deficit * deficit
    }
    parts.meshFailure += topic * weights.meshFailureWeight * Double(standing.meshFailure)
    let invalid = Double(standing.invalidMessages)
    parts.invalidMessages += topic * weights.invalidMessagesWeight * invalid * invalid
  }

  /// Deliveries that a mesh peer owes (P3); nil if it owes none or is not yet judged.
  private func deficit(of standing: GossipStanding, _ weights: GossipTopicScore) -> Double? {
    guard standing.flags.contains(.deliveriesCount) else { return nil }
    let missing = weights.meshDeliveriesThreshold - Double(standing.meshDeliveries)
    return missing > 0 ? missing : nil
  }
}

// MARK: - Counting

extension GossipsubMachine {
  /// Notes that a peer came into a mesh.
  mutating func markGraft(_ place: Int, inTopicAt index: Int, now: Tick) {
    topics[index].standings[place].flags.insert(.mesh)
    topics[index].standings[place].flags.remove([.deliveriesCount, .fanout])
    topics[index].standings[place].grafted = now
  }

  /// Notes that a peer left a mesh, with what it owed (P3b).
  mutating func markPrune(_ place: Int, inTopicAt index: Int) {
    guard topics[index].standings[place].isInMesh else { return }
    if let weights = topicScore(of: topics[index]),
      let deficit = deficit(of: topics[index].standings[place], weights)
    {
      topics[index].standings[place].meshFailure = min(
        topics[index].standings[place].meshFailure + Float(deficit * deficit),
        GossipsubLimits.meshFailureMax)
    }
    topics[index].standings[place].flags.remove([.mesh, .deliveriesCount])
  }

  /// Adds points to P7.
  mutating func penalise(peerAt index: Int, points: Int = 1) {
    peers[index].behaviour = min(
      peers[index].behaviour + Float(points), GossipsubLimits.behaviourPenaltyMax)
  }

  /// Counts an invalid message (P4).
  mutating func blameInvalid(_ peer: PeerHandle, topic: GossipTopic) {
    guard peerIndex(peer) != nil, let index = topicIndex(topic),
      topicScore(of: topics[index]) != nil
    else { return }
    let place = topics[index].place(of: peer)
    let counted = topics[index].standings[place].invalidMessages + 1
    topics[index].standings[place].invalidMessages = min(
      counted, GossipsubLimits.behaviourPenaltyMax)
  }

  /// Counts a first delivery (P2, and P3 for mesh peers).
  mutating func creditFirst(_ peer: PeerHandle, inTopicAt index: Int) {
    guard peerIndex(peer) != nil, let weights = topicScore(of: topics[index]) else { return }
    let place = topics[index].place(of: peer)
    let counted = topics[index].standings[place].firstDeliveries + 1
    topics[index].standings[place].firstDeliveries = min(
      counted, Float(weights.firstDeliveriesCap))
    creditMesh(place, weights, inTopicAt: index)
  }

  /// Counts a copy that came soon enough (P3).
  mutating func creditCopy(_ peer: PeerHandle, inTopicAt index: Int) {
    guard let weights = topicScore(of: topics[index]) else { return }
    let (place, found) = topics[index].position(of: peer)
    if found { creditMesh(place, weights, inTopicAt: index) }
  }

  private mutating func creditMesh(
    _ place: Int, _ weights: GossipTopicScore, inTopicAt index: Int
  ) {
    guard topics[index].standings[place].isInMesh else { return }
    let counted = topics[index].standings[place].meshDeliveries + 1
    topics[index].standings[place].meshDeliveries = min(counted, Float(weights.meshDeliveriesCap))
  }

  /// One decay interval passes: counters shrink, mesh peers come to be judged, retained peers are
  /// forgotten. The counters of peers that left do not shrink: leaving must not heal.
  mutating func decay(now: Tick) {
    let rules = configuration.peerScore
    for index in topics.indices {
      guard let weights = topicScore(of: topics[index]) else { continue }
      var cursor = 0
      for place in topics[index].standings.indices {
        let peer = topics[index].standings[place].peer
        while cursor < peers.count, peers[cursor].handle < peer { cursor += 1 }
        guard cursor < peers.count, peers[cursor].handle == peer, peers[cursor].isConnected
        else { continue }
        topics[index].standings[place].decay(weights, toZero: rules.decayToZero, now: now)
      }
    }
    for index in peers.indices where peers[index].isConnected && peers[index].behaviour > 0 {
      peers[index].behaviour = decayed(
        peers[index].behaviour, rules.behaviourDecay, rules.decayToZero)
    }
    forgetExpiredPeers(now: now)
  }
}

extension GossipStanding {
  fileprivate mutating func decay(_ weights: GossipTopicScore, toZero: Double, now: Tick) {
    firstDeliveries = decayed(firstDeliveries, weights.firstDeliveriesDecay, toZero)
    meshDeliveries = decayed(meshDeliveries, weights.meshDeliveriesDecay, toZero)
    meshFailure = decayed(meshFailure, weights.meshFailureDecay, toZero)
    invalidMessages = decayed(invalidMessages, weights.invalidMessagesDecay, toZero)
    if isInMesh, now.duration(since: grafted) > weights.meshDeliveriesActivation {
      flags.insert(.deliveriesCount)
    }
  }
}

private func decayed(_ counter: Float, _ factor: Double, _ toZero: Double) -> Float {
  guard counter > 0 else { return 0 }
  let smaller = Float(Double(counter) * factor)
  return Double(smaller) < toZero ? 0 : smaller
}
