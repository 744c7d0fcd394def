import Primitives

/// IHAVE, IWANT and IDONTWANT (gossipsub-v1.0.md, "Control messages"; v1.1.md, "Spam Protection
/// Measures"; v1.2.md).
extension GossipsubMachine {
  mutating func receiveIHAVE(
    _ topic: GossipTopic, _ ids: [GossipMessageID], from index: Int, score: Double, now: Tick,
    random: inout SplitMix64, effects: inout Effects
  ) {
    let peer = peers[index].handle
    let parameters = configuration.parameters
    guard score >= configuration.thresholds.gossip else {
      effects.append(.refused(peer, .scoreBelowGossip))
      return
    }
    guard let known = topicIndex(topic), topics[known].isJoined else { return }
    let place = topics[known].place(of: peer)
    guard topics[known].standings[place].ihaves < parameters.ihaveMessagesMax,
      peers[index].asked < parameters.ihaveIDsMax
    else {
      effects.append(.refused(peer, .tooManyIHAVE))
      return
    }
    topics[known].standings[place].ihaves += 1
    let room = Int(parameters.ihaveIDsMax - peers[index].asked)
    var wanted: [GossipMessageID] = []
    for id in ids.prefix(Int(parameters.ihaveIDsMax))
    where !store.contains(id)
      && gossip.mayAsk(peer, for: id, patience: parameters.iwantPatience, now: now)
    {
      wanted.append(id)
    }
    wanted = wanted.drawn(room, using: &random)
    guard !wanted.isEmpty else { return }
    peers[index].asked += UInt16(wanted.count)
    let due = now.advanced(by: parameters.iwantFollowup)
    for id in wanted {
      gossip.ask(peer, for: id, patience: parameters.iwantPatience, due: due, now: now)
    }
    let watched = Int.random(in: 0..<wanted.count, using: &random)
    gossip.promise(wanted[watched], by: peer, due: due)
    effects.append(.send(peer, .iwant(wanted)))
  }

  mutating func receiveIWANT(
    _ ids: [GossipMessageID], from index: Int, score: Double, effects: inout Effects
  ) {
    let peer = peers[index].handle
    guard score >= configuration.thresholds.gossip else {
      effects.append(.refused(peer, .scoreBelowGossip))
      return
    }
    var refused = false
    for id in ids.prefix(Int(configuration.parameters.ihaveIDsMax)) {
      guard let offset = store.offset(of: id), store[offset].status == .valid,
        let message = store[offset].message, !gossip.isUnwanted(id, by: peer)
      else { continue }
      guard mayAnswer(message, at: offset, to: index) else {
        refused = true
        continue
      }
      peers[index].answered += 1
      peers[index].answeredBytes += message.byteCount
      store[offset].requests.append(peer)
      effects.append(.send(peer, .message(message)))
    }
    if refused { effects.append(.refused(peer, .tooManyIWANT)) }
  }

  private func mayAnswer(
    _ message: GossipMessage<Payload>, at offset: Int, to index: Int
  ) -> Bool {
    let before = peers[index]
    guard before.answered < GossipsubLimits.answeredMessagesMax,
      message.byteCount <= GossipsubLimits.answeredBytesMax - before.answeredBytes
    else { return false }
    var times = 0
    for peer in store[offset].requests where peer == before.handle { times += 1 }
    return times < configuration.parameters.gossipRetransmission
  }

  mutating func receiveIDONTWANT(
    _ ids: [GossipMessageID], from index: Int, effects: inout Effects
  ) {
    let peer = peers[index].handle
    let parameters = configuration.parameters
    guard peers[index].idontwants < parameters.idontwantMessagesMax else {
      effects.append(.refused(peer, .tooManyIDONTWANT))
      return
    }
    peers[index].idontwants += 1
    if ids.count > parameters.idontwantIDsMax {
      effects.append(.refused(peer, .tooManyIDONTWANT))
    }
    for id in ids.prefix(parameters.idontwantIDsMax) {
      // What was sent on already cannot be held back any more.
      if let offset = store.offset(of: id), store[offset].status != .validating { continue }
      guard peers[index].unwanted < GossipsubLimits.unwantedPerPeerMax else {
        effects.append(.refused(peer, .tooManyIDONTWANT))
        return
      }
      let until = heartbeats &+ parameters.idontwantHeartbeats
      if gossip.refuse(id, by: peer, until: until) { peers[index].unwanted += 1 }
    }
  }

  // MARK: - At the heartbeat

  /// A peer that advertised a message, was asked for it and did not send it, pays (P7).
  mutating func punishBrokenPromises(now: Tick) {
    while let peer = gossip.nextBroken(at: now, isKept: { store.contains($0) }) {
      if let index = peerIndex(peer) { penalise(peerAt: index) }
    }
  }

  mutating func forgetIDONTWANTs() {
    while let peer = gossip.nextExpired(at: heartbeats) {
      if let index = peerIndex(peer), peers[index].unwanted > 0 { peers[index].unwanted -= 1 }
    }
  }

  /// Advertises what came of late to peers outside the mesh: D_lazy of them, or a quarter.
  func emitGossip(
    ofTopicAt index: Int, scores: [Double], random: inout SplitMix64, effects: inout Effects
  ) {
    let parameters = configuration.parameters
    guard store.cachedCount > 0 else { return }
    let window = UInt32(clamping: parameters.historyGossip)
    let since = heartbeats > window ? heartbeats - window : 0
    let ids = store.cachedIDs(of: topics[index].topic, since: since)
    guard !ids.isEmpty else { return }
    var listeners: [PeerHandle] = []
    for standing in topics[index].standings
    where standing.isSubscribed && !standing.isInMesh && !standing.flags.contains(.fanout) {
      guard let known = peerIndex(standing.peer), !peers[known].isDirect,
        peers[known].version >= .v10, scores[known] >= configuration.thresholds.gossip
      else { continue }
      listeners.append(standing.peer)
    }
    let share = Int(parameters.gossipFactor * Double(listeners.count))
    for peer in listeners.drawn(max(parameters.degreeLazy, share), using: &random) {
      let most = Int(parameters.ihaveIDsMax)
      let told = ids.count > most ? ids.drawn(most, using: &random) : ids
      effects.append(.send(peer, .ihave(topics[index].topic, told)))
    }
  }
}
