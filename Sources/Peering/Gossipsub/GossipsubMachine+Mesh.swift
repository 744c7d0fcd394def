import Primitives

/// GRAFT and PRUNE of others (gossipsub-v1.1.md, "Prune Backoff and Peer Exchange").
extension GossipsubMachine {
  mutating func receiveGRAFT(
    _ topic: GossipTopic, from index: Int, score: Double, now: Tick, random: inout SplitMix64,
    effects: inout Effects
  ) {
    let peer = peers[index].handle
    guard countMeshChange(from: index, effects: &effects) else { return }
    // A GRAFT into a topic we have not joined is not answered: that would name our peers.
    guard let known = topicIndex(topic), topics[known].isJoined else { return }
    let (place, found) = topics[known].position(of: peer)
    if found, topics[known].standings[place].isInMesh { return }
    var naming = true
    let refusal = refusalOfGRAFT(
      from: index, inTopicAt: known, score: score, now: now, naming: &naming)
    guard let refusal else {
      let place = topics[known].place(of: peer)
      if topics[known].standings[place].flags.insert(.subscribed).inserted {
        peers[index].subscriptions += 1
      }
      markGraft(place, inTopicAt: known, now: now)
      return
    }
    effects.append(.refused(peer, refusal))
    prune(
      peer, inTopicAt: known, backoff: configuration.parameters.pruneBackoff, naming: naming,
      now: now, random: &random, effects: &effects)
  }

  /// Why a GRAFT is answered by a PRUNE, if it is; a backoff that was not kept costs points.
  private mutating func refusalOfGRAFT(
    from index: Int, inTopicAt known: Int, score: Double, now: Tick, naming: inout Bool
  ) -> GossipRefusal? {
    let parameters = configuration.parameters
    let (place, found) = topics[known].position(of: peers[index].handle)
    naming = false
    if peers[index].isDirect { return .graftFromDirectPeer }
    if found, topics[known].standings[place].backoff > now {
      let left = topics[known].standings[place].backoff.duration(since: now)
      let isFlood = left > parameters.pruneBackoff - parameters.graftFloodThreshold
      penalise(peerAt: index, points: isFlood ? 2 : 1)
      return .graftDuringBackoff
    }
    if score < 0 { return .graftWithNegativeScore }
    naming = true
    let isFull = topics[known].meshCount >= parameters.degreeHigh
    return isFull && !peers[index].weDialled ? .meshFull : nil
  }

  mutating func receivePRUNE(
    _ topic: GossipTopic, from index: Int, backoffSeconds: UInt32, naming others: [PeerHandle],
    score: Double, now: Tick, effects: inout Effects
  ) {
    let peer = peers[index].handle
    guard countMeshChange(from: index, effects: &effects) else { return }
    guard let known = topicIndex(topic), topics[known].isJoined else { return }
    let (place, found) = topics[known].position(of: peer)
    guard found else { return }
    markPrune(place, inTopicAt: known)
    let backoff: Duration =
      backoffSeconds > 0 ? .seconds(backoffSeconds) : configuration.parameters.pruneBackoff
    holdBack(place, inTopicAt: known, for: backoff, now: now)
    guard !others.isEmpty else { return }
    guard score >= configuration.thresholds.acceptPeerExchange else {
      effects.append(.refused(peer, .scoreBelowPeerExchange))
      return
    }
    for other in others.prefix(configuration.parameters.prunePeers) {
      let isConnected = peerIndex(other).map { peers[$0].isConnected } ?? false
      if !isConnected { effects.append(.connect(other)) }
    }
  }

  private mutating func countMeshChange(from index: Int, effects: inout Effects) -> Bool {
    guard peers[index].meshChanges < GossipsubLimits.meshChangesPerHeartbeatMax else {
      if peers[index].flags.insert(.flooded).inserted { penalise(peerAt: index) }
      effects.append(.refused(peers[index].handle, .tooManyMeshChanges))
      return false
    }
    peers[index].meshChanges += 1
    return true
  }
}
