import Cryptography
package import Peering
package import Primitives

/// The one book that all nodes of a run share: a key and a group of addresses for each, as arrays.
///
/// Nodes are numbered in the order of their keys, so the nodes of one prefix are neighbours.
package struct SharedBook: PeerDirectory, Sendable {
  private var keys: ContiguousArray<DistanceKey>
  private var groups: ContiguousArray<UInt32>

  /// Nodes per address group of an honest network: a /16 of a provider holds many of them, but at a
  /// million nodes on 2¹⁶ such groups about 16 share one.
  static let addressGroups = 1 << 16

  /// A book of `nodeCount` nodes with keys of chance, sorted.
  ///
  /// A key is what SHA-256 of a peer id would be: 256 bits evenly spread.
  package init(nodeCount: Int, streams: ChanceStreams) {
    var random = streams.stream(.keys)
    keys = []
    keys.reserveCapacity(nodeCount)
    for _ in 0..<nodeCount { keys.append(Self.key(using: &random)) }
    keys.sort()
    groups = []
    groups.reserveCapacity(nodeCount)
    for _ in 0..<nodeCount { groups.append(UInt32(1 + random.below(Self.addressGroups))) }
  }

  /// A book of given keys and groups.
  package init(keys: [DistanceKey], groups: [UInt32]) {
    precondition(keys.count == groups.count)
    self.keys = ContiguousArray(keys)
    self.groups = ContiguousArray(groups)
  }

  /// A point of chance.
  package static func key(using random: inout SplitMix64) -> DistanceKey {
    DistanceKey(words: (random.next(), random.next(), random.next(), random.next()))
  }

  /// How many nodes there are.
  package var count: Int { keys.count }

  /// The point of a node.
  package func key(of peer: PeerHandle) -> DistanceKey { keys[Int(peer.index)] }

  /// The address group of a node.
  package func addressGroup(of peer: PeerHandle) -> UInt32 { groups[Int(peer.index)] }

  /// Adds a node behind the sorted ones; it is found by handle but not by `range`.
  package mutating func add(_ key: DistanceKey, group: UInt32) -> PeerHandle {
    keys.append(key)
    groups.append(group)
    return PeerHandle(UInt32(keys.count - 1))
  }

  /// The first sorted node, below `count`, whose key is not below `key`.
  package func lowerBound(_ key: DistanceKey, below count: Int) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if keys[middle] < key { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The sorted nodes, below `count`, whose keys share exactly the first `prefix` bits with `key`.
  package func range(sharing prefix: Int, with key: DistanceKey, below count: Int) -> Range<Int> {
    let from = key.boundary(differingAt: prefix, filling: false)
    let to = key.boundary(differingAt: prefix, filling: true)
    let low = lowerBound(from, below: count)
    var high = lowerBound(to, below: count)
    if high < count, keys[high] == to { high += 1 }
    return low..<max(low, high)
  }
}

extension DistanceKey {
  /// The first or last key that has the first `bit` bits of this one and the other value behind.
  func boundary(differingAt bit: Int, filling ones: Bool) -> DistanceKey {
    var parts = [words.0, words.1, words.2, words.3]
    for index in parts.indices {
      let start = 64 * index
      if bit < start {
        parts[index] = ones ? .max : 0
      } else if bit < start + 64 {
        let flag = UInt64(1) << UInt64(63 - (bit - start))
        let below = flag &- 1
        let kept = (parts[index] ^ flag) & ~below
        parts[index] = ones ? kept | below : kept
      }
    }
    return DistanceKey(words: (parts[0], parts[1], parts[2], parts[3]))
  }
}
