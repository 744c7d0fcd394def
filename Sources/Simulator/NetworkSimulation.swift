/// What to simulate and measure.
package struct SimulationOrder: Sendable {
  /// Nodes at least and at most: below, no protocol has anything to do; above, no machine we run on
  /// has the memory.
  package static let nodesRange = 20...2_000_000

  /// Honest nodes, dead and silent ones among them.
  package var nodes: Int
  /// One seed, one run.
  package var seed: UInt64
  /// Dead and silent nodes and Sybils; other kinds belong to `SeedScenario`.
  package var plan = FaultPlan()
  /// How long messages take.
  package var links = LinkModel.plain
  /// How tables come to be; nil chooses by size.
  package var tables: TableOrigin?
  /// Lookups to measure.
  package var lookups = 1_000
  /// Messages to publish.
  package var messages = 3
  /// Keys to attack, where there are Sybils.
  package var attackedKeys = 5

  /// A network of `nodes`.
  package init(nodes: Int, seed: UInt64) {
    self.nodes = nodes
    self.seed = seed
  }

  /// The command that repeats the run.
  package var command: String {
    var words = ["martlet simulate network --nodes \(nodes) --seed \(seed)"]
    for entry in plan.entries {
      let amount = entry.kind.isShare ? "\(entry.amount)" : "\(Int(entry.amount))"
      words.append("--\(entry.kind.rawValue) \(amount)")
    }
    words.append("--lookups \(lookups) --messages \(messages)")
    if links == .regions { words.append("--links regions") }
    switch tables {
    case .filledDirectly: words.append("--tables filled")
    case .joined: words.append("--tables joined")
    case nil: break
    }
    return words.joined(separator: " ")
  }
}

/// Measures a network of a size and with trouble: lookups, then gossip, then an attack. Each part
/// has a network of its own, so that memory is that of the largest.
package enum NetworkSimulation {
  /// A part of the run, for those who watch.
  package enum Part: String, Sendable {
    case tables = "tables"
    case lookups = "lookups"
    case gossip = "gossip"
    case attack = "attack"
  }

  /// Runs all parts.
  package static func run(
    _ order: SimulationOrder, news: (Part) -> Void = { _ in }
  ) -> NetworkFigures {
    var figures = lookUp(order, news: news)
    if order.messages > 0 {
      news(.gossip)
      var settings = GossipSettings(nodes: order.nodes, seed: order.seed)
      settings.plan = order.plan
      settings.links = order.links
      var measurement = GossipMeasurement(settings)
      measurement.publish(order.messages)
      figures.add(measurement.figures)
    }
    return figures
  }

  private static func lookUp(
    _ order: SimulationOrder, news: (Part) -> Void
  ) -> NetworkFigures {
    var settings = LookupSettings(nodes: order.nodes, seed: order.seed)
    settings.plan = order.plan.without(.silent)
    settings.links = order.links
    news(.tables)
    var measurement = LookupMeasurement(settings, tables: order.tables)
    news(.lookups)
    measurement.lookUp(order.lookups)
    let sybils = order.plan.count(.sybils)
    if sybils > 0 {
      news(.attack)
      measurement.eclipse(keys: order.attackedKeys, sybils: sybils)
    }
    return measurement.figures
  }
}

extension NetworkFigures {
  /// Takes the figures of another part of the same run in.
  mutating func add(_ other: NetworkFigures) {
    gossip = other.gossip ?? gossip
    eclipse = other.eclipse ?? eclipse
    events += other.events
    digest.add(other.digest.value)
  }
}
