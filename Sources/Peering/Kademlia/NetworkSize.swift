import Primitives

/// How many peers the network has, judged by how densely they lie (the estimate of
/// Sridhar et al., "Content Censorship in the InterPlanetary File System", NDSS 2024, §V, that the
/// region-based store of arXiv:2505.01139 rests on).
package struct NetworkSize: Equatable, Sendable {
  private var samples = InlineArray<8, Float>(repeating: 0)
  private var count: UInt8 = 0
  private var next: UInt8 = 0

  /// No lookup measured yet.
  package init() {}

  /// Equal in what was measured.
  package static func == (left: NetworkSize, right: NetworkSize) -> Bool {
    left.sorted == right.sorted
  }

  /// The size that the peers closest to some point speak for.
  ///
  /// With N peers at random points the i-th closest lies at i/(N+1) of the key space on average;
  /// N is fitted to all by least squares: N + 1 = Σ i² / Σ i·xᵢ. `distances` are sorted.
  package static func estimate(closest distances: [DistanceKey]) -> Double? {
    var squares = 0.0
    var products = 0.0
    for (index, distance) in distances.enumerated() {
      let rank = Double(index + 1)
      squares += rank * rank
      products += rank * Double(distance.words.0)
    }
    guard products > 0 else { return nil }
    return max(1, squares * 0x1p64 / products - 1)
  }

  /// Takes the density that one lookup met.
  package mutating func add(closest distances: [DistanceKey]) {
    guard distances.count >= KademliaLimits.bucketPeersMax,
      let estimate = Self.estimate(closest: distances)
    else { return }
    precondition(KademliaLimits.sizeSamplesMax == samples.count)
    samples[Int(next)] = Float(estimate)
    next = (next + 1) % UInt8(KademliaLimits.sizeSamplesMax)
    count = min(count + 1, UInt8(KademliaLimits.sizeSamplesMax))
  }

  private var sorted: [Float] { (0..<Int(count)).map { samples[$0] }.sorted() }

  /// The estimate to act on. One key surrounded by Sybils looks dense, so the median of several
  /// lookups decides; an estimate above the truth makes regions too small to hold honest peers, so
  /// before enough lookups the smaller of the table's word and theirs counts.
  package func peers(table: RoutingTable, directory: some PeerDirectory) -> Double {
    let ofTable = Self.ofTable(table, directory: directory)
    let sorted = sorted
    guard let middle = sorted.isEmpty ? nil : Double(sorted[(sorted.count - 1) / 2]) else {
      return ofTable
    }
    return sorted.count < KademliaLimits.sizeSamplesTrusted ? min(ofTable, middle) : middle
  }

  /// The size that the table speaks for: the density around this node, or its count where the
  /// table holds less than k peers.
  private static func ofTable(_ table: RoutingTable, directory: some PeerDirectory) -> Double {
    let neighbours = table.closest(to: table.key, directory: directory)
    guard neighbours.count >= KademliaLimits.bucketPeersMax else {
      return Double(neighbours.count + 1)
    }
    return estimate(
      closest: neighbours.map { directory.key(of: $0).distance(to: table.key) }) ?? 1
  }
}
