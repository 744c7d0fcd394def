import Primitives

extension GossipsubMachine {
  mutating func receive(
    _ message: GossipMessage<Payload>, from index: Int, now: Tick, effects: inout Effects
  ) {
    let peer = peers[index].handle
    guard countMessage(from: index, effects: &effects) else { return }
    guard let topic = topicIndex(message.topic), topics[topic].isJoined else {
      effects.append(.refused(peer, .topicNotJoined))
      return
    }
    if let offset = store.offset(of: message.id) {
      receiveCopy(at: offset, from: peer, now: now)
      return
    }
    let validates = message.isSigned || kind(of: topics[topic])?.validates ?? false
    if validates {
      let share = message.validationShare
      guard validating < GossipsubLimits.validationsMax,
        validatingBytes + Int(message.byteCount) <= GossipsubLimits.validatingBytesMax,
        peers[index].validating + share <= UInt16(GossipsubLimits.validationsPerPeerMax)
      else {
        effects.append(.refused(peer, .tooManyValidations))
        return
      }
      validating += 1
      validatingBytes += Int(message.byteCount)
      peers[index].validating += share
    }
    gossip.settle(message.id)
    remember(message, from: peer, now: now)
    announceArrival(of: message, inTopicAt: topic, except: peer, effects: &effects)
    if validates {
      effects.append(.validate(message, from: peer))
    } else if let offset = store.offset(of: message.id) {
      accept(offset, now: now, effects: &effects)
    }
  }

  private mutating func countMessage(from index: Int, effects: inout Effects) -> Bool {
    guard peers[index].messages < GossipsubLimits.messagesPerHeartbeatMax else {
      if peers[index].flags.insert(.flooded).inserted { penalise(peerAt: index) }
      effects.append(.refused(peers[index].handle, .tooManyMessages))
      return false
    }
    peers[index].messages += 1
    return true
  }

  private mutating func remember(
    _ message: GossipMessage<Payload>, from peer: PeerHandle?, now: Tick
  ) {
    while store.count >= GossipsubLimits.seenMax, let oldest = store.popFirst() {
      release(oldest)
    }
    store.insert(
      GossipRecord(
        id: message.id, topic: message.topic, status: .validating, source: peer,
        expires: now.advanced(by: configuration.parameters.seenTTL), message: message))
  }

  /// A record is answered or over: its place among the validations becomes free.
  mutating func release(_ record: GossipRecord<Payload>) {
    guard record.status == .validating, let message = record.message else { return }
    validating = max(0, validating - 1)
    validatingBytes = max(0, validatingBytes - Int(message.byteCount))
    if let source = record.source, let index = peerIndex(source) {
      peers[index].validating -= min(peers[index].validating, message.validationShare)
    }
  }

  /// Another copy of a message that was seen (go-libp2p-pubsub score.go, `DuplicateMessage`).
  private mutating func receiveCopy(at offset: Int, from peer: PeerHandle, now: Tick) {
    guard let topic = topicIndex(store[offset].topic), store[offset].source != peer else { return }
    switch store[offset].status {
    case .validating: noteDeliverer(peer, at: offset)
    case .valid:
      guard let rules = topicRules(of: topics[topic]), rules.judgesDeliveries,
        now.duration(since: store[offset].validated) <= rules.score.meshDeliveriesWindow,
        !store[offset].deliverers.contains(peer), noteDeliverer(peer, at: offset)
      else { return }
      creditCopy(peer, inTopicAt: topic)
    case .invalid: blameInvalid(peer, topic: store[offset].topic)
    case .ignored, .forgotten: break
    }
  }

  @discardableResult
  private mutating func noteDeliverer(_ peer: PeerHandle, at offset: Int) -> Bool {
    guard !store[offset].deliverers.contains(peer),
      store[offset].deliverers.count < GossipsubLimits.deliverersPerMessageMax
    else { return false }
    store[offset].deliverers.append(peer)
    return true
  }

  // MARK: - Verdicts

  mutating func validated(
    _ id: GossipMessageID, _ verdict: GossipVerdict, now: Tick, effects: inout Effects
  ) {
    guard let offset = store.offset(of: id), store[offset].status == .validating else { return }
    release(store[offset])
    switch verdict {
    case .accept: accept(offset, now: now, effects: &effects)
    case .reject: reject(offset)
    case .ignore: close(offset, as: .ignored)
    case .forged: dropForged(offset, now: now, effects: &effects)
    }
  }

  private mutating func accept(_ offset: Int, now: Tick, effects: inout Effects) {
    store[offset].status = .valid
    store[offset].validated = now
    guard let message = store[offset].message, let topic = topicIndex(message.topic) else { return }
    let source = store[offset].source
    let deliverers = store[offset].deliverers
    if let source { creditFirst(source, inTopicAt: topic) }
    for peer in deliverers { creditCopy(peer, inTopicAt: topic) }
    store.cache(message, heartbeat: heartbeats)
    guard topics[topic].isJoined else { return }
    if let source { effects.append(.deliver(message, from: source)) }
    forward(message, inTopicAt: topic, source: source, deliverers, now: now, effects: &effects)
    if topicRules(of: topics[topic])?.judgesDeliveries != true { store[offset].deliverers = [] }
  }

  private mutating func reject(_ offset: Int) {
    let topic = store[offset].topic
    if let source = store[offset].source { blameInvalid(source, topic: topic) }
    for peer in store[offset].deliverers { blameInvalid(peer, topic: topic) }
    close(offset, as: .invalid)
  }

  private mutating func close(_ offset: Int, as status: GossipRecord<Payload>.Status) {
    store[offset].status = status
    store[offset].deliverers = []
    store[offset].message = nil
  }

  /// The copy said nothing of the message of that id; the next peer that sent one is asked again.
  private mutating func dropForged(_ offset: Int, now: Tick, effects: inout Effects) {
    let id = store[offset].id
    if let source = store[offset].source { blameInvalid(source, topic: store[offset].topic) }
    let others = store[offset].deliverers
    store.forget(at: offset)
    let next = others.first { peer in
      guard let index = peerIndex(peer), peers[index].isConnected else { return false }
      return score(ofPeerAt: index, now: now) >= configuration.thresholds.gossip
    }
    guard let next else { return }
    let patience = configuration.parameters.iwantPatience
    let due = now.advanced(by: configuration.parameters.iwantFollowup)
    gossip.ask(next, for: id, patience: patience, due: due, now: now)
    gossip.promise(id, by: next, due: due)
    effects.append(.send(next, .iwant([id])))
  }

  // MARK: - Sending

  /// Sends a valid message on: to the mesh, to direct peers and to those without a mesh.
  private func forward(
    _ message: GossipMessage<Payload>, inTopicAt topic: Int, source: PeerHandle?,
    _ deliverers: [PeerHandle], now: Tick, effects: inout Effects
  ) {
    for standing in topics[topic].standings {
      let peer = standing.peer
      guard standing.isInMesh || (standing.isSubscribed && getsAll(peer, now: now)),
        peer != source, peer != message.author, !deliverers.contains(peer),
        !gossip.isUnwanted(message.id, by: peer)
      else { continue }
      effects.append(.send(peer, .message(message)))
    }
  }

  /// Whether a peer gets every message without a mesh.
  private func getsAll(_ peer: PeerHandle, now: Tick) -> Bool {
    guard hasPeersWithoutMesh, let index = peerIndex(peer) else { return false }
    if peers[index].isDirect { return true }
    return peers[index].version == .floodsub
      && score(ofPeerAt: index, now: now) >= configuration.thresholds.publish
  }

  mutating func publish(
    _ message: GossipMessage<Payload>, now: Tick, random: inout SplitMix64,
    effects: inout Effects
  ) {
    guard !store.contains(message.id) else {
      effects.append(.refused(nil, .publishedBefore))
      return
    }
    guard let topic = placeOfTopic(message.topic) else {
      effects.append(.refused(nil, .tooManyTopics))
      return
    }
    remember(message, from: nil, now: now)
    if let offset = store.offset(of: message.id) {
      store[offset].status = .valid
      store[offset].validated = now
    }
    store.cache(message, heartbeat: heartbeats)
    if !topics[topic].isJoined {
      topics[topic].lastPublished = now
      fillFanout(ofTopicAt: topic, now: now, random: &random)
    }
    let before = effects.count
    send(own: message, inTopicAt: topic, now: now, effects: &effects)
    if effects.count == before { effects.append(.refused(nil, .noPeers)) }
  }

  private func send(
    own message: GossipMessage<Payload>, inTopicAt topic: Int, now: Tick, effects: inout Effects
  ) {
    let floods = configuration.parameters.floodPublish
    for standing in topics[topic].standings where standing.peer != message.author {
      let peer = standing.peer
      let isChosen =
        floods
        ? score(of: peer, now: now) >= configuration.thresholds.publish
        : standing.isInMesh || standing.flags.contains(.fanout)
      guard isChosen || getsAll(peer, now: now), standing.isSubscribed else { continue }
      effects.append(.send(peer, .message(message)))
    }
  }

  /// IDONTWANT to the mesh, before validation, for messages larger than a few ids
  /// (gossipsub-v1.2.md).
  private func announceArrival(
    of message: GossipMessage<Payload>, inTopicAt topic: Int, except source: PeerHandle,
    effects: inout Effects
  ) {
    guard message.byteCount >= configuration.parameters.idontwantThresholdBytes else { return }
    for standing in topics[topic].standings where standing.isInMesh && standing.peer != source {
      guard let index = peerIndex(standing.peer), peers[index].version >= .v12 else { continue }
      effects.append(.send(standing.peer, .idontwant([message.id])))
    }
  }
}

extension GossipMessage {
  /// How many of its sender's places among the validations it takes: one, and one more for each 64
  /// KiB, so that a peer's places stand for some 8 MiB at most.
  fileprivate var validationShare: UInt16 {
    1 + UInt16(clamping: Int(byteCount) / GossipsubLimits.validationShareBytes)
  }
}
