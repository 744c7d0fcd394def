/// How routing tables came to be.
package enum TableOrigin: String, Sendable {
  /// From knowledge of every node: what a network that has run for long converges to.
  case filledDirectly = "filled directly"
  /// Every node joined through one that it knew.
  case joined = "real joins"
}

/// What lookups cost.
package struct LookupFigures: Sendable {
  /// Steps from the asking node to the closest one found.
  package var hops: [Int] = []
  /// Milliseconds from question to answer.
  package var milliseconds: [Int] = []
  /// Requests of all lookups.
  package var requests = 0
  /// Lookups that found the living node closest to their target; nil where nobody checked.
  package var foundClosest: Int?
  /// How the tables were made.
  package var tables = TableOrigin.filledDirectly

  /// No lookup yet.
  package init() {}
}

/// How far and how fast published messages got.
package struct GossipFigures: Sendable {
  /// Per message: milliseconds until 99 % of the nodes that listen had it; nil if that never came.
  package var coverage99: [Int?] = []
  /// Per message: the share of listening nodes that got it at all.
  package var coverage: [Double] = []
  /// Share of listening nodes by milliseconds since publication, over all messages.
  package var curve: [(milliseconds: Int, share: Double)] = []
  /// Copies that arrived.
  package var copies = 0
  /// Copies that were news.
  package var deliveries = 0

  /// No message yet.
  package init() {}

  /// The median time to 99 %, where at least half of the messages got there.
  package var median99: Int? {
    let times = coverage99.map { $0 ?? .max }.sorted()
    guard !times.isEmpty, times[times.count / 2] != .max else { return nil }
    return times[times.count / 2]
  }
}

/// What an attacker with identities near a key achieved.
package struct EclipseFigures: Sendable {
  /// Reads by honest nodes.
  package var reads = 0
  /// Reads that did not find what honest nodes had stored.
  package var denied = 0

  /// No read yet.
  package init() {}

  /// The share of reads that the attacker denied.
  package var success: Double { reads == 0 ? 0 : Double(denied) / Double(reads) }
}

/// Everything a run measured.
package struct NetworkFigures: Sendable {
  /// Nodes of the run.
  package var nodes: Int
  /// The seed that repeats it.
  package var seed: UInt64
  /// Lookups, if there were any.
  package var lookups: LookupFigures?
  /// Gossip, if there was any.
  package var gossip: GossipFigures?
  /// The attack, if there was one.
  package var eclipse: EclipseFigures?
  /// Requests that each node answered.
  package var load: [Int] = []
  /// Events of the run.
  package var events = 0
  /// The hash over all events.
  package var digest = RunDigest()
  /// What the network did to messages.
  package var deliveries = DeliveryCounts()

  /// Nothing measured yet.
  package init(nodes: Int, seed: UInt64) {
    self.nodes = nodes
    self.seed = seed
  }
}
