import Primitives

/// What happens once a heartbeat (gossipsub-v1.1.md, "Heartbeat Procedure").
extension GossipsubMachine {
  mutating func heartbeat(now: Tick, random: inout SplitMix64, effects: inout Effects) {
    heartbeats &+= 1
    resetCounters()
    punishBrokenPromises(now: now)
    forgetIDONTWANTs()
    gossip.sweep(now: now)
    reachDirectPeers(effects: &effects)
    let scores = peers.indices.map { score(ofPeerAt: $0, now: now) }
    for index in topics.indices {
      if topics[index].isJoined {
        keepMesh(ofTopicAt: index, scores, now: now, random: &random, effects: &effects)
      } else if topics[index].lastPublished != nil {
        keepFanout(ofTopicAt: index, now: now, random: &random)
      } else {
        continue
      }
      emitGossip(ofTopicAt: index, scores: scores, random: &random, effects: &effects)
    }
    forgetMessages(now: now)
    dropBlanks(now: now)
  }

  private mutating func resetCounters() {
    for index in peers.indices {
      peers[index].asked = 0
      peers[index].idontwants = 0
      peers[index].messages = 0
      peers[index].answered = 0
      peers[index].answeredBytes = 0
      peers[index].meshChanges = 0
      peers[index].flags.remove(.flooded)
    }
    for index in topics.indices {
      for place in topics[index].standings.indices { topics[index].standings[place].ihaves = 0 }
    }
  }

  private func reachDirectPeers(effects: inout Effects) {
    guard heartbeats % configuration.parameters.directConnectHeartbeats == 0 else { return }
    for peer in directPeers {
      let isConnected = peerIndex(peer).map { peers[$0].isConnected } ?? false
      if !isConnected { effects.append(.connect(peer)) }
    }
  }

  private mutating func forgetMessages(now: Tick) {
    let history = UInt32(clamping: configuration.parameters.historyLength)
    if heartbeats > history { store.dropCached(before: heartbeats - history) }
    while let expiry = store.firstExpiry, expiry <= now, let record = store.popFirst() {
      release(record)
    }
  }

  /// Heartbeats between searches for what has become empty.
  private static var blankSearchHeartbeats: UInt32 { 15 }

  private mutating func dropBlanks(now: Tick) {
    guard heartbeats % Self.blankSearchHeartbeats == 0 else { return }
    for index in topics.indices.reversed() {
      if topics[index].standings.contains(where: { $0.isBlank(at: now) }) {
        topics[index].standings.removeAll { $0.isBlank(at: now) }
      }
      let isIdle = !topics[index].isJoined && topics[index].lastPublished == nil
      if isIdle, topics[index].standings.isEmpty { topics.remove(at: index) }
    }
  }

  // MARK: - The mesh

  private mutating func keepMesh(
    ofTopicAt index: Int, _ scores: [Double], now: Tick, random: inout SplitMix64,
    effects: inout Effects
  ) {
    let parameters = configuration.parameters
    var members: [Int] = []
    for standing in topics[index].standings where standing.isInMesh {
      guard let known = peerIndex(standing.peer) else { continue }
      if scores[known] < 0 {
        drop(known, fromTopicAt: index, naming: false, now: now, &random, &effects)
      } else {
        members.append(known)
      }
    }
    noteThinness(ofTopicAt: index, members: members.count, effects: &effects)
    if members.count < parameters.degreeLow {
      let more = candidates(ofTopicAt: index, now: now) { scores[$0] >= 0 }
      let drawn = more.drawn(parameters.degree - members.count, using: &random)
      for known in drawn { graft(peers[known].handle, inTopicAt: index, now: now, &effects) }
      members += drawn
    }
    addOutbound(to: &members, ofTopicAt: index, scores, now: now, &random, &effects)
    if members.count > parameters.degreeHigh {
      members = members.drawn(members.count, using: &random)
      sortSurvivorsFirst(&members, scores)
      for known in members[parameters.degree...] {
        drop(known, fromTopicAt: index, naming: true, now: now, &random, &effects)
      }
      members.removeLast(members.count - parameters.degree)
    }
    if heartbeats % parameters.opportunisticGraftHeartbeats == 0, members.count > 1 {
      graftBetter(than: members, ofTopicAt: index, scores, now: now, &random, &effects)
    }
  }

  /// A mesh that its peers refuse to fill, since theirs are full, needs other peers. Before GRAFTs
  /// are sent, as most of them are refused then.
  private mutating func noteThinness(
    ofTopicAt index: Int, members: Int, effects: inout Effects
  ) {
    guard members < configuration.parameters.degreeLow else {
      topics[index].thinHeartbeats = 0
      return
    }
    topics[index].thinHeartbeats += 1
    let beats = topics[index].thinHeartbeats
    let first = GossipsubLimits.thinHeartbeatsMin
    let last = GossipsubLimits.thinHeartbeatsMax
    guard beats.isMultiple(of: first), (beats / first).nonzeroBitCount == 1 else { return }
    // From then on the pause stays what it was last.
    if beats == last { topics[index].thinHeartbeats = last / 2 }
    let missing = configuration.parameters.degree - members
    effects.append(.wantsPeers(topics[index].topic, missing: missing))
  }

  private mutating func drop(
    _ known: Int, fromTopicAt index: Int, naming: Bool, now: Tick, _ random: inout SplitMix64,
    _ effects: inout Effects
  ) {
    prune(
      peers[known].handle, inTopicAt: index, backoff: configuration.parameters.pruneBackoff,
      naming: naming, now: now, random: &random, effects: &effects)
  }

  private func candidates(
    ofTopicAt index: Int, now: Tick, where passes: (Int) -> Bool
  ) -> [Int] {
    var found: [Int] = []
    for standing in topics[index].standings where standing.isSubscribed && !standing.isInMesh {
      guard let known = peerIndex(standing.peer), passes(known),
        isCandidate(peerAt: known, inTopicAt: index, now: now)
      else { continue }
      found.append(known)
    }
    return found
  }

  /// Puts those first that survive: D_score best, then at random, D_out of them dialled by us.
  /// `members` comes in random order.
  private func sortSurvivorsFirst(_ members: inout [Int], _ scores: [Double]) {
    let parameters = configuration.parameters
    let order = members
    let place = { (known: Int) in order.firstIndex(of: known) ?? 0 }
    let best = order.sorted { (-scores[$0], place($0)) < (-scores[$1], place($1)) }
      .prefix(parameters.degreeScore)
    members = best + order.filter { !best.contains($0) }
    let missing =
      parameters.degreeOut
      - members.prefix(parameters.degree).count { peers[$0].weDialled }
    guard missing > 0 else { return }
    let promoted = members[parameters.degree...].filter { peers[$0].weDialled }.prefix(missing)
    // The last of the random ones give way; those dialled by us and the best stay.
    var victims = promoted.count
    var survivors: [Int] = []
    for known in members.prefix(parameters.degree).reversed() {
      if victims > 0, !peers[known].weDialled { victims -= 1 } else { survivors.append(known) }
    }
    survivors = survivors.reversed() + promoted
    members = survivors + members.filter { !survivors.contains($0) }
  }

  private mutating func addOutbound(
    to members: inout [Int], ofTopicAt index: Int, _ scores: [Double], now: Tick,
    _ random: inout SplitMix64, _ effects: inout Effects
  ) {
    let parameters = configuration.parameters
    guard members.count >= parameters.degreeLow else { return }
    let missing = parameters.degreeOut - members.count { peers[$0].weDialled }
    guard missing > 0 else { return }
    let more = candidates(ofTopicAt: index, now: now) {
      peers[$0].weDialled && scores[$0] >= 0
    }
    for known in more.drawn(missing, using: &random) {
      graft(peers[known].handle, inTopicAt: index, now: now, &effects)
      members.append(known)
    }
  }

  /// A mesh whose median score is poor gets peers that score better (gossipsub-v1.1.md,
  /// "Opportunistic Grafting").
  private mutating func graftBetter(
    than members: [Int], ofTopicAt index: Int, _ scores: [Double], now: Tick,
    _ random: inout SplitMix64, _ effects: inout Effects
  ) {
    let median = members.map { scores[$0] }.sorted()[members.count / 2]
    guard median < configuration.thresholds.opportunisticGraft else { return }
    let better = candidates(ofTopicAt: index, now: now) { scores[$0] > median }
    let room = configuration.parameters.degreeHigh - members.count
    let count = min(configuration.parameters.opportunisticGraftPeers, room)
    for known in better.drawn(count, using: &random) {
      graft(peers[known].handle, inTopicAt: index, now: now, &effects)
    }
  }

  // MARK: - The fanout

  private mutating func keepFanout(ofTopicAt index: Int, now: Tick, random: inout SplitMix64) {
    let age = now.duration(since: topics[index].lastPublished ?? .zero)
    if age > configuration.parameters.fanoutTTL {
      topics[index].lastPublished = nil
      for place in topics[index].standings.indices {
        topics[index].standings[place].flags.remove(.fanout)
      }
    } else {
      fillFanout(ofTopicAt: index, now: now, random: &random)
    }
  }

  /// Keeps D listeners that pass the publish threshold.
  mutating func fillFanout(ofTopicAt index: Int, now: Tick, random: inout SplitMix64) {
    var count = 0
    for place in topics[index].standings.indices
    where topics[index].standings[place].flags.contains(.fanout) {
      if mayPublish(to: topics[index].standings[place].peer, now: now) {
        count += 1
      } else {
        topics[index].standings[place].flags.remove(.fanout)
      }
    }
    let missing = configuration.parameters.degree - count
    let more = chosen(missing, inTopicAt: index, random: &random) { peer in
      let place = topics[index].position(of: peer).index
      return !topics[index].standings[place].flags.contains(.fanout)
        && mayPublish(to: peer, now: now)
    }
    for peer in more {
      let place = topics[index].place(of: peer)
      topics[index].standings[place].flags.insert(.fanout)
    }
  }

  private func mayPublish(to peer: PeerHandle, now: Tick) -> Bool {
    guard let known = peerIndex(peer) else { return false }
    return peers[known].isConnected && !peers[known].isDirect && peers[known].version >= .v10
      && score(ofPeerAt: known, now: now) >= configuration.thresholds.publish
  }
}
