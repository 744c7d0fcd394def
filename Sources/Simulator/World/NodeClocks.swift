package import Primitives

/// Every node's own clock: it starts somewhere and runs a little too fast or too slow.
package struct NodeClocks: Sendable {
  /// Clocks start up to a minute apart.
  static let offsetNanosecondsMax = 60_000_000_000

  private var offsets: [UInt64] = []
  private var rates: [Double] = []

  /// Clocks that are off by up to the share `skew`.
  package init(nodeCount: Int, skew: Double, streams: ChanceStreams) {
    guard skew > 0 else { return }
    var random = streams.stream(.clocks)
    for _ in 0..<nodeCount {
      offsets.append(UInt64(random.below(Self.offsetNanosecondsMax)))
      rates.append(1 + skew * (2 * random.unit() - 1))
    }
  }

  /// What a node's clock shows at a millisecond of the run.
  package func tick(of node: Int, at milliseconds: Int) -> Tick {
    let nanosecondsPerMillisecond = 1_000_000
    guard !offsets.isEmpty else {
      return Tick(nanoseconds: UInt64(milliseconds * nanosecondsPerMillisecond))
    }
    let elapsed = Double(milliseconds) * rates[node] * Double(nanosecondsPerMillisecond)
    return Tick(nanoseconds: offsets[node] + UInt64(elapsed))
  }

  /// The first millisecond of the run at which a node's clock shows `tick` or later.
  package func milliseconds(of node: Int, at tick: Tick) -> Int {
    let nanosecondsPerMillisecond = 1_000_000.0
    let far = Double(1 << 52)
    guard !offsets.isEmpty else {
      let whole = Double(tick.nanoseconds) / nanosecondsPerMillisecond
      return Int(min(far, whole.rounded(.up)))
    }
    guard tick.nanoseconds > offsets[node] else { return 0 }
    let elapsed = Double(tick.nanoseconds - offsets[node]) / nanosecondsPerMillisecond
    // One millisecond more than the rounding of the rate can take away.
    return Int(min(far, (elapsed / rates[node]).rounded(.up))) + 1
  }
}
