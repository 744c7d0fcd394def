import Primitives

/// What happens to a whole node.
package enum LifeEvent: Equatable, Sendable {
  /// It goes away without a word and keeps its memory, as a laptop that is closed.
  case leaves
  /// It comes back.
  case returns
  /// It loses its memory, and what its disk had not synced.
  case crashes
  /// It starts again with what its disk kept.
  case restarts
}

/// When nodes come and go during a run.
package struct NodeLives: Sendable {
  /// One event of one node.
  package struct Entry: Equatable, Sendable {
    /// Milliseconds of the run.
    package let time: Int
    /// Who.
    package let node: Int
    /// What.
    package let event: LifeEvent
  }

  /// The mean of a session and of an absence in a churned run.
  static let sessionMillisecondsMean = 120_000.0
  /// Nothing restarts faster than this.
  static let absenceMillisecondsMin = 1_000

  /// In the order of time.
  package private(set) var entries: [Entry] = []

  /// Plans lives until `end`; then everybody is back. The first `exempt` nodes never leave.
  package init(
    plan: FaultPlan, nodeCount: Int, exempt: Int, begin: Int, end: Int, streams: ChanceStreams
  ) {
    var random = streams.stream(.faults, node: 1)
    let span = end - begin
    for node in 0..<nodeCount where node >= exempt && random.happens(plan.share(.churn)) {
      addSessions(of: node, begin: begin, end: end, using: &random)
    }
    for _ in 0..<plan.count(.crash) where nodeCount > exempt && span > 1 {
      let node = exempt + random.below(nodeCount - exempt)
      let time = begin + random.below(span)
      let back = min(end, time + Self.absenceMillisecondsMin + random.below(30_000))
      entries.append(Entry(time: time, node: node, event: .crashes))
      entries.append(Entry(time: back, node: node, event: .restarts))
    }
    entries = entries.enumerated()
      .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
      .map(\.element)
  }

  private mutating func addSessions(
    of node: Int, begin: Int, end: Int, using random: inout SplitMix64
  ) {
    var time = begin + Self.session(using: &random)
    while time < end {
      let back = min(end, time + max(Self.absenceMillisecondsMin, Self.session(using: &random)))
      entries.append(Entry(time: time, node: node, event: .leaves))
      entries.append(Entry(time: back, node: node, event: .returns))
      time = back + max(Self.absenceMillisecondsMin, Self.session(using: &random))
    }
  }

  /// A length of the Weibull distribution of shape ½: λ · E², E exponential, of mean 2 λ. Sessions
  /// in peer networks have shapes of 0.34 to 0.59 (Stutzbach and Rejaie, "Understanding Churn in
  /// Peer-to-Peer Networks", IMC 2006, §5): most are short, a few very long.
  static func session(using random: inout SplitMix64) -> Int {
    let draw = random.exponential()
    return Int(min(1e9, sessionMillisecondsMean / 2 * draw * draw))
  }
}
