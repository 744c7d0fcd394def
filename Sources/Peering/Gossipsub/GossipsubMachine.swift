package import Primitives

/// A gossipsub router (libp2p/specs pubsub/gossipsub: v1.0, v1.1 with peer scores, v1.2).
///
/// Generic over what a message carries, so that one router serves the wire and a simulation of a
/// million. An idle router with ten peers in one topic keeps about 1.2 KB.
package struct GossipsubMachine<Payload: Sendable>: Sendable {
  /// What is to be done, in order.
  package typealias Effects = [GossipsubEffect<Payload>]

  let configuration: GossipsubConfiguration
  /// Sorted by handle; connected peers, and those whose bad score is remembered.
  var peers: [GossipPeer] = []
  /// Sorted by topic.
  var topics: [GossipTopicState] = []
  var store = GossipStore<Payload>()
  var gossip = GossipLedger()
  /// Sorted.
  var directPeers: [PeerHandle] = []
  /// Messages whose validation has not been answered.
  var validating = 0
  /// Bytes of those messages.
  var validatingBytes = 0
  /// Whether a connected peer is direct or speaks floodsub.
  var hasPeersWithoutMesh = false
  var heartbeats: UInt32 = 0
  private(set) var nextHeartbeat: Tick
  private var nextDecay: Tick

  /// A router without peers. The first heartbeat comes at a random part of an interval, so that
  /// routers started together do not beat together.
  package init(
    configuration: GossipsubConfiguration, now: Tick, random: inout SplitMix64
  ) {
    self.configuration = configuration
    let parts: UInt64 = 1_000
    let interval = configuration.parameters.heartbeatInterval
    let share = interval * Int(UInt64.random(in: 1...parts, using: &random)) / Int(parts)
    nextHeartbeat = now.advanced(by: share)
    nextDecay = now.advanced(by: configuration.peerScore.decayInterval)
  }

  /// When `.tick` must come.
  package var nextWake: Tick { nextHeartbeat }

  /// Takes an event and appends what is to be done.
  package mutating func handle(
    _ event: GossipsubEvent<Payload>, now: Tick, random: inout SplitMix64,
    directory: some PeerDirectory, effects: inout Effects
  ) {
    var group: UInt32 = 0
    if case .connected(let peer, _, _) = event { group = directory.addressGroup(of: peer) }
    take(event, group: group, now: now, random: &random, effects: &effects)
  }

  // Simulations count messages in 32 or 64 bits; without this, other modules run generic code that asks
  // for types at every step, at twice the time.
  @_specialize(where Payload == UInt32)
  @_specialize(where Payload == UInt64)
  private mutating func take(
    _ event: GossipsubEvent<Payload>, group: UInt32, now: Tick, random: inout SplitMix64,
    effects: inout Effects
  ) {
    switch event {
    case .connected(let peer, let weDialled, let version):
      connect(peer, weDialled: weDialled, version: version, group: group, effects: &effects)
    case .disconnected(let peer): disconnect(peer, now: now)
    case .received(let item, let peer):
      receive(item, from: peer, now: now, random: &random, effects: &effects)
    case .malformed(let topic, let peer): blameInvalid(peer, topic: topic)
    case .join(let topic, let kind):
      join(topic, kind: kind, now: now, random: &random, effects: &effects)
    case .leave(let topic): leave(topic, now: now, random: &random, effects: &effects)
    case .publish(let message):
      publish(message, now: now, random: &random, effects: &effects)
    case .validated(let id, let verdict):
      validated(id, verdict, now: now, effects: &effects)
    case .reputation(let peer, let value):
      if let index = peerIndex(peer), value.isFinite { peers[index].reputation = value }
    case .direct(let peer, let isDirect):
      setDirect(peer, isDirect, now: now, effects: &effects)
    case .tick: tick(now: now, random: &random, effects: &effects)
    }
  }

  private mutating func receive(
    _ item: GossipItem<Payload>, from peer: PeerHandle, now: Tick, random: inout SplitMix64,
    effects: inout Effects
  ) {
    guard let index = peerIndex(peer), peers[index].isConnected else { return }
    let score = score(ofPeerAt: index, now: now)
    guard score >= configuration.thresholds.graylist || peers[index].isDirect else {
      effects.append(.refused(peer, .graylisted))
      return
    }
    switch item {
    case .message(let message):
      receive(message, from: index, now: now, effects: &effects)
    case .subscribe(let topic): subscribe(index, to: topic, effects: &effects)
    case .unsubscribe(let topic): unsubscribe(index, from: topic)
    case .ihave(let topic, let ids):
      receiveIHAVE(
        topic, ids, from: index, score: score, now: now, random: &random, effects: &effects)
    case .iwant(let ids): receiveIWANT(ids, from: index, score: score, effects: &effects)
    case .graft(let topic):
      receiveGRAFT(
        topic, from: index, score: score, now: now, random: &random, effects: &effects)
    case .prune(let topic, let seconds, let others):
      receivePRUNE(
        topic, from: index, backoffSeconds: seconds, naming: others, score: score, now: now,
        effects: &effects)
    case .idontwant(let ids): receiveIDONTWANT(ids, from: index, effects: &effects)
    }
  }

  private mutating func tick(now: Tick, random: inout SplitMix64, effects: inout Effects) {
    guard now >= nextHeartbeat else { return }
    let interval = configuration.parameters.heartbeatInterval
    let following = nextHeartbeat.advanced(by: interval)
    // A late heartbeat is not made up for by several at once.
    nextHeartbeat = following > now ? following : now.advanced(by: interval)
    let decayInterval = configuration.peerScore.decayInterval
    for _ in 0..<GossipsubLimits.decayStepsMax where nextDecay <= now {
      decay(now: now)
      nextDecay = nextDecay.advanced(by: decayInterval)
    }
    if nextDecay <= now { nextDecay = now.advanced(by: decayInterval) }
    heartbeat(now: now, random: &random, effects: &effects)
  }
}

// MARK: - Looking up

extension GossipsubMachine {
  /// The place of a peer.
  func peerIndex(_ peer: PeerHandle) -> Int? {
    let index = peerPosition(peer)
    return index < peers.count && peers[index].handle == peer ? index : nil
  }

  /// The place of a peer, or where it would be.
  func peerPosition(_ peer: PeerHandle) -> Int {
    var low = 0
    var high = peers.count
    while low < high {
      let middle = (low + high) / 2
      if peers[middle].handle < peer { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The place of a topic.
  func topicIndex(_ topic: GossipTopic) -> Int? {
    let index = topicPosition(topic)
    return index < topics.count && topics[index].topic == topic ? index : nil
  }

  /// The place of a topic, or where it would be.
  func topicPosition(_ topic: GossipTopic) -> Int {
    var low = 0
    var high = topics.count
    while low < high {
      let middle = (low + high) / 2
      if topics[middle].topic < topic { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The kind of a topic we joined or publish to.
  func kind(of topic: GossipTopicState) -> GossipTopicKind? {
    Int(topic.kind) < configuration.kinds.count ? configuration.kinds[Int(topic.kind)] : nil
  }

  /// How a topic is scored, if at all.
  func topicRules(of topic: GossipTopicState) -> GossipTopicRules? {
    Int(topic.kind) < configuration.rules.count ? configuration.rules[Int(topic.kind)] : nil
  }
}

// MARK: - For those who look on

extension GossipsubMachine {
  /// The peers in the mesh of a topic, sorted.
  package func mesh(of topic: GossipTopic) -> [PeerHandle] {
    peers(of: topic) { $0.isInMesh }
  }

  /// The peers that listen to a topic, sorted.
  package func subscribers(of topic: GossipTopic) -> [PeerHandle] {
    peers(of: topic) { $0.isSubscribed }
  }

  /// The peers that get what we publish to a topic we have not joined, sorted.
  package func fanout(of topic: GossipTopic) -> [PeerHandle] {
    peers(of: topic) { $0.flags.contains(.fanout) }
  }

  private func peers(
    of topic: GossipTopic, where holds: (GossipStanding) -> Bool
  ) -> [PeerHandle] {
    guard let index = topicIndex(topic) else { return [] }
    return topics[index].standings.filter(holds).map(\.peer)
  }

  /// The kind of a topic, if we joined it.
  package func joinedKind(of topic: GossipTopic) -> GossipTopicKind? {
    guard let index = topicIndex(topic), topics[index].isJoined else { return nil }
    return kind(of: topics[index])
  }

  /// Whether the router keeps anything under a topic.
  package func knows(_ topic: GossipTopic) -> Bool { topicIndex(topic) != nil }

  /// Whether a peer is connected and not on the gray list.
  package func listens(to peer: PeerHandle, now: Tick) -> Bool {
    guard let index = peerIndex(peer), peers[index].isConnected else { return false }
    return peers[index].isDirect
      || score(ofPeerAt: index, now: now) >= configuration.thresholds.graylist
  }

  /// Whether the id counts as seen.
  package func hasSeen(_ id: GossipMessageID) -> Bool { store.contains(id) }

  /// A message that is being validated or can be asked for.
  package func message(_ id: GossipMessageID) -> GossipMessage<Payload>? {
    store.offset(of: id).flatMap { store[$0].message }
  }

  /// The connected peers.
  package var connectedCount: Int {
    var count = 0
    for peer in peers where peer.isConnected { count += 1 }
    return count
  }

  /// The ids that count as seen, the messages that can be asked for and their bytes.
  package var stored: (seen: Int, messages: Int, bytes: Int) {
    (store.count, store.cachedCount, store.cachedBytes)
  }

  /// Whether peers named by this one would be dialled, so that their records need be checked.
  package func acceptsPeerExchange(from peer: PeerHandle, now: Tick) -> Bool {
    score(of: peer, now: now) >= configuration.thresholds.acceptPeerExchange
  }
}
