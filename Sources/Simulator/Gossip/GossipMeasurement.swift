import Peering
import Primitives

/// How far and how fast messages spread.
package struct GossipMeasurement: Sendable {
  /// Milliseconds of heartbeats in which meshes form before the first message.
  static let formingMilliseconds = 3_000
  /// Milliseconds for which one message is watched at most.
  static let watchedMilliseconds = 8_000
  /// A message is looked at so often, and no longer once all have it or so long nobody more got it:
  /// an IHAVE, an IWANT and a heartbeat take less.
  static let lookMilliseconds = 250
  static let quietMilliseconds = 2_000
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
      watch(from: begin, wanted: honest - 1)
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

  private mutating func watch(from begin: Int, wanted: Int) {
    var lastNews = begin
    var count = 0
    while network.queue.now < begin + Self.watchedMilliseconds,
      count < wanted, network.queue.now - lastNews < Self.quietMilliseconds
    {
      network.run(until: network.queue.now + Self.lookMilliseconds)
      if network.deliveries.count > count { lastNews = network.queue.now }
      count = network.deliveries.count
    }
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
    let end = (reached.lastIndex { $0 > 0 } ?? 0) + 1
    let step = max(1, end / curvePoints)
    var sum = 0
    var curve: [(milliseconds: Int, share: Double)] = []
    for (time, count) in reached.prefix(end + step).enumerated() {
      sum += count
      if time % step == 0 { curve.append((time, Double(sum) / Double(all))) }
    }
    return curve
  }
}
