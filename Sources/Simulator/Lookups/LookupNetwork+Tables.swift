import Peering
import Primitives

/// How a network comes together.
enum JoiningLimits {
  /// Milliseconds between two joins: a network that grows, not a crowd that arrives at once.
  static let intervalMilliseconds = 20
  /// Nodes that a newcomer knows.
  static let anchors = 3
  /// Milliseconds for the last joins to end.
  static let settlingMilliseconds = 120_000
}

extension LookupNetwork {
  /// Fills every table with peers of chance from each bucket's whole range: what a network that has
  /// run for long holds, dead peers included. The attacker's nodes are not known yet.
  package mutating func fillTables() {
    var random = streams.stream(.topology, node: 2)
    var filler = TableFiller(book: book, nodeCount: settings.nodes)
    for node in 0..<settings.nodes {
      filler.fill(&machines[node].table, of: node, using: &random)
    }
  }

  /// Lets every living node join through others that joined before; takes virtual time.
  package mutating func joinAll() {
    var random = streams.stream(.topology, node: 3)
    var order = (0..<settings.nodes).filter { states.isUp($0) }
    random.shuffle(&order)
    for (place, node) in order.enumerated() {
      let count = min(place, JoiningLimits.anchors)
      let anchors = (0..<count).map { _ in PeerHandle(UInt32(order[random.below(place)])) }
      let time = queue.now + place * JoiningLimits.intervalMilliseconds
      queue.schedule(.begin(UInt32(node), anchors: anchors), at: time)
    }
    let last = queue.now + order.count * JoiningLimits.intervalMilliseconds
    run(until: last + JoiningLimits.settlingMilliseconds)
    outcomes.removeAll()
  }
}

/// Fills tables from the sorted book: the nodes of each prefix are neighbours there.
private struct TableFiller {
  let book: SharedBook
  let nodeCount: Int
  var buckets: [Range<Int>] = []
  var chosen: [PeerHandle] = []

  init(book: SharedBook, nodeCount: Int) {
    self.book = book
    self.nodeCount = nodeCount
  }

  mutating func fill(
    _ table: inout RoutingTable, of node: Int, using random: inout SplitMix64
  ) {
    findBuckets(of: node)
    let limit = KademliaLimits.bucketPeersMax
    table.reserve(buckets.reduce(0) { $0 + min($1.count, limit) })
    for (bucket, range) in buckets.enumerated() where !range.isEmpty {
      chosen.removeAll(keepingCapacity: true)
      let count = min(range.count, limit)
      for slot in 0..<count {
        // One of each of `limit` slices of the range, so that none is chosen twice.
        let slice = slot * range.count / limit..<(slot + 1) * range.count / limit
        let offset =
          range.count <= limit ? slot : slice.lowerBound + random.below(slice.count)
        chosen.append(PeerHandle(UInt32(range.lowerBound + offset)))
      }
      table.fill(bucket: bucket, with: chosen, admission: .puzzle)
    }
  }

  /// The ranges of nodes that share exactly 0, 1, 2 … bits with `node`.
  private mutating func findBuckets(of node: Int) {
    buckets.removeAll(keepingCapacity: true)
    let key = book.key(of: PeerHandle(UInt32(node)))
    var low = 0
    var high = nodeCount
    while high - low > 1, buckets.count < KademliaLimits.bucketsMax {
      let bit = buckets.count
      let split = book.firstWithBit(bit, from: low, to: high)
      if key.bit(bit) {
        buckets.append(low..<split)
        low = split
      } else {
        buckets.append(split..<high)
        high = split
      }
    }
  }
}

extension SharedBook {
  /// The first of the sorted nodes `low..<high`, which share `bit` bits, whose next bit is 1.
  func firstWithBit(_ bit: Int, from low: Int, to high: Int) -> Int {
    var low = low
    var high = high
    while low < high {
      let middle = (low + high) / 2
      if key(of: PeerHandle(UInt32(middle))).bit(bit) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension DistanceKey {
  /// The bit at a place, the most significant first.
  func bit(_ place: Int) -> Bool {
    let word: UInt64
    switch place / 64 {
    case 0: word = words.0
    case 1: word = words.1
    case 2: word = words.2
    default: word = words.3
    }
    return word >> UInt64(63 - place % 64) & 1 == 1
  }
}
