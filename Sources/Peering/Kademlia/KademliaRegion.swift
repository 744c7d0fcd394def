import Primitives

/// The part of the key space around a key whose peers all store its records (arXiv:2505.01139,
/// SR-DHT-Store): identities ground to lie beside the key cannot push honest peers out of it, as
/// they can push them out of "the k closest".
package struct KademliaRegion: Equatable, Sendable {
  /// The key's point.
  package let center: DistanceKey
  /// The largest distance inside, as the first word of a distance.
  package let radius: UInt64

  /// The region that holds `KademliaLimits.regionPeers` of `networkPeers` peers by expectation.
  package init(center: DistanceKey, networkPeers: Double) {
    self.center = center
    let share = Double(KademliaLimits.regionPeers) / max(1, networkPeers)
    radius = share >= 1 ? .max : UInt64(share * 0x1p64)
  }

  /// Whether a point lies inside.
  package func contains(_ point: DistanceKey) -> Bool {
    point.distance(to: center).words.0 <= radius
  }

  /// Whether a point lies so far outside that two honest size estimates cannot explain it.
  package func isFar(_ point: DistanceKey) -> Bool {
    let (reach, overflow) = radius.multipliedReportingOverflow(
      by: KademliaLimits.regionDisagreement)
    return !overflow && point.distance(to: center).words.0 > reach
  }

  /// Bits that every point inside shares with the center.
  package var prefixBits: Int { radius.leadingZeroBitCount }

  /// How deep a point lies: 0 in the outer half, 1 in the outer half of the rest, and so on.
  func level(of point: DistanceKey) -> Int {
    let deeper = point.commonPrefixLength(with: center) - prefixBits
    return min(max(0, deeper), KademliaLimits.regionWalks)
  }

  /// Where to look for the peers of a level: the center with the level's own bit turned.
  func walkTarget(level: Int) -> DistanceKey {
    let bit = min(63, prefixBits + level)
    let words = center.words
    return DistanceKey(words: (words.0 ^ 1 << (63 - UInt64(bit)), words.1, words.2, words.3))
  }
}

/// The peers known inside a region. Each level has room for three times the peers it should hold,
/// so that a flood of invented ones beside the key displaces nobody farther out.
struct RegionMembers: Sendable {
  let region: KademliaRegion
  private var members: [(distance: DistanceKey, peer: PeerHandle)] = []
  private var counts = InlineArray<8, UInt8>(repeating: 0)

  init(region: KademliaRegion) {
    precondition(counts.count == KademliaLimits.regionWalks + 1)
    self.region = region
  }

  /// Takes a peer if it lies inside and its level has room.
  mutating func add(_ peer: PeerHandle, directory: some PeerDirectory) {
    let point = directory.key(of: peer)
    guard region.contains(point) else { return }
    let level = region.level(of: point)
    let expected = KademliaLimits.regionPeers >> (level + 1)
    let room = expected * KademliaLimits.levelSlackFactor + KademliaLimits.levelSlackPeers
    guard counts[level] < room else { return }
    let distance = point.distance(to: region.center)
    let index = members.firstIndex { !($0.distance < distance) } ?? members.count
    if index < members.count, members[index].peer == peer { return }
    members.insert((distance, peer), at: index)
    counts[level] += 1
  }

  /// The peers, closest to the center first.
  var peers: [PeerHandle] { members.map(\.peer) }
}
