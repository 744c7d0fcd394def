import Peering
import Primitives

/// How far and how fast messages spread.
package struct GossipMeasurement: Sendable {
  /// Milliseconds of heartbeats in which meshes form before the first message.
  static let formingMilliseconds = 4_000
  /// Milliseconds for which one message is watched.
  static let watchedMilliseconds = 6_000
  /// Bytes of a message: a block's announcement or a digest; above the size for IDONTWANT.
  static let messageBytes: UInt32 = 2_048
  /// Points of the curve of coverage.
  static let curvePoints = 120

  /// The network.
  package private(set) var network: GossipNetwork
  /// Measured so far.
  package private(set) var figures: NetworkFigures
  private var random: SplitMix64

  /// A network whose meshes have formed.
  package init(_ settings: GossipSettings) {
    network = GossipNetwork(settings)
    figures = NetworkFigures(nodes: settings.nodes, seed: settings.seed)
    random = ChanceStreams(seed: settings.seed).stream(.workload, node: 1)
    network.run(until: Self.formingMilliseconds)
  }

  /// Publishes `count` messages by honest nodes, one after another.
  package mutating func publish(_ count: Int) {
    var gossip = GossipFigures()
    let honest = (0..<figures.nodes).count { network.states.isHonest($0) }
    var reached = Array(repeating: 0, count: Self.watchedMilliseconds + 1)
    let copiesBefore = network.copies
    for number in 0..<count {
      let begin = network.queue.now
      network.publish(
        UInt32(number), at: honestNode(), byteCount: Self.messageBytes)
      network.run(until: begin + Self.watchedMilliseconds)
      var times = network.deliveries.filter { $0.payload == UInt32(number) }
        .map { $0.time - begin }
      network.deliveries.removeAll(keepingCapacity: true)
      times.sort()
      for time in times { reached[min(time, Self.watchedMilliseconds)] += 1 }
      // The publisher has its own message.
      let wanted = max(1, honest - 1)
      let needed = (wanted * 99 + 99) / 100
      gossip.coverage99.append(times.count >= needed ? times[needed - 1] : nil)
      gossip.coverage.append(Double(times.count) / Double(wanted))
      gossip.deliveries += times.count
    }
    gossip.copies = network.copies - copiesBefore
    gossip.curve = Self.curve(reached, all: max(1, count * max(1, honest - 1)))
    figures.gossip = gossip
    figures.events = network.queue.takenCount
    figures.digest = network.digest
    figures.deliveries = network.conditions.counts
  }

  private mutating func honestNode() -> Int {
    while true {
      let node = random.below(figures.nodes)
      if network.states.isHonest(node) { return node }
    }
  }

  private static func curve(
    _ reached: [Int], all: Int
  ) -> [(milliseconds: Int, share: Double)] {
    let step = max(1, watchedMilliseconds / curvePoints)
    var sum = 0
    var curve: [(milliseconds: Int, share: Double)] = []
    for (time, count) in reached.enumerated() {
      sum += count
      if time % step == 0 { curve.append((time, Double(sum) / Double(all))) }
    }
    // What comes after everybody has it says nothing.
    let end = curve.firstIndex { $0.share == curve.last?.share } ?? curve.count
    return Array(curve.prefix(end + 2))
  }
}
