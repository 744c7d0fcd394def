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
      run: network)
  ]

  private static let options = [
    Option(name: "nodes", value: "N", summary: "nodes, 20 to 2000000; 1000 unless told"),
    Option(name: "seed", value: "S", summary: "one seed, one run; 1 unless told"),
    Option(name: "dead", value: "SHARE", summary: "nodes that are gone though others know them"),
    Option(name: "silent", value: "SHARE", summary: "nodes that take messages and pass none on"),
    Option(name: "sybils", value: "COUNT", summary: "identities around each attacked key"),
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
    switch arguments.text("links") {
    case nil, "uniform": order.links = .plain
    case "regions": order.links = .regions
    case let other?:
      throw CommandFailure.usage("--links is `\(other)`", hint: "give `uniform` or `regions`")
    }
    switch arguments.text("tables") {
    case nil: break
    case "filled": order.tables = .filledDirectly
    case "joined": order.tables = .joined
    case let other?:
      throw CommandFailure.usage("--tables is `\(other)`", hint: "give `filled` or `joined`")
    }
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
