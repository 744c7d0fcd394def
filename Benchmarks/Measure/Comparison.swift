import Glibc

/// Pairs of times of the same work, taken in turn.
package struct Comparison {
  private var own: [Double] = []
  private var ratios: [Double] = []

  /// No pairs yet.
  package init() {}

  /// Adds one pair of times in seconds.
  package mutating func add(own: Double, other: Double) {
    self.own.append(own)
    ratios.append(other / own)
  }

  /// Median time of ours in seconds.
  package var median: Double { own.sorted()[own.count / 2] }

  /// Median of the ratios.
  package var middle: Double { ratios.sorted()[ratios.count / 2] }

  /// "1.03 x NAME (0.98 to 1.07, 15 pairs)": how many times faster we are.
  package func ratio(to name: String) -> String {
    let sorted = ratios.sorted()
    let middle = sorted[sorted.count / 2]
    return "\(decimal(middle, places: 2)) x \(name) (\(decimal(sorted[0], places: 2)) to "
      + "\(decimal(sorted[sorted.count - 1], places: 2)), \(sorted.count) pairs)"
  }
}

/// The least time of ours and of the other, taken in turn: what the work costs without what other
/// programs take from caches and clock.
package struct FastestTimes {
  /// Seconds of ours.
  package private(set) var own = Double.infinity
  private var other = Double.infinity

  /// No times yet.
  package init() {}

  /// Adds a time of ours in seconds.
  package mutating func own(_ seconds: Double) { own = min(own, seconds) }

  /// Adds a time of the other in seconds.
  package mutating func other(_ seconds: Double) { other = min(other, seconds) }

  /// Adds one pair of times in seconds.
  package mutating func add(own: Double, other: Double) {
    self.own(own)
    self.other(other)
  }

  /// How many times faster we are.
  package var ratio: Double { other / own }
}

/// Runs `work` `count` times; returns seconds of this thread's processor time for one.
package func processorTime(_ count: Int, _ work: () throws -> Void) rethrows -> Double {
  let start = threadSeconds()
  for _ in 0..<count { try work() }
  return (threadSeconds() - start) / Double(count)
}

private func threadSeconds() -> Double {
  var now = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
  return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
}

/// A number with a fixed count of decimals.
package func decimal(_ number: Double, places: Int) -> String {
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  let scaled = Int((number * scale).rounded())
  guard places > 0 else { return "\(scaled)" }
  let fraction = "\(scaled % Int(scale))"
  return "\(scaled / Int(scale))." + String(repeating: "0", count: places - fraction.count)
    + fraction
}
