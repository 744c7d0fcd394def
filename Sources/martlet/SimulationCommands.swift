import Charts
import Glibc
import Persistence
import Primitives
import Simulator

/// `simulate`.
enum SimulationCommands {
  static let all = [
    Command(
      words: ["simulate", "network"],
      summary: "run a whole peer network in one process, from one seed", options: options,
      example: "martlet simulate network --nodes 1000 --seed 1 --dead 0.3 --silent 0.6",
      run: network),
    Command(
      words: ["simulate", "seeds"],
      summary: "run many small networks, each under trouble of its own seed",
      options: [
        Option(name: "from", value: "S", summary: "the first seed; 0 unless told"),
        Option(name: "count", value: "N", summary: "how many seeds; 10 unless told"),
        nodesOption,
        Option(name: "bug", value: "NAME", summary: bugSummary + "; stops where it is found"),
      ],
      example: "martlet simulate seeds --from 0 --count 20", run: seeds),
    MembershipSimulation.command,
  ]

  private static let nodesOption = Option(
    name: "nodes", value: "N",
    summary: "nodes: 1000, and 50 of a run under trouble, unless told")
  private static let bugSummary = "plant a mistake in the simulator's shell"

  private static let options = [
    nodesOption,
    Option(name: "seed", value: "S", summary: "one seed, one run; 1 unless told"),
    Option(name: "dead", value: "SHARE", summary: "nodes that are gone though others know them"),
    Option(name: "silent", value: "SHARE", summary: "nodes that take messages and pass none on"),
    Option(name: "sybils", value: "COUNT", summary: "identities around each attacked key"),
    Option(
      name: "faults", value: "LIST",
      summary: "run twelve minutes under trouble: `loss=0.05,partition,crash=3`, `swarm`, `none`"),
    Option(
      name: "level", value: "LEVEL",
      summary: "what passes with --faults: `messages`, or `bytes` through yamux and codecs"),
    Option(name: "bug", value: "NAME", summary: bugSummary + "; with --faults"),
    Option(name: "lookups", value: "N", summary: "lookups to measure; 1000 unless told"),
    Option(name: "messages", value: "N", summary: "messages to publish; 3 unless told"),
    Option(
      name: "links", value: "MODEL",
      summary: "`uniform` (20 to 200 ms, unless told) or `regions` (measured latencies)"),
    Option(
      name: "tables", value: "ORIGIN",
      summary: "`filled` directly or `joined`; joined up to 10000 nodes unless told"),
    Option(name: "report", value: "FILE", summary: "write a page with charts"),
  ]

  @Sendable private static func network(_ arguments: Arguments) async throws {
    if let faults = arguments.text("faults") {
      return try await seed(arguments, scenario: scenario(arguments, faults: faults))
    }
    for name in ["bug", "level"] where arguments.text(name) != nil {
      throw CommandFailure.usage("--\(name) needs --faults")
    }
    let order = try order(arguments)
    let reportPath = arguments.text("report")
    if let reportPath { try TrainingCommands.checkWritable([reportPath]) }
    let isQuiet = arguments.isJSON || !Output.isTerminal
    let began = Clock.seconds()
    let figures = try await TrainingCommands.onThread(named: "simulation") {
      NetworkSimulation.run(order) { part in
        if !isQuiet { Output.note("\(part.rawValue) …") }
      }
    }
    let result = SimulationResult(
      figures: figures, order: order, seconds: Clock.seconds() - began,
      peakResidentBytes: peakResidentBytes())
    if let reportPath {
      try AtomicFile.write(Bytes(result.page.html.utf8), to: reportPath, mode: 0o644)
    }
    Output.result(result.json, asJSON: arguments.isJSON) { result.text }
  }

  /// A run under trouble, checked after each event.
  private static func seed(_ arguments: Arguments, scenario: SeedScenario) async throws {
    let reportPath = arguments.text("report")
    if let reportPath { try TrainingCommands.checkWritable([reportPath]) }
    let began = Clock.seconds()
    let outcome = try await TrainingCommands.onThread(named: "simulation") {
      SeedRun.run(scenario)
    }
    let result = SimulationResult(
      scenario: scenario, outcome: outcome, seconds: Clock.seconds() - began,
      peakResidentBytes: peakResidentBytes())
    if let reportPath {
      try AtomicFile.write(Bytes(result.page.html.utf8), to: reportPath, mode: 0o644)
    }
    Output.result(result.json, asJSON: arguments.isJSON) { result.text }
    if let breach = outcome.breach { throw failure(of: scenario, breach) }
  }

  private static func failure(
    of scenario: SeedScenario, _ breach: Breach<Invariant>
  ) -> CommandFailure {
    CommandFailure("\(breach)", hint: "run it again with `\(scenario.command)`")
  }

  @Sendable private static func seeds(_ arguments: Arguments) async throws {
    let from = UInt64(try arguments.integer("from", in: 0...Int.max / 2) ?? 0)
    let count = UInt64(try arguments.integer("count", in: 1...1_000_000) ?? 10)
    let nodes =
      try arguments.integer("nodes", in: SeedScenario.nodesRange) ?? SeedScenario.nodesUsual
    let bug: PlantedBug? = try arguments.choice("bug")
    let sweep = SeedSweep(
      seeds: from..<from + count, bug: bug?.rawValue, nodes: nodes, countOption: "count")
    try await sweep.run(arguments) { seed in
      let scenario = SeedScenario.swarm(seed: seed, nodes: nodes, bug: bug)
      let outcome = SeedRun.run(scenario)
      let failure = outcome.breach.map { breach in
        SeedSweep.Failure(
          seed: seed, breach, replay: scenario.command,
          smallest: SeedRun.shrink(scenario, breaking: breach.invariant).command)
      }
      return (outcome.events, failure)
    }
  }

  private static func scenario(
    _ arguments: Arguments, faults: String
  ) throws -> SeedScenario {
    let nodes = try arguments.integer("nodes", in: SeedScenario.nodesRange)
    let seed = UInt64(try arguments.integer("seed", in: 0...Int.max) ?? 1)
    let bug: PlantedBug? = try arguments.choice("bug")
    let count = nodes ?? SeedScenario.nodesUsual
    let level: SeedLevel? = try arguments.choice("level")
    if faults == "swarm" { return .swarm(seed: seed, nodes: count, bug: bug, level: level) }
    return SeedScenario(
      nodes: count, seed: seed, plan: try plan(faults == "none" ? "" : faults), bug: bug,
      level: level ?? .messages)
  }

  private static func plan(_ text: String) throws -> FaultPlan {
    do {
      return try FaultPlan(text)
    } catch {
      let message =
        switch error {
        case .unknownKind(let name): "`\(name)` is no kind of fault"
        case .amount(let amount, let kind):
          "`\(amount)` is no amount of \(kind.rawValue): 0 to \(kind.amountMax)"
        case .twice(let kind): "\(kind.rawValue) is named twice"
        }
      throw CommandFailure.usage(
        message, hint: "kinds: " + FaultKind.allCases.map(\.rawValue).joined(separator: ", "))
    }
  }

  private static func order(_ arguments: Arguments) throws -> SimulationOrder {
    let nodes = try arguments.integer("nodes", in: SimulationOrder.nodesRange)
    let seed = try arguments.integer("seed", in: 0...Int.max)
    var order = SimulationOrder(nodes: nodes ?? 1_000, seed: UInt64(seed ?? 1))
    for kind in [FaultKind.dead, .silent] {
      if let share = try arguments.number(kind.rawValue, in: 0...kind.amountMax) {
        order.plan.set(kind, to: share)
      }
    }
    if let sybils = try arguments.integer("sybils", in: 0...1_000) {
      order.plan.set(.sybils, to: Double(sybils))
    }
    order.lookups = try arguments.integer("lookups", in: 1...1_000_000) ?? order.lookups
    order.messages = try arguments.integer("messages", in: 0...1_000) ?? order.messages
    let links = try arguments.choice(
      "links", of: [("uniform", LinkModel.plain), ("regions", .regions)])
    order.links = links ?? .plain
    order.tables = try arguments.choice(
      "tables", of: [("filled", TableOrigin.filledDirectly), ("joined", .joined)])
    return order
  }

  /// The most memory that the process has held so far.
  private static func peakResidentBytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(0), &usage)
    // Linux counts kibibytes.
    return usage.ru_maxrss * 1_024
  }
}
