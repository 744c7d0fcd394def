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
      guard let rules = topicRules(of: topic) else { continue }
      let (place, found) = topic.position(of: peer.handle)
      if found { add(topic.standings[place], rules, now: now, to: &parts) }
    }
    let overall = configuration.peerScore
    if overall.topicScoreCap > 0 { parts.overCap = max(0, parts.topics - overall.topicScoreCap) }
    parts.reputation = overall.reputationWeight * Double(peer.reputation)
    if peer.group != 0, Int(peer.groupCount) > overall.colocationThreshold {
      let surplus = Double(Int(peer.groupCount) - overall.colocationThreshold)
      parts.colocation = overall.colocationWeight * surplus * surplus
    }
    let excess = Double(peer.behaviour) - overall.behaviourThreshold
    if excess > 0 { parts.behaviour = overall.behaviourWeight * excess * excess }
    return parts
  }

  private func add(
    _ standing: GossipStanding, _ rules: GossipTopicRules, now: Tick,
    to parts: inout GossipScoreParts
  ) {
    let topic = rules.score.topicWeight
    if standing.isInMesh {
      let time = now.nanoseconds - min(standing.grafted, now).nanoseconds
      let quanta = min(Double(time / rules.quantumNanoseconds), rules.score.timeInMeshCap)
      parts.timeInMesh += topic * rules.score.timeInMeshWeight * quanta
    }
    parts.firstDeliveries +=
      topic * rules.score.firstDeliveriesWeight * Double(standing.firstDeliveries)
    if let deficit = deficit(of: standing, rules) {
      parts.meshDeliveries += topic * rules.score.meshDeliveriesWeight * deficit * deficit
    }
    parts.meshFailure += topic * rules.score.meshFailureWeight * Double(standing.meshFailure)
    let invalid = Double(standing.invalidMessages)
    parts.invalidMessages += topic * rules.score.invalidMessagesWeight * invalid * invalid
  }

  /// Deliveries that a mesh peer owes (P3); nil if it owes none or is not yet judged.
  private func deficit(of standing: GossipStanding, _ rules: GossipTopicRules) -> Double? {
    guard standing.flags.contains(.deliveriesCount) else { return nil }
    let missing = rules.score.meshDeliveriesThreshold - Double(standing.meshDeliveries)
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
    if let rules = topicRules(of: topics[index]),
      let deficit = deficit(of: topics[index].standings[place], rules)
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
      topicRules(of: topics[index]) != nil
    else { return }
    let place = topics[index].place(of: peer)
    let counted = topics[index].standings[place].invalidMessages + 1
    topics[index].standings[place].invalidMessages = min(
      counted, GossipsubLimits.behaviourPenaltyMax)
  }

  /// Counts a first delivery (P2, and P3 for mesh peers).
  mutating func creditFirst(_ peer: PeerHandle, inTopicAt index: Int) {
    guard peerIndex(peer) != nil, let rules = topicRules(of: topics[index]) else { return }
    let place = topics[index].place(of: peer)
    let counted = topics[index].standings[place].firstDeliveries + 1
    topics[index].standings[place].firstDeliveries = min(
      counted, Float(rules.score.firstDeliveriesCap))
    creditMesh(place, rules, inTopicAt: index)
  }

  /// Counts a copy that came soon enough (P3).
  mutating func creditCopy(_ peer: PeerHandle, inTopicAt index: Int) {
    guard let rules = topicRules(of: topics[index]) else { return }
    let (place, found) = topics[index].position(of: peer)
    if found { creditMesh(place, rules, inTopicAt: index) }
  }

  private mutating func creditMesh(
    _ place: Int, _ rules: GossipTopicRules, inTopicAt index: Int
  ) {
    guard topics[index].standings[place].isInMesh else { return }
    let counted = topics[index].standings[place].meshDeliveries + 1
    topics[index].standings[place].meshDeliveries = min(
      counted, Float(rules.score.meshDeliveriesCap))
  }

  /// One decay interval passes: counters shrink, mesh peers come to be judged, retained peers are
  /// forgotten. The counters of peers that left do not shrink: leaving must not heal.
  mutating func decay(now: Tick) {
    let overall = configuration.peerScore
    for index in topics.indices {
      guard let rules = topicRules(of: topics[index]) else { continue }
      var cursor = 0
      for place in topics[index].standings.indices {
        let peer = topics[index].standings[place].peer
        while cursor < peers.count, peers[cursor].handle < peer { cursor += 1 }
        guard cursor < peers.count, peers[cursor].handle == peer, peers[cursor].isConnected
        else { continue }
        topics[index].standings[place].decay(rules, toZero: overall.decayToZero, now: now)
      }
    }
    for index in peers.indices where peers[index].isConnected && peers[index].behaviour > 0 {
      peers[index].behaviour = decayed(
        peers[index].behaviour, overall.behaviourDecay, overall.decayToZero)
    }
    forgetExpiredPeers(now: now)
  }
}

extension GossipStanding {
  fileprivate mutating func decay(_ rules: GossipTopicRules, toZero: Double, now: Tick) {
    firstDeliveries = decayed(firstDeliveries, rules.score.firstDeliveriesDecay, toZero)
    meshDeliveries = decayed(meshDeliveries, rules.score.meshDeliveriesDecay, toZero)
    meshFailure = decayed(meshFailure, rules.score.meshFailureDecay, toZero)
    invalidMessages = decayed(invalidMessages, rules.score.invalidMessagesDecay, toZero)
    if isInMesh, !flags.contains(.deliveriesCount),
      now.duration(since: grafted) > rules.score.meshDeliveriesActivation
    {
      flags.insert(.deliveriesCount)
    }
  }
}

private func decayed(_ counter: Float, _ factor: Double, _ toZero: Double) -> Float {
  guard counter > 0 else { return 0 }
  let smaller = Float(Double(counter) * factor)
  return Double(smaller) < toZero ? 0 : smaller
}
