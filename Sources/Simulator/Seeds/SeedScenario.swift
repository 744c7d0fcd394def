import Primitives

/// One run under trouble: everything that happens in it follows from these values.
package struct SeedScenario: Equatable, Sendable {
  /// Nodes of a seed run.
  package static let nodesUsual = 50
  /// Fewer than this are no network; more than this take no second but minutes.
  package static let nodesRange = 10...2_000

  /// Nodes, the never failing first ones among them.
  package var nodes: Int
  /// All chance.
  package var seed: UInt64
  /// The trouble.
  package var plan: FaultPlan
  /// A mistake to be found.
  package var bug: PlantedBug?
  /// What passes between nodes.
  package var level: SeedLevel

  /// A run of given trouble.
  package init(
    nodes: Int = nodesUsual, seed: UInt64, plan: FaultPlan, bug: PlantedBug? = nil,
    level: SeedLevel = .messages
  ) {
    self.level = level
    self.nodes = nodes
    self.seed = seed
    self.plan = plan
    self.bug = bug
  }

  /// The run of a seed: its trouble too is drawn from the seed.
  package static func swarm(
    seed: UInt64, nodes: Int = nodesUsual, bug: PlantedBug? = nil, level: SeedLevel? = nil
  ) -> SeedScenario {
    var random = ChanceStreams(seed: seed).stream(.faults)
    return SeedScenario(
      nodes: nodes, seed: seed, plan: FaultPlan.swarm(using: &random), bug: bug,
      level: level ?? usualLevel(of: seed))
  }

  /// Every fourth seed passes bytes, which cost more than messages and find other things.
  private static let bytesPeriod: UInt64 = 4

  private static func usualLevel(of seed: UInt64) -> SeedLevel {
    seed % bytesPeriod == bytesPeriod - 1 ? .bytes : .messages
  }

  /// The command that repeats the run.
  package var command: String {
    let list = plan.text.isEmpty ? "none" : plan.text
    let planted = bug.map { " --bug \($0.rawValue)" } ?? ""
    let carried = level == .messages ? "" : " --level \(level.rawValue)"
    return "martlet simulate network --nodes \(nodes) --seed \(seed) --faults \(list)"
      + carried + planted
  }
}

/// The phases of a seed run, in milliseconds: twelve virtual minutes.
enum SeedTimes {
  /// Nodes join until here.
  static let joined = 30_000
  /// Trouble begins.
  static let troubleBegins = 60_000
  /// Trouble ends; whoever was away is back.
  static let troubleEnds = 480_000
  /// The network has had time to recover; what is published and read now must arrive.
  static let recovered = 600_000
  /// Nothing new is asked any more.
  static let lastWork = 680_000
  /// Everything that was asked has ended.
  static let end = 720_000
}

/// What came of a run.
package struct SeedOutcome: Sendable {
  /// The first invariant that did not hold, nil of a clean run.
  package var breach: Breach<Invariant>?
  /// The hash over all events.
  package var digest = RunDigest()
  /// Events that happened.
  package var events = 0
  /// Lookups of the run.
  package var lookups = LookupFigures()
  /// Gossip of the run's calm part.
  package var gossip = GossipFigures()
  /// What the network did.
  package var deliveries = DeliveryCounts()
  /// Requests that each node answered.
  package var load: [Int] = []
  /// Times a node went away, came back, crashed or restarted.
  package var lifeEvents = 0

  /// Nothing yet.
  package init() {}
}

extension SeedOutcome {
  /// The same figures as of a measured network.
  package func figures(of scenario: SeedScenario) -> NetworkFigures {
    var figures = NetworkFigures(nodes: scenario.nodes, seed: scenario.seed)
    figures.lookups = lookups
    figures.gossip = gossip
    figures.load = load
    figures.events = events
    figures.digest = digest
    figures.deliveries = deliveries
    return figures
  }
}
