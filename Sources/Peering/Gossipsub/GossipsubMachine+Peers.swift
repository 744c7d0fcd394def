package import Primitives

extension GossipsubMachine {
  mutating func connect(
    _ peer: PeerHandle, weDialled: Bool, version: GossipsubVersion, group: UInt32,
    effects: inout Effects
  ) {
    let isDirect = directPeers.contains(peer)
    let index = peerPosition(peer)
    let isKnown = index < peers.count && peers[index].handle == peer
    if !isKnown || !peers[index].isConnected, connectedCount >= GossipsubLimits.peersMax {
      effects.append(.refused(peer, .tooManyPeers))
      return
    }
    var flags: GossipPeer.Flags = .connected
    if weDialled { flags.insert(.weDialled) }
    if isDirect { flags.insert(.direct) }
    if isKnown {
      let oldGroup = peers[index].group
      peers[index].flags = flags
      peers[index].version = version
      peers[index].group = group
      if oldGroup != group { recount(oldGroup) }
    } else {
      let new = GossipPeer(handle: peer, group: group, flags: flags, version: version)
      peers.insertTightly(new, at: index)
    }
    recount(group)
    lookForPeersWithoutMesh()
    for topic in topics where topic.isJoined {
      effects.append(.send(peer, .subscribe(topic.topic)))
    }
  }

  private mutating func lookForPeersWithoutMesh() {
    hasPeersWithoutMesh = peers.contains {
      $0.isConnected && ($0.isDirect || $0.version == .floodsub)
    }
  }

  /// Counts the peers of a group anew (P6).
  private mutating func recount(_ group: UInt32) {
    guard group != 0 else { return }
    var count: UInt16 = 0
    for peer in peers where peer.group == group { count += 1 }
    for index in peers.indices where peers[index].group == group {
      peers[index].groupCount = count
    }
  }

  /// Forgets a peer with a positive score but for its backoffs, so that a lead cannot be parked;
  /// remembers any other, so that leaving does not heal.
  mutating func disconnect(_ peer: PeerHandle, now: Tick) {
    guard let index = peerIndex(peer), peers[index].isConnected else { return }
    let heals = score(ofPeerAt: index, now: now) > 0
    var remembered = heals ? now : now.advanced(by: configuration.peerScore.retention)
    for topic in topics.indices {
      let (place, found) = topics[topic].position(of: peer)
      guard found else { continue }
      markPrune(place, inTopicAt: topic)
      topics[topic].standings[place].leave(forgiven: heals)
      remembered = max(remembered, topics[topic].standings[place].backoff)
    }
    let group = peers[index].group
    var kept = GossipPeer(
      handle: peer, group: heals ? 0 : group, flags: [], version: peers[index].version)
    kept.reputation = peers[index].reputation
    kept.behaviour = heals ? 0 : peers[index].behaviour
    // What is still being validated stays counted against the peer until it is answered.
    kept.validating = peers[index].validating
    kept.unwanted = peers[index].unwanted
    kept.expires = remembered
    peers[index] = kept
    recount(group)
    lookForPeersWithoutMesh()
    if remembered <= now { forgetPeer(at: index) } else { boundRetained() }
  }

  private mutating func boundRetained() {
    guard peers.count - connectedCount > GossipsubLimits.retainedPeersMax else { return }
    var oldest: Int?
    for index in peers.indices where !peers[index].isConnected {
      if oldest == nil || peers[index].expires < peers[oldest!].expires { oldest = index }
    }
    if let oldest { forgetPeer(at: oldest) }
  }

  private mutating func forgetPeer(at index: Int) {
    let peer = peers.remove(at: index)
    recount(peer.group)
    for topic in topics.indices {
      let (place, found) = topics[topic].position(of: peer.handle)
      if found { topics[topic].standings.remove(at: place) }
    }
  }

  mutating func forgetExpiredPeers(now: Tick) {
    for index in peers.indices.reversed()
    where !peers[index].isConnected && peers[index].expires <= now {
      forgetPeer(at: index)
    }
  }

  mutating func setDirect(
    _ peer: PeerHandle, _ isDirect: Bool, now: Tick, effects: inout Effects
  ) {
    let position = directPeers.firstIndex { $0 >= peer } ?? directPeers.count
    let isListed = position < directPeers.count && directPeers[position] == peer
    if isDirect, !isListed {
      guard directPeers.count < GossipsubLimits.directPeersMax else {
        effects.append(.refused(peer, .tooManyPeers))
        return
      }
      directPeers.insert(peer, at: position)
    } else if !isDirect, isListed {
      directPeers.remove(at: position)
    }
    guard let index = peerIndex(peer), peers[index].isConnected else {
      if isDirect { effects.append(.connect(peer)) }
      return
    }
    if !isDirect {
      peers[index].flags.remove(.direct)
      lookForPeersWithoutMesh()
      return
    }
    peers[index].flags.insert(.direct)
    hasPeersWithoutMesh = true
    for topic in topics.indices {
      let (place, found) = topics[topic].position(of: peer)
      guard found, topics[topic].standings[place].isInMesh else { continue }
      markPrune(place, inTopicAt: topic)
      effects.append(.send(peer, .prune(topics[topic].topic, backoffSeconds: 0, peers: [])))
    }
  }

  /// Enters a peer as if it had connected, subscribed and been grafted long ago: a simulation of a
  /// million fills its meshes so. Costs no messages.
  package mutating func adopt(
    _ peer: PeerHandle, weDialled: Bool, version: GossipsubVersion, topic: GossipTopic,
    inMesh: Bool, now: Tick, directory: some PeerDirectory
  ) {
    var unsent: Effects = []
    if peerIndex(peer) == nil {
      connect(
        peer, weDialled: weDialled, version: version, group: directory.addressGroup(of: peer),
        effects: &unsent)
    }
    guard let index = peerIndex(peer), let topicIndex = topicIndex(topic) else { return }
    let place = topics[topicIndex].place(of: peer)
    if topics[topicIndex].standings[place].flags.insert(.subscribed).inserted {
      peers[index].subscriptions += 1
    }
    if inMesh { markGraft(place, inTopicAt: topicIndex, now: now) }
  }
}

extension GossipStanding {
  /// The peer's connection has ended.
  fileprivate mutating func leave(forgiven: Bool) {
    flags = []
    ihaves = 0
    firstDeliveries = 0
    guard forgiven else { return }
    (meshDeliveries, meshFailure, invalidMessages) = (0, 0, 0)
  }
}
