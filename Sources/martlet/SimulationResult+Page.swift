import Charts
import Simulator

extension SimulationResult {
  /// Steps of a chart of times or loads.
  private static let stepsMax = 30

  /// The page of `--report`.
  var page: ReportPage {
    ReportPage(
      title: "A network of \(Decimals.grouped(figures.nodes)) nodes",
      subtitle: "martlet \(AboutCommands.version), seed \(figures.seed), "
        + "faults: \(plan.text.isEmpty ? "none" : plan.text)",
      figures: largeFigures, blocks: charts + tables)
  }

  private var largeFigures: [ReportPage.Fact] {
    let wanted = ["mean hops", "lookup time", "99 % coverage", "attacked reads", "invariants"]
    return facts.filter { wanted.contains($0.name) }.map { .init($0.name, $0.value) }
  }

  private var charts: [ReportPage.Block] {
    var blocks: [ReportPage.Block] = []
    if let lookups = figures.lookups {
      let hops = Distribution(lookups.hops).counts.enumerated()
      blocks.append(
        .bars(
          title: "Hops of a lookup", hops.map { .init("\($0.offset)", count: $0.element) }))
      blocks.append(times(Distribution(lookups.milliseconds)))
    }
    if let gossip = figures.gossip { blocks.append(coverage(gossip)) }
    if !figures.load.isEmpty {
      blocks.append(
        .bars(
          title: "Requests answered by a node",
          Distribution(figures.load).steps(Self.stepsMax).map {
            .init("below \($0.upTo)", count: $0.count)
          }))
    }
    return blocks
  }

  /// The share of lookups that took at most so long.
  private func times(_ times: Distribution) -> ReportPage.Block {
    let places = 200
    let points = (0...places).map { place in
      let share = Double(place) / Double(places)
      return Point(x: Double(times.quantile(share)), y: share * 100)
    }
    return .chart(
      LineChart(
        title: "Lookups that ended, %", xName: "milliseconds",
        series: [.init(name: "ended", points: points)]))
  }

  private func coverage(_ gossip: GossipFigures) -> ReportPage.Block {
    .chart(
      LineChart(
        title: "Nodes that have a message, %", xName: "milliseconds",
        series: [
          .init(
            name: "reached",
            points: gossip.curve.map { Point(x: Double($0.milliseconds), y: $0.share * 100) })
        ]))
  }

  private var tables: [ReportPage.Block] {
    [
      .facts(title: "Figures", facts.map { .init($0.name, $0.value) }),
      .code(title: "Command", command),
    ]
  }
}
