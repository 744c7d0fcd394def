import Primitives

extension GossipsubMachine {
  /// The place of a topic, made if there is room; a topic nobody listens to makes room.
  mutating func placeOfTopic(_ topic: GossipTopic) -> Int? {
    if let index = topicIndex(topic) { return index }
    if topics.count >= GossipsubLimits.topicsMax { dropForeignTopic() }
    guard topics.count < GossipsubLimits.topicsMax else { return nil }
    let index = topicPosition(topic)
    let state = GossipTopicState(topic: topic, kind: GossipTopicState.foreignKind)
    topics.insertTightly(state, at: index)
    return index
  }

  /// What only peers spoke of gives way to what we join or publish to.
  private mutating func dropForeignTopic() {
    let victim = topics.firstIndex { !$0.isJoined && $0.lastPublished == nil }
    guard let victim else { return }
    for standing in topics[victim].standings where standing.isSubscribed {
      if let index = peerIndex(standing.peer), peers[index].subscriptions > 0 {
        peers[index].subscriptions -= 1
      }
    }
    topics.remove(at: victim)
  }

  mutating func subscribe(_ index: Int, to topic: GossipTopic, effects: inout Effects) {
    let peer = peers[index].handle
    if let known = topicIndex(topic) {
      let (place, found) = topics[known].position(of: peer)
      if found, topics[known].standings[place].isSubscribed { return }
    }
    guard peers[index].subscriptions < UInt16(GossipsubLimits.subscriptionsPerPeerMax) else {
      effects.append(.refused(peer, .tooManySubscriptions))
      return
    }
    guard topicIndex(topic) != nil || hasRoomForForeignTopic(of: peer),
      let place = placeOfTopic(topic)
    else {
      effects.append(.refused(peer, .tooManyTopics))
      return
    }
    let standing = topics[place].place(of: peer)
    topics[place].standings[standing].flags.insert(.subscribed)
    peers[index].subscriptions += 1
  }

  private func hasRoomForForeignTopic(of peer: PeerHandle) -> Bool {
    guard topics.count < GossipsubLimits.topicsMax else { return false }
    var count = 0
    for topic in topics where topic.kind == GossipTopicState.foreignKind {
      let (place, found) = topic.position(of: peer)
      if found, topic.standings[place].isSubscribed { count += 1 }
    }
    return count < GossipsubLimits.foreignTopicsPerPeerMax
  }

  mutating func unsubscribe(_ index: Int, from topic: GossipTopic) {
    guard let known = topicIndex(topic) else { return }
    let (place, found) = topics[known].position(of: peers[index].handle)
    guard found, topics[known].standings[place].isSubscribed else { return }
    markPrune(place, inTopicAt: known)
    topics[known].standings[place].flags.remove([.subscribed, .fanout])
    if peers[index].subscriptions > 0 { peers[index].subscriptions -= 1 }
  }

  // MARK: - Joining and leaving

  mutating func join(
    _ topic: GossipTopic, kind: UInt8, now: Tick, random: inout SplitMix64,
    effects: inout Effects
  ) {
    precondition(Int(kind) < configuration.kinds.count, "kind \(kind) is not configured")
    guard let index = placeOfTopic(topic) else {
      effects.append(.refused(nil, .tooManyTopics))
      return
    }
    guard !topics[index].isJoined else { return }
    topics[index].isJoined = true
    topics[index].kind = kind
    topics[index].thinHeartbeats = 0
    topics[index].lastPublished = nil
    for peer in peers where peer.isConnected {
      effects.append(.send(peer.handle, .subscribe(topic)))
    }
    let former = takeFanout(ofTopicAt: index).filter { mayGraft($0, inTopicAt: index, now: now) }
    let wanted = configuration.parameters.degree
    for peer in former.prefix(wanted) { graft(peer, inTopicAt: index, now: now, &effects) }
    let missing = wanted - min(former.count, wanted)
    let more = chosen(missing, inTopicAt: index, random: &random) {
      mayGraft($0, inTopicAt: index, now: now)
    }
    for peer in more { graft(peer, inTopicAt: index, now: now, &effects) }
  }

  private mutating func takeFanout(ofTopicAt index: Int) -> [PeerHandle] {
    var former: [PeerHandle] = []
    for place in topics[index].standings.indices
    where topics[index].standings[place].flags.remove(.fanout) != nil {
      former.append(topics[index].standings[place].peer)
    }
    return former
  }

  mutating func leave(
    _ topic: GossipTopic, now: Tick, random: inout SplitMix64, effects: inout Effects
  ) {
    guard let index = topicIndex(topic), topics[index].isJoined else { return }
    topics[index].isJoined = false
    for peer in peers where peer.isConnected {
      effects.append(.send(peer.handle, .unsubscribe(topic)))
    }
    let backoff = configuration.parameters.unsubscribeBackoff
    for peer in topics[index].standings.filter(\.isInMesh).map(\.peer) {
      prune(
        peer, inTopicAt: index, backoff: backoff, naming: true, now: now, random: &random,
        effects: &effects)
    }
  }

  // MARK: - GRAFT and PRUNE

  /// Whether we may GRAFT a peer: a listener with a mesh, a score of at least 0, its backoff over
  /// for two heartbeats, as clocks and links differ.
  func mayGraft(_ peer: PeerHandle, inTopicAt index: Int, now: Tick) -> Bool {
    guard let known = peerIndex(peer) else { return false }
    return isCandidate(peerAt: known, inTopicAt: index, now: now)
      && score(ofPeerAt: known, now: now) >= 0
  }

  /// The same without the score.
  func isCandidate(peerAt known: Int, inTopicAt index: Int, now: Tick) -> Bool {
    let peer = peers[known]
    guard peer.isConnected, !peer.isDirect, peer.version >= .v10 else { return false }
    let (place, found) = topics[index].position(of: peer.handle)
    guard found else { return false }
    let standing = topics[index].standings[place]
    guard standing.isSubscribed, !standing.isInMesh else { return false }
    guard standing.backoff > .zero else { return true }
    let slack = configuration.parameters.heartbeatInterval * 2
    return standing.backoff.advanced(by: slack) <= now
  }

  /// Takes a peer into the mesh and tells it.
  mutating func graft(
    _ peer: PeerHandle, inTopicAt index: Int, now: Tick, _ effects: inout Effects
  ) {
    markGraft(topics[index].place(of: peer), inTopicAt: index, now: now)
    effects.append(.send(peer, .graft(topics[index].topic)))
  }

  /// Takes a peer out of the mesh, tells it and holds back.
  mutating func prune(
    _ peer: PeerHandle, inTopicAt index: Int, backoff: Duration, naming: Bool, now: Tick,
    random: inout SplitMix64, effects: inout Effects
  ) {
    let place = topics[index].place(of: peer)
    markPrune(place, inTopicAt: index)
    holdBack(place, inTopicAt: index, for: backoff, now: now)
    sendPRUNE(
      to: peer, inTopicAt: index, backoff: backoff, naming: naming, now: now, random: &random,
      effects: &effects)
  }

  mutating func holdBack(_ place: Int, inTopicAt index: Int, for backoff: Duration, now: Tick) {
    let until = now.advanced(by: min(backoff, GossipsubLimits.backoffMax))
    if topics[index].standings[place].backoff < until {
      topics[index].standings[place].backoff = until
    }
  }

  func sendPRUNE(
    to peer: PeerHandle, inTopicAt index: Int, backoff: Duration, naming: Bool, now: Tick,
    random: inout SplitMix64, effects: inout Effects
  ) {
    guard let known = peerIndex(peer) else { return }
    let topic = topics[index].topic
    guard peers[known].version >= .v11 else {
      effects.append(.send(peer, .prune(topic, backoffSeconds: 0, peers: [])))
      return
    }
    var named: [PeerHandle] = []
    if naming, configuration.parameters.peerExchange {
      named = chosen(configuration.parameters.prunePeers, inTopicAt: index, random: &random) {
        $0 != peer && score(of: $0, now: now) >= 0
      }
    }
    let seconds = UInt32(clamping: backoff.components.seconds)
    effects.append(.send(peer, .prune(topic, backoffSeconds: seconds, peers: named)))
  }

  /// Up to `count` listeners of a topic that pass, drawn at random.
  func chosen(
    _ count: Int, inTopicAt index: Int, random: inout SplitMix64,
    where passes: (PeerHandle) -> Bool
  ) -> [PeerHandle] {
    guard count > 0 else { return [] }
    var found: [PeerHandle] = []
    for standing in topics[index].standings where standing.isSubscribed && passes(standing.peer) {
      found.append(standing.peer)
    }
    return found.drawn(count, using: &random)
  }
}

extension Array {
  /// Up to `count` elements in random order (Fisher and Yates, stopped early).
  func drawn(_ count: Int, using random: inout SplitMix64) -> [Element] {
    var elements = self
    let wanted = Swift.min(count, elements.count)
    for index in 0..<wanted {
      elements.swapAt(index, Int.random(in: index..<elements.count, using: &random))
    }
    elements.removeLast(elements.count - wanted)
    return elements
  }
}
