/// A running hash over every event of a run: two runs of one seed are equal if theirs are.
///
/// Not for anything an adversary may choose: it is SplitMix64's mixing step over each word.
package struct RunDigest: Hashable, Sendable {
  /// The hash so far.
  package private(set) var value: UInt64 = 0x6d61_7274_6c65_7421

  /// The hash of nothing.
  package init() {}

  /// Takes a word in.
  package mutating func add(_ word: UInt64) {
    var mixed = (value ^ word) &+ 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    value = mixed ^ (mixed >> 31)
  }

  /// Takes a number in.
  package mutating func add(_ number: Int) { add(UInt64(bitPattern: Int64(number))) }

  /// Sixteen hexadecimal digits.
  package var text: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
