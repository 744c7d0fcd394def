package import Primitives

/// What chance is used for: each purpose has a stream of its own, so that more draws for one thing
/// leave every other thing of a run as it was.
package enum ChancePurpose: UInt64, Sendable {
  case keys, links, conditions, machines, workload, faults, topology, disks, attackers, clocks
}

/// All chance of one run.
package struct ChanceStreams: Sendable {
  /// The seed of the run.
  package let seed: UInt64

  /// An odd constant with well-mixed bits (the golden ratio, as in SplitMix64).
  private static let mixer: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// The streams of a seed.
  package init(seed: UInt64) { self.seed = seed }

  /// The stream of a purpose, or of one node's part in it.
  package func stream(_ purpose: ChancePurpose, node: Int = 0) -> SplitMix64 {
    var first = SplitMix64(seed: seed ^ (purpose.rawValue &+ 1) &* Self.mixer)
    var second = SplitMix64(seed: first.next() ^ UInt64(node) &* Self.mixer)
    return SplitMix64(seed: second.next())
  }
}

extension SplitMix64 {
  /// A number in `0..<bound`, by multiplication (Lemire, "Fast Random Integer Generation in an
  /// Interval", 2019, without the rejection step: the bias is below 2⁻⁴⁰ for every bound in use).
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0)
    return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A number in `[0, 1)`.
  package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Whether something of this probability happens; draws nothing for 0 and 1.
  package mutating func happens(_ probability: Double) -> Bool {
    probability > 0 && (probability >= 1 || unit() < probability)
  }

  /// A draw of the exponential distribution of mean 1.
  ///
  /// −ln u by the series of the inverse hyperbolic tangent, in additions, multiplications and
  /// divisions alone: a mathematical library may round differently on another machine.
  package mutating func exponential() -> Double {
    let bits = (next() >> 11) | 1
    let shift = bits.leadingZeroBitCount
    let mantissa = Double(bits << UInt64(shift)) * 0x1p-63
    let ratio = (mantissa - 1) / (mantissa + 1)
    let square = ratio * ratio
    var sum = 0.0
    // The ratio is at most 1/3: fifteen terms reach the last bit.
    for term in stride(from: 29, through: 1, by: -2) { sum = sum * square + 1 / Double(term) }
    let logarithmOf2 = 0.693_147_180_559_945_3
    let exponent = Double(63 - shift) - 53
    return -(2 * ratio * sum + exponent * logarithmOf2)
  }

  /// Puts `items` into an order of chance.
  package mutating func shuffle<Item>(_ items: inout [Item]) {
    guard items.count > 1 else { return }
    for last in stride(from: items.count - 1, through: 1, by: -1) {
      items.swapAt(last, below(last + 1))
    }
  }
}
