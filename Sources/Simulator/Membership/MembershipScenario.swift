/// One run of groups and clusters: everything that happens in it follows from these values.
package struct MembershipScenario: Equatable, Sendable {
  /// Nodes of a usual run.
  package static let nodesUsual = 48
  /// Fewer fill no cities; more take minutes.
  package static let nodesRange = 8...4_000

  /// Nodes.
  package var nodes: Int
  /// All chance.
  package var seed: UInt64
  /// Share of the nodes that crash in troubled times; half of them come back.
  package var dead: Double
  /// Whether the world is cut in two for a while.
  package var isPartitioned: Bool
  /// Share of messages that are lost.
  package var loss: Double
  /// Cities that nodes are in, two of each country, two countries of each region.
  package var cities: Int
  /// A mistake to be found.
  package var bug: MembershipBug?

  /// A run of given trouble.
  package init(
    nodes: Int = nodesUsual, seed: UInt64, dead: Double = 0, isPartitioned: Bool = false,
    loss: Double = 0, cities: Int = 4, bug: MembershipBug? = nil
  ) {
    self.nodes = nodes
    self.seed = seed
    self.dead = dead
    self.isPartitioned = isPartitioned
    self.loss = loss
    self.cities = cities
    self.bug = bug
  }

  /// Every sixteenth seed is one city that has grown too large for one group.
  private static let crowdPeriod: UInt64 = 16
  private static let crowd = 208

  /// The run of a seed: its trouble too is drawn from the seed.
  package static func swarm(seed: UInt64, bug: MembershipBug? = nil) -> MembershipScenario {
    var random = ChanceStreams(seed: seed).stream(.faults)
    var scenario = MembershipScenario(seed: seed, bug: bug)
    scenario.dead = Double(random.below(4)) / 10
    scenario.isPartitioned = random.below(2) == 0
    scenario.loss = Double(random.below(6)) / 100
    scenario.cities = [2, 4, 6, 8][random.below(4)]
    if seed % crowdPeriod == crowdPeriod - 1 {
      scenario.nodes = crowd
      scenario.cities = 1
      scenario.dead = 0
    }
    return scenario
  }

  /// The command that repeats the run.
  package var command: String {
    let planted = bug.map { " --bug \($0.rawValue)" } ?? ""
    return "martlet simulate membership --nodes \(nodes) --seed \(seed) --dead \(dead)"
      + (isPartitioned ? " --partition" : "") + " --loss \(loss) --cities \(cities)" + planted
  }
}

/// Mistakes that can be planted between the machines of membership and the world.
package enum MembershipBug: String, CaseIterable, Sendable {
  /// Whatever proof a claim carries is believed.
  case skipsProofs = "skips-proofs"
  /// Clusters are not told of members that died.
  case hidesDeaths = "hides-deaths"
  /// Digests of clusters below do not arrive.
  case dropsChildDigests = "drops-child-digests"
  /// Parts of a group that began apart do not look for each other.
  case neverReaches = "never-reaches"
  /// A leader's renewals are not sent.
  case dropsRenewals = "drops-renewals"
}

/// What must hold in every run of membership.
package enum MembershipInvariant: String, CaseIterable, Sendable {
  /// A machine does not spin: so many events in one millisecond are a loop.
  case noSpinning = "no-spinning"
  /// Two that lead one epoch of one cluster at the same time share no voter.
  case oneLeaderAnEpoch = "one-leader-an-epoch"
  /// Nobody that lives and is connected stays dead for the others.
  case noFalseDeath = "no-false-death"
  /// Whoever is dead is known to be.
  case deadAreKnown = "dead-are-known"
  /// After trouble a cluster has one leader, whom all of it follow.
  case oneLeader = "one-leader"
  /// After trouble every member is in its leader's digest, and all of them count to the root.
  case anchoredToRoot = "anchored-to-root"
  /// A kind that one node offers is found from everywhere.
  case kindsFound = "kinds-found"
  /// No group is too large, and none of a city is small while another has room.
  case groupSizes = "group-sizes"
}

/// What came of a run of membership.
package struct MembershipOutcome: Sendable {
  /// The first invariant that did not hold, nil of a clean run.
  package var breach: Breach<MembershipInvariant>?
  /// The hash over all events.
  package var digest = RunDigest()
  /// Events that happened.
  package var events = 0
  /// Messages between members of groups.
  package var swimMessages = 0
  /// Messages between members of clusters.
  package var clusterMessages = 0
  /// Times that somebody was suspected.
  package var suspicions = 0
  /// Times that somebody who lived was declared dead by one that could hear it.
  package var falseDeaths = 0
  /// Milliseconds from a crash until the last member of its group knew.
  package var detections: [Int] = []
  /// Times that somebody became a leader.
  package var elections = 0
  /// Groups that split or joined another, as orders to one member each.
  package var moves = 0
  /// Members that the global leader's last digest counts.
  package var membersAtRoot = 0

  /// Nothing yet.
  package init() {}
}

/// The phases of a run, in milliseconds.
enum MembershipTimes {
  /// Nodes begin one after another until here.
  static let begun = 20_000
  /// Trouble.
  static let troubleBegins = 90_000
  static let cutBegins = 120_000
  static let cutEnds = 200_000
  static let troubleEnds = 240_000
  /// Leases, memories of who withheld, and five levels of digests, each half a minute apart.
  static let end = 720_000
}
