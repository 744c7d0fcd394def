package import Primitives

/// How long a message is under way between two nodes.
package enum LinkModel: Equatable, Sendable {
  /// Every message takes a time drawn evenly from these milliseconds, whoever sends it.
  case uniform(ClosedRange<Int>)
  /// Nodes live in regions; a message takes its pair's mean, a fifth more or less.
  case regions

  /// The plain links that the project's bars name.
  package static let plain = LinkModel.uniform(20...200)

  /// The words of the command line.
  package var name: String {
    switch self {
    case .uniform(let range): "uniform \(range.lowerBound)–\(range.upperBound) ms"
    case .regions: "regions"
    }
  }
}

/// Places of the Internet and what lies between them.
///
/// Mean one-way latencies in milliseconds and the share of nodes in each region, as measured in
/// 2019 among Bitcoin's nodes: Aoki et al., "SimBlock: A Blockchain Network Simulator", INFOCOM
/// Workshops 2019, and the settings published with it.
package enum Region: Int, CaseIterable, Sendable {
  case northAmerica, europe, southAmerica, asiaPacific, japan, australia

  static let latencies: [[Int]] = [
    [32, 124, 184, 198, 151, 189],
    [124, 11, 227, 237, 252, 294],
    [184, 227, 88, 325, 301, 322],
    [198, 237, 325, 85, 58, 198],
    [151, 252, 301, 58, 12, 126],
    [189, 294, 322, 198, 126, 16],
  ]

  /// Nodes of ten thousand.
  static let shares = [3_316, 4_998, 90, 1_177, 224, 195]

  /// A region, drawn by its share.
  package static func drawn(using random: inout SplitMix64) -> Region {
    var place = random.below(shares.reduce(0, +))
    for region in allCases {
      place -= shares[region.rawValue]
      if place < 0 { return region }
    }
    return .northAmerica
  }

  /// The mean time to another region.
  package func latency(to other: Region) -> Int { Self.latencies[rawValue][other.rawValue] }
}

/// Where every node is, and what each message's way costs.
package struct Links: Sendable {
  /// How links differ from their mean, as a part of it.
  static let spread = 0.2

  /// The model behind the figures.
  package let model: LinkModel
  private var regions: [UInt8]
  private var random: SplitMix64

  /// Places `nodeCount` nodes.
  package init(model: LinkModel, nodeCount: Int, streams: ChanceStreams) {
    self.model = model
    random = streams.stream(.links)
    regions = []
    guard case .regions = model else { return }
    var places = streams.stream(.topology)
    regions.reserveCapacity(nodeCount)
    for _ in 0..<nodeCount { regions.append(UInt8(Region.drawn(using: &places).rawValue)) }
  }

  /// The region of a node; every node of a uniform world is in the first.
  package func region(of node: Int) -> Region {
    regions.isEmpty ? .northAmerica : Region(rawValue: Int(regions[node])) ?? .northAmerica
  }

  /// Milliseconds that one message takes.
  package mutating func latency(from sender: Int, to receiver: Int) -> Int {
    switch model {
    case .uniform(let range):
      return range.lowerBound + random.below(range.count)
    case .regions:
      let mean = Double(region(of: sender).latency(to: region(of: receiver)))
      return max(1, Int(mean * (1 - Self.spread + 2 * Self.spread * random.unit())))
    }
  }
}
