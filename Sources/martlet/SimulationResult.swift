import Charts
import Primitives
import Simulator

/// What `simulate network` shows: an object, a table, or a page.
struct SimulationResult {
  let figures: NetworkFigures
  let plan: FaultPlan
  let links: LinkModel
  /// What passes between nodes: single messages, or messages over connections that are dialled.
  let level: String
  let seconds: Double
  let peakResidentBytes: Int
  /// The command that repeats the run.
  let command: String
  /// What did not hold; nil beside `isChecked` of a run that held every invariant.
  var breach: Breach<Invariant>?
  var isChecked = false

  init(
    figures: NetworkFigures, order: SimulationOrder, seconds: Double, peakResidentBytes: Int
  ) {
    self.figures = figures
    plan = order.plan
    links = order.links
    level = "messages"
    self.seconds = seconds
    self.peakResidentBytes = peakResidentBytes
    command = order.command
  }

  init(
    scenario: SeedScenario, outcome: SeedOutcome, seconds: Double, peakResidentBytes: Int
  ) {
    figures = outcome.figures(of: scenario)
    plan = scenario.plan
    links = .regions
    level = scenario.level.rawValue
    self.seconds = seconds
    self.peakResidentBytes = peakResidentBytes
    command = scenario.command
    breach = outcome.breach
    isChecked = true
  }

  private var hops: Distribution { Distribution(figures.lookups?.hops ?? []) }
  private var times: Distribution { Distribution(figures.lookups?.milliseconds ?? []) }

  // MARK: JSON

  var json: JSONValue {
    let lookups = figures.lookups
    let count = max(1, lookups?.hops.count ?? 0)
    return .object([
      .init("nodes", .integer(Int64(figures.nodes))),
      .init("seed", .integer(Int64(clamping: figures.seed))),
      .init("faults", .string(plan.text)), .init("links", .string(links.name)),
      .init("level", .string(level)),
      .init("tables", .string(lookups?.tables.rawValue ?? "")),
      .init("lookups", .integer(Int64(lookups?.hops.count ?? 0))),
      .init("mean_hops", .number(hops.mean)), .init("max_hops", .integer(Int64(hops.largest))),
      .init("lookup_p50_ms", .integer(Int64(times.median))),
      .init("lookup_p95_ms", .integer(Int64(times.quantile(0.95)))),
      .init("requests_per_lookup", .number(Double(lookups?.requests ?? 0) / Double(count))),
      .init(
        "found_closest", number(lookups?.foundClosest.map { Double($0) / Double(count) })),
      .init("coverage_99_ms", integer(figures.gossip?.median99)),
      .init("coverage", number(figures.gossip?.coverage.min())),
      .init("copies_per_delivery", number(copiesPerDelivery)),
      .init("eclipse_reads", integer(figures.eclipse?.reads)),
      .init("eclipse_success", number(figures.eclipse?.success)),
      .init("peak_rss_bytes", .integer(Int64(peakResidentBytes))),
      .init("events", .integer(Int64(figures.events))),
      .init("event_hash", .string(figures.digest.text)), .init("seconds", .number(seconds)),
      .init("invariants", invariants), .init("replay", .string(command)),
    ])
  }

  private var invariants: JSONValue {
    guard isChecked else { return .null }
    guard let breach else { return .string("held") }
    return .object([
      .init("broken", .string(breach.invariant.rawValue)),
      .init("time_ms", .integer(Int64(breach.time))),
      .init("node", .integer(Int64(breach.node))), .init("detail", .string(breach.detail)),
    ])
  }

  private func integer(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }
  private func number(_ number: Double?) -> JSONValue { number.map { .number($0) } ?? .null }

  private var copiesPerDelivery: Double? {
    figures.gossip.map { Double($0.copies) / Double(max(1, $0.deliveries)) }
  }

  // MARK: Table

  /// Names and values of every figure, as people read them.
  var facts: [(name: String, value: String)] {
    var facts: [(String, String)] = [
      ("nodes", Decimals.grouped(figures.nodes)), ("seed", "\(figures.seed)"),
      ("faults", plan.text.isEmpty ? "none" : plan.text),
      ("links", links.name),
    ]
    facts += lookupFacts + gossipFacts + attackFacts
    if isChecked { facts.append(("invariants", breach.map { "\($0)" } ?? "all held")) }
    return facts + [
      ("events", Decimals.grouped(figures.events)), ("event hash", figures.digest.text),
      ("peak memory", "\(Decimals.grouped(peakResidentBytes / 1_048_576)) MiB"),
      ("time", "\(Decimals.text(seconds, digits: 3)) s"),
    ]
  }

  private var lookupFacts: [(String, String)] {
    guard let lookups = figures.lookups else { return [] }
    let count = Double(max(1, lookups.hops.count))
    let closest = lookups.foundClosest.map { ("closest found", percent(Double($0) / count)) }
    return [
      ("tables", lookups.tables.rawValue), ("lookups", Decimals.grouped(lookups.hops.count)),
      ("mean hops", "\(Decimals.fixed(hops.mean, places: 2)), at most \(hops.largest)"),
      (
        "lookup time",
        "median \(Decimals.grouped(times.median)) ms, p95 "
          + "\(Decimals.grouped(times.quantile(0.95))) ms"
      ),
      ("requests a lookup", Decimals.fixed(Double(lookups.requests) / count, places: 1)),
    ] + [closest].compactMap { $0 }
  }

  private var gossipFacts: [(String, String)] {
    guard let gossip = figures.gossip else { return [] }
    return [
      ("99 % coverage", gossip.median99.map { "\(Decimals.grouped($0)) ms" } ?? "not reached"),
      ("coverage", percent(gossip.coverage.min() ?? 0)),
      ("copies a delivery", Decimals.fixed(copiesPerDelivery ?? 0, places: 2)),
    ]
  }

  private var attackFacts: [(String, String)] {
    guard let eclipse = figures.eclipse else { return [] }
    return [
      (
        "attacked reads",
        "\(Decimals.grouped(eclipse.reads)), denied \(percent(eclipse.success))"
      )
    ]
  }

  private func percent(_ share: Double) -> String { "\(Decimals.text(share * 100, digits: 4)) %" }

  var text: String {
    let facts = facts
    let width = (facts.map(\.name.count).max() ?? 0) + 2
    return facts.map { name, value in
      name + String(repeating: " ", count: width - name.count) + value
    }.joined(separator: "\n")
  }
}
