import Charts
import Primitives
import Simulator

/// One seed after another, until all have run or a planted mistake is found.
struct SeedSweep: Sendable {
  /// A seed whose run broke an invariant.
  struct Failure: Sendable {
    let scenario: SeedScenario
    let breach: Breach<Invariant>
    /// A scenario with less trouble that fails alike.
    let smallest: SeedScenario

    var text: String {
      "seed \(scenario.seed): \(breach)\n  replay: \(scenario.command)\n"
        + "  smallest: \(smallest.command)"
    }
  }

  let from: UInt64
  let count: UInt64
  let nodes: Int
  let bug: PlantedBug?
  private(set) var failures: [Failure] = []
  private var nextSeed: UInt64
  private var events = 0

  init(from: UInt64, count: UInt64, nodes: Int, bug: PlantedBug?) {
    self.from = from
    self.count = count
    self.nodes = nodes
    self.bug = bug
    nextSeed = from
  }

  /// Runs seeds up to the next failure; nil when there is none left.
  mutating func next() -> Failure? {
    if bug != nil, !failures.isEmpty { return nil }
    while nextSeed < from + count {
      let scenario = SeedScenario.swarm(seed: nextSeed, nodes: nodes, bug: bug)
      nextSeed += 1
      let outcome = SeedRun.run(scenario)
      events += outcome.events
      guard let breach = outcome.breach else { continue }
      let smallest = SeedRun.shrink(scenario, breaking: breach.invariant)
      let failure = Failure(scenario: scenario, breach: breach, smallest: smallest)
      failures.append(failure)
      return failure
    }
    return nil
  }

  /// All seeds clean, or the planted mistake found.
  var isAsWanted: Bool { failures.isEmpty == (bug == nil) }

  private var ran: UInt64 { nextSeed - from }

  func text(seconds: Double) -> String {
    if let bug {
      let place = failures.first.map { "found by seed \($0.scenario.seed)" } ?? "not found"
      return "\(bug.rawValue): \(place) (\(ran) seeds)"
    }
    return "\(Int(ran) - failures.count) of \(ran) seeds from \(from) held every invariant: "
      + "\(Decimals.grouped(events)) events in \(Decimals.text(seconds, digits: 3)) s"
  }

  func json(seconds: Double) -> JSONValue {
    .object([
      .init("from", .integer(Int64(from))), .init("count", .integer(Int64(ran))),
      .init("nodes", .integer(Int64(nodes))),
      .init("clean", .integer(Int64(ran) - Int64(failures.count))),
      .init("bug", bug.map { .string($0.rawValue) } ?? .null),
      .init(
        "failures",
        .array(
          failures.map {
            .object([
              .init("seed", .integer(Int64($0.scenario.seed))),
              .init("broken", .string($0.breach.invariant.rawValue)),
              .init("replay", .string($0.scenario.command)),
              .init("smallest", .string($0.smallest.command)),
            ])
          })),
      .init("events", .integer(Int64(events))), .init("seconds", .number(seconds)),
    ])
  }
}
