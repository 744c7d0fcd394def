package import Primitives

/// A place in a space where distance is latency: Dabek et al., "Vivaldi", SIGCOMM 2004, with three
/// dimensions and a height for the way to the backbone (§5.4).
package struct NetworkCoordinate: Hashable, Sendable {
  /// Seconds along each axis.
  private var axes: SIMD3<Double>
  /// Seconds from the node to the space and back.
  private var height: Double
  /// Relative error of our own place, 0…1.
  package private(set) var error: Double

  /// Steps towards a measurement, and weight of a new error (Vivaldi §3.4: c_c = c_e = 0.25).
  private static let gain = 0.25
  /// No node on Earth is further than this; lies beyond are cut off.
  private static let secondsMax = 2.0
  /// One measurement moves us by at most this, so a liar needs many (Ledlie et al., NSDI 2007, §4).
  private static let stepMax = 0.05
  private static let heightMin = 0.000_1

  /// The origin, of which nothing is known.
  package init() {
    axes = .zero
    height = Self.heightMin
    error = 1
  }

  /// Reads what a peer says, in microseconds; nil if a number is beyond all latencies.
  package init?(microseconds: [Int64], errorPercent: UInt64) {
    let limit = Int64(Self.secondsMax * 1_000_000)
    guard microseconds.count == 4, errorPercent <= 100, microseconds[3] >= 0,
      microseconds.allSatisfy({ (-limit...limit).contains($0) })
    else { return nil }
    let seconds = microseconds.map { Double($0) / 1_000_000 }
    axes = SIMD3(seconds[0], seconds[1], seconds[2])
    height = max(Self.heightMin, seconds[3])
    error = Double(errorPercent) / 100
  }

  /// Three axes and the height in microseconds.
  package var microseconds: [Int64] {
    [axes.x, axes.y, axes.z, height].map { Int64(($0 * 1_000_000).rounded()) }
  }

  /// Expected round trip in seconds.
  package func distance(to other: NetworkCoordinate) -> Double {
    let difference = axes - other.axes
    return (difference * difference).sum().squareRoot() + height + other.height
  }

  /// Moves a little towards where a measured round trip to `other` says we are.
  package mutating func update(
    roundTrip: Duration, to other: NetworkCoordinate, random: inout SplitMix64
  ) {
    let (whole, fraction) = roundTrip.components
    let measured = min(Self.secondsMax, Double(whole) + Double(fraction) / 1e18)
    guard measured > 0 else { return }
    let expected = distance(to: other)
    let weight = error / max(error + other.error, 0.01)
    let relative = min(1, abs(expected - measured) / measured)
    error = min(1, relative * Self.gain * weight + error * (1 - Self.gain * weight))
    let force = Self.gain * weight * (measured - expected)
    let step = max(-Self.stepMax, min(Self.stepMax, force))
    axes += direction(from: other, random: &random) * step
    axes.clamp(
      lowerBound: SIMD3(repeating: -Self.secondsMax),
      upperBound: SIMD3(repeating: Self.secondsMax))
    height = min(Self.secondsMax, max(Self.heightMin, height + height * step / expected))
  }

  private func direction(
    from other: NetworkCoordinate, random: inout SplitMix64
  ) -> SIMD3<Double> {
    let difference = axes - other.axes
    let length = (difference * difference).sum().squareRoot()
    if length > 1e-9 { return difference / length }
    // Two at one place part in a random direction (Vivaldi §3.2).
    let drawn = SIMD3<Double>.random(in: -1...1, using: &random)
    return drawn / max((drawn * drawn).sum().squareRoot(), 1e-9)
  }
}
