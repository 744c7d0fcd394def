package import Primitives

/// One number a step, kept as means over ever longer stretches so that its memory is bounded.
package struct StepCurve: Hashable, Sendable {
  /// Places kept: more than the widest screen resolves.
  private static let placesMax = 2_048
  /// Steps of one place; a power of two.
  private var stride = 1
  /// Sums of the places; the last may have fewer than `stride` steps.
  private var sums: [Double] = []
  /// Steps taken in.
  package private(set) var steps = 0

  /// An empty curve.
  package init() {}

  /// Takes the number of the next step in.
  package mutating func append(_ value: Double) {
    if steps.isMultiple(of: stride) {
      if sums.count == Self.placesMax { halve() }
      if steps.isMultiple(of: stride) { sums.append(0) }
    }
    sums[sums.count - 1] += value
    steps += 1
  }

  private mutating func halve() {
    sums = Swift.stride(from: 0, to: sums.count, by: 2).map { sums[$0] + sums[$0 + 1] }
    stride *= 2
  }

  /// The places as (middle step, mean), counted from 0.
  package var means: [(step: Double, mean: Double)] {
    sums.enumerated().map { place, sum in
      let start = place * stride
      let count = min(stride, steps - start)
      return (Double(start) + Double(count - 1) / 2, sum / Double(count))
    }
  }

  /// The mean of the last place, nil before the first step.
  package var last: Double? { means.last?.mean }
}

extension StepCurve: CanonicalCodable {
  /// Sums as IEEE 754 bit patterns: canonical bytes hold no floats.
  package var canonicalValue: CanonicalValue {
    .map([
      "stride": .unsigned(UInt64(stride)), "steps": .unsigned(UInt64(steps)),
      "sums": .array(sums.map { .unsigned($0.bitPattern) }),
    ])
  }

  /// Reads a curve back; its sizes must fit each other.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    stride = try fields.count("stride", max: 1 << 40)
    steps = try fields.count("steps", max: 1 << 50)
    for value in try fields.array("sums") {
      guard case .unsigned(let bits) = value else {
        throw .malformed(what: "curve", reason: "expected bit patterns")
      }
      sums.append(Double(bitPattern: bits))
    }
    try fields.finish()
    guard stride > 0, sums.count == (steps + stride - 1) / stride,
      sums.count <= Self.placesMax, stride & (stride - 1) == 0
    else { throw .malformed(what: "curve", reason: "its sizes do not fit") }
  }
}
