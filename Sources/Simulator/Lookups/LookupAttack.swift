package import Peering
package import Primitives

/// Twenty or so identities ground to lie closer to one key than any honest node.
///
/// They join as everybody does. About the key they name only each other, keep no record and hand
/// none out; about everything else they answer honestly, so that nobody has a reason to drop them.
package struct LookupAttack: Sendable {
  /// The key whose records are to disappear.
  package let target: DistanceKey
  /// The attacker's nodes.
  package let sybils: [PeerHandle]
  /// Keys that share so many bits with the target are lied about.
  let reach: Int

  /// Whether a request is about the key under attack.
  func concerns(_ request: KademliaRequest) -> Bool {
    guard let key = request.key else { return false }
    return key.point.commonPrefixLength(with: target) >= reach
  }

  /// What a node of the attacker answers about the key.
  func answer(
    to request: KademliaRequest, by node: UInt32, book: SharedBook
  ) -> KademliaResponse {
    let point = request.key?.point ?? target
    let closer = sybils.filter { $0.index != node }
      .map { (distance: book.key(of: $0).distance(to: point), peer: $0) }
      .sorted { $0.distance < $1.distance }
      .prefix(KademliaLimits.bucketPeersMax)
    return KademliaResponse(closer: closer.map(\.peer))
  }
}

extension LookupNetwork {
  /// Every identity of the attacker lies in so many bits more than the network's size asks for:
  /// closer than all honest nodes, for about 2¹⁰ · N tries each.
  static let attackerExtraBits = 10
  /// The attacker lies about keys that lie so many bits beyond the network's size, or fewer.
  static let attackerReachMargin = 2

  /// Adds `count` identities around `target`, each behind an address group of its own, and lets
  /// them join.
  package mutating func attack(_ target: DistanceKey, sybils count: Int) {
    var random = streams.stream(.attackers)
    let sizeBits = Int.bitWidth - settings.nodes.leadingZeroBitCount
    var sybils: [PeerHandle] = []
    for _ in 0..<count {
      let key = target.sharing(sizeBits + Self.attackerExtraBits, using: &random)
      let group = UInt32(1 + SharedBook.addressGroups + random.below(SharedBook.addressGroups))
      sybils.append(addNode(key, group: group, traits: .sybil))
    }
    attack = LookupAttack(
      target: target, sybils: sybils, reach: max(1, sizeBits - Self.attackerReachMargin))
    for sybil in sybils {
      let anchors = (0..<JoiningLimits.anchors).map { _ in
        PeerHandle(UInt32(livingNode(using: &random)))
      }
      queue.schedule(.begin(sybil.index, anchors: anchors), at: queue.now + 1)
    }
    run(until: queue.now + JoiningLimits.settlingMilliseconds)
  }

  private mutating func addNode(
    _ key: DistanceKey, group: UInt32, traits: NodeTraits
  ) -> PeerHandle {
    let peer = book.add(key, group: group)
    states.add(traits)
    wakes.add()
    load.append(0)
    machines.append(
      KademliaMachine(local: peer, key: KademliaKey(point: key), settings: settings.rules))
    randoms.append(streams.stream(.machines, node: Int(peer.index)))
    return peer
  }

  /// An honest node that is up.
  package func livingNode(using random: inout SplitMix64) -> Int {
    while true {
      let node = random.below(settings.nodes)
      if states.isHonest(node) { return node }
    }
  }
}

extension DistanceKey {
  /// A key of chance that shares at least the first `bits` bits, at most 63, with this one.
  func sharing(_ bits: Int, using random: inout SplitMix64) -> DistanceKey {
    let kept = ~(UInt64.max >> UInt64(min(bits, 63)))
    return DistanceKey(
      words: (
        words.0 & kept | random.next() & ~kept, random.next(), random.next(), random.next()
      ))
  }
}
