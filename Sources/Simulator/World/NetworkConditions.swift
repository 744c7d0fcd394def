import Primitives

/// When copies of one message arrive: none, one or two, as milliseconds from now.
package struct Delivery: Equatable, Sendable {
  /// The message itself, nil where it is lost.
  package var first: Int?
  /// A second copy.
  package var second: Int?

  /// Lost.
  package static let none = Delivery()
}

/// What became of all messages of a run.
package struct DeliveryCounts: Equatable, Sendable {
  /// Messages handed to the network.
  package var sent = 0
  /// Lost by chance.
  package var lost = 0
  /// Doubled.
  package var doubled = 0
  /// Held back so that later ones overtake.
  package var overtaken = 0
  /// Stopped by a partition.
  package var cut = 0
  /// Stopped by a router.
  package var filtered = 0
}

/// The network between the nodes: links, loss, copies, partitions and routers.
package struct NetworkConditions: Sendable {
  /// How long a held-back message may lag: longer than any plain link, so that others overtake.
  static let lagMillisecondsMax = 500
  /// Shares of the troubled time that one partition may last.
  static let partitionShareMax = 0.2

  /// What happened so far.
  package private(set) var counts = DeliveryCounts()
  /// The routers.
  package var translation: AddressTranslation

  private var links: Links
  private let loss: Double
  private let duplication: Double
  private let reordering: Double
  private var partitions: [(time: Range<Int>, salt: UInt64)] = []
  private let calmFrom: Int
  private var random: SplitMix64

  /// Conditions with trouble from `begin` to `end`; outside of it only links and routers count.
  package init(
    plan: FaultPlan, model: LinkModel, nodeCount: Int, exempt: Int, begin: Int, end: Int,
    streams: ChanceStreams
  ) {
    links = Links(model: model, nodeCount: nodeCount, streams: streams)
    translation = AddressTranslation(
      nodeCount: nodeCount, share: plan.share(.nat), exempt: exempt, streams: streams)
    loss = plan.share(.loss)
    duplication = plan.share(.duplicate)
    reordering = plan.share(.reorder)
    calmFrom = end
    random = streams.stream(.conditions)
    var chance = streams.stream(.faults, node: 2)
    for _ in 0..<plan.count(.partition) where end > begin + 1 {
      let from = begin + chance.below(end - begin)
      let lasts = Int(Double(end - begin) * Self.partitionShareMax * (0.25 + 0.75 * chance.unit()))
      partitions.append((from..<min(end, from + max(1, lasts)), chance.next()))
    }
  }

  /// The region of a node.
  package func region(of node: Int) -> Region { links.region(of: node) }

  /// Whether two nodes are in different halves now.
  package func isCut(_ sender: Int, _ receiver: Int, now: Int) -> Bool {
    cutEnd(sender, receiver, now: now) != nil
  }

  /// When two nodes that are in different halves now come together again.
  package func cutEnd(_ sender: Int, _ receiver: Int, now: Int) -> Int? {
    var end: Int?
    for partition in partitions
    where partition.time.contains(now)
      && Self.half(sender, partition.salt) != Self.half(receiver, partition.salt)
    {
      end = max(end ?? 0, partition.time.upperBound)
    }
    return end
  }

  private static func half(_ node: Int, _ salt: UInt64) -> Bool {
    var mixer = SplitMix64(seed: salt ^ UInt64(node))
    return mixer.next() & 1 == 0
  }

  /// Sends one message.
  package mutating func send(from sender: Int, to receiver: Int, now: Int) -> Delivery {
    counts.sent += 1
    if !partitions.isEmpty, isCut(sender, receiver, now: now) {
      counts.cut += 1
      return .none
    }
    guard translation.pass(from: sender, to: receiver, now: now) else {
      counts.filtered += 1
      return .none
    }
    let isTroubled = now < calmFrom
    if isTroubled, random.happens(loss) {
      counts.lost += 1
      return .none
    }
    var delivery = Delivery(first: links.latency(from: sender, to: receiver))
    guard isTroubled else { return delivery }
    if random.happens(reordering) {
      counts.overtaken += 1
      delivery.first? += 1 + random.below(Self.lagMillisecondsMax)
    }
    if random.happens(duplication) {
      counts.doubled += 1
      delivery.second = links.latency(from: sender, to: receiver)
    }
    return delivery
  }
}
