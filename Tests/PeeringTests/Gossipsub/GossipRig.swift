import Primitives

@testable import Peering

/// Address groups of a few peers; all others have none.
struct AddressGroups: PeerDirectory {
  var groups: [PeerHandle: UInt32] = [:]

  func key(of peer: PeerHandle) -> DistanceKey {
    DistanceKey(words: (UInt64(peer.index), 0, 0, 0))
  }

  func addressGroup(of peer: PeerHandle) -> UInt32 { groups[peer] ?? 0 }
}

/// One router with its clock, its chance and its book of peers; messages carry a number.
struct GossipRig {
  typealias Machine = GossipsubMachine<UInt32>
  typealias Effect = GossipsubEffect<UInt32>

  var machine: Machine
  var now = Tick.zero
  var random: SplitMix64
  var directory = AddressGroups()
  static let topic = GossipTopic(1)

  init(
    parameters: GossipsubParameters = .standard, thresholds: GossipThresholds = .init(),
    peerScore: GossipPeerScore = .init(), kinds: [GossipTopicKind] = [.init(validates: false)],
    seed: UInt64 = 7
  ) throws {
    random = SplitMix64(seed: seed)
    let configuration = try GossipsubConfiguration(
      parameters: parameters, thresholds: thresholds, peerScore: peerScore, kinds: kinds)
    machine = Machine(configuration: configuration, now: now, random: &random)
  }

  @discardableResult
  mutating func handle(_ event: GossipsubEvent<UInt32>) -> [Effect] {
    var effects: [Effect] = []
    machine.handle(event, now: now, random: &random, directory: directory, effects: &effects)
    return effects
  }

  @discardableResult
  mutating func receive(_ item: GossipItem<UInt32>, from peer: PeerHandle) -> [Effect] {
    handle(.received(item, from: peer))
  }

  /// Connects peers that listen to the topic; those of `dialled` were dialled by us.
  @discardableResult
  mutating func connect(
    _ peers: Range<UInt32>, dialled: Range<UInt32> = 0..<0, version: GossipsubVersion = .v12,
    topic: GossipTopic = GossipRig.topic
  ) -> [Effect] {
    var effects: [Effect] = []
    for index in peers {
      let weDialled = dialled.contains(index)
      effects += handle(
        .connected(PeerHandle(index), weDialled: weDialled, version: version))
      effects += receive(.subscribe(topic), from: PeerHandle(index))
    }
    return effects
  }

  mutating func join(_ topic: GossipTopic = GossipRig.topic) -> [Effect] {
    handle(.join(topic, kind: 0))
  }

  /// Lets the next heartbeat come.
  @discardableResult
  mutating func beat(_ count: Int = 1) -> [Effect] {
    var effects: [Effect] = []
    for _ in 0..<count {
      now = max(now, machine.nextWake)
      effects += handle(.tick)
    }
    return effects
  }

  mutating func wait(_ duration: Duration) { now = now.advanced(by: duration) }

  func score(_ peer: PeerHandle) -> Double { machine.score(of: peer, now: now) }
  var mesh: [PeerHandle] { machine.mesh(of: Self.topic) }
}

func peer(_ index: UInt32) -> PeerHandle { PeerHandle(index) }

func messageID(_ number: UInt32) -> GossipMessageID {
  GossipMessageID(high: 1, low: UInt64(number))
}

func message(
  _ number: UInt32, topic: GossipTopic = GossipRig.topic, bytes: UInt32 = 100,
  author: PeerHandle? = nil
) -> GossipMessage<UInt32> {
  GossipMessage(
    id: messageID(number), topic: topic, byteCount: bytes, author: author, payload: number)
}

extension [GossipsubEffect<UInt32>] {
  /// What is sent to a peer.
  func sent(to peer: PeerHandle) -> [GossipItem<UInt32>] {
    compactMap { effect in
      guard case .send(peer, let item) = effect else { return nil }
      return item
    }
  }

  /// The peers that something passing is sent to.
  func receivers(of passes: (GossipItem<UInt32>) -> Bool) -> [PeerHandle] {
    compactMap { effect in
      guard case .send(let peer, let item) = effect, passes(item) else { return nil }
      return peer
    }
  }

  var grafted: [PeerHandle] {
    receivers { if case .graft = $0 { true } else { false } }.sorted()
  }

  var pruned: [PeerHandle] {
    receivers { if case .prune = $0 { true } else { false } }.sorted()
  }

  var told: [PeerHandle] {
    receivers { if case .message = $0 { true } else { false } }.sorted()
  }

  var gossiped: [PeerHandle] {
    receivers { if case .ihave = $0 { true } else { false } }.sorted()
  }

  var delivered: [UInt32] {
    compactMap { if case .deliver(let message, _) = $0 { message.payload } else { nil } }
  }

  /// How often peers were wanted.
  var searches: Int { count { if case .wantsPeers = $0 { true } else { false } } }

  var refusals: [GossipRefusal] {
    compactMap { if case .refused(_, let refusal) = $0 { refusal } else { nil } }
  }
}
