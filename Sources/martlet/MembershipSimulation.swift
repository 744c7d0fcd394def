import Charts
import Primitives
import Simulator

/// `simulate membership`.
enum MembershipSimulation {
  static let command = Command(
    words: ["simulate", "membership"],
    summary: "run groups, leaders and clusters of many nodes, from one seed",
    options: [
      Option(
        name: "nodes", value: "N",
        summary: "nodes: \(MembershipScenario.nodesUsual) unless told"),
      Option(name: "seed", value: "S", summary: "one seed, one run; 1 unless told"),
      Option(name: "dead", value: "SHARE", summary: "nodes that crash; half of them come back"),
      Option(name: "partition", summary: "cut the world in two for eighty seconds"),
      Option(name: "loss", value: "SHARE", summary: "messages that are lost in troubled times"),
      Option(name: "cities", value: "N", summary: "cities that nodes are in; 4 unless told"),
      Option(
        name: "sweep", value: "COUNT",
        summary: "so many seeds from --seed on, each with trouble of its own"),
      Option(
        name: "bug", value: "NAME",
        summary: "plant a mistake in the simulator's shell; a sweep stops where it is found"),
    ],
    example: "martlet simulate membership --nodes 100 --seed 1 --dead 0.2 --partition", run: run)

  private static let citiesMax = 64
  private static let seedsMax = 1_000_000

  @Sendable private static func run(_ arguments: Arguments) async throws {
    let seed = UInt64(try arguments.integer("seed", in: 0...Int.max / 2) ?? 1)
    let bug: MembershipBug? = try arguments.choice("bug")
    if let count = try arguments.integer("sweep", in: 1...seedsMax) {
      let sweep = SeedSweep(
        seeds: seed..<seed + UInt64(count), bug: bug?.rawValue, countOption: "sweep")
      return try await sweep.run(arguments) { one(seed: $0, bug: bug) }
    }
    var scenario = MembershipScenario(seed: seed, bug: bug)
    scenario.nodes =
      try arguments.integer("nodes", in: MembershipScenario.nodesRange) ?? scenario.nodes
    scenario.dead = try arguments.number("dead", in: 0...0.9) ?? 0
    scenario.loss = try arguments.number("loss", in: 0...0.5) ?? 0
    scenario.cities = try arguments.integer("cities", in: 1...citiesMax) ?? scenario.cities
    scenario.isPartitioned = arguments.flags.contains("partition")
    let began = Clock.seconds()
    let chosen = scenario
    let outcome = try await TrainingCommands.onThread(named: "simulation") {
      MembershipRun.run(chosen)
    }
    let seconds = Clock.seconds() - began
    Output.result(json(scenario, outcome, seconds: seconds), asJSON: arguments.isJSON) {
      text(scenario, outcome, seconds: seconds)
    }
    if let breach = outcome.breach {
      throw CommandFailure("\(breach)", hint: "run it again with `\(scenario.command)`")
    }
  }

  private static func one(seed: UInt64, bug: MembershipBug?) -> SeedSweep.Outcome {
    let scenario = MembershipScenario.swarm(seed: seed, bug: bug)
    let outcome = MembershipRun.run(scenario)
    let failure = outcome.breach.map {
      SeedSweep.Failure(seed: seed, $0, replay: scenario.command)
    }
    return (outcome.events, failure)
  }

  // MARK: One run

  private static func rows(
    _ outcome: MembershipOutcome
  ) -> [(name: String, words: String, value: JSONValue)] {
    let detections = outcome.detections.sorted()
    func whole(_ number: Int) -> JSONValue { .integer(Int64(number)) }
    func row(_ name: String, _ words: String, _ number: Int) -> (String, String, JSONValue) {
      (name, words, whole(number))
    }
    return [
      row("members_at_root", "members that the root counts", outcome.membersAtRoot),
      row("elections", "elections", outcome.elections),
      row("moves", "moves to another group", outcome.moves),
      row("suspicions", "suspicions", outcome.suspicions),
      row("false_deaths", "false deaths", outcome.falseDeaths),
      row("deaths_known", "deaths known by all of a group", detections.count),
      row("slowest_death_ms", "slowest of them, ms", detections.last ?? 0),
      row("swim_messages", "messages in groups", outcome.swimMessages),
      row("cluster_messages", "messages in clusters", outcome.clusterMessages),
      row("events", "events", outcome.events),
    ]
  }

  private static func json(
    _ scenario: MembershipScenario, _ outcome: MembershipOutcome, seconds: Double
  ) -> JSONValue {
    .object(
      [
        .init("nodes", .integer(Int64(scenario.nodes))),
        .init("seed", .integer(Int64(clamping: scenario.seed))),
        .init("dead", .number(scenario.dead)), .init("loss", .number(scenario.loss)),
        .init("partition", .bool(scenario.isPartitioned)),
        .init("cities", .integer(Int64(scenario.cities))),
      ] + rows(outcome).map { .init($0.name, $0.value) } + [
        .init("broken", outcome.breach.map { .string($0.invariant.rawValue) } ?? .null),
        .init("digest", .string(outcome.digest.text)), .init("seconds", .number(seconds)),
        .init("replay", .string(scenario.command)),
      ])
  }

  private static func text(
    _ scenario: MembershipScenario, _ outcome: MembershipOutcome, seconds: Double
  ) -> String {
    let lines = rows(outcome).map { row -> String in
      guard case .integer(let number) = row.value else { return row.words }
      return "\(row.words): \(Decimals.grouped(Int(number)))"
    }
    return (lines + ["twelve minutes in \(Decimals.text(seconds, digits: 3)) s"])
      .joined(separator: "\n")
  }
}
