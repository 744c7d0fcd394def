/// How often keys were asked for lately, about: a count-min sketch with counters that are halved
/// from time to time (Einziger, Friedman and Manes, "TinyLFU", ACM TOS 2017).
struct FrequencySketch: Sendable {
  /// Four rows err by more than e/width of all counts with probability e⁻⁴.
  private static let rows = 4
  /// The counters of a row: many times the blocks that a cache of the usual size holds.
  private static let width = 1 << 13
  /// Larger counts do not matter for a comparison.
  private static let countMax: UInt8 = 15
  /// After so many notes everything is halved, so that old fame fades.
  private static let period = 10 * width

  private var counters = [UInt8](repeating: 0, count: rows * width)
  private var notes = 0

  /// Notes that the key of this hash was asked for.
  mutating func note(_ hash: UInt64) {
    for row in 0..<Self.rows {
      let place = Self.place(hash, row)
      if counters[place] < Self.countMax { counters[place] += 1 }
    }
    notes += 1
    guard notes >= Self.period else { return }
    notes /= 2
    for index in counters.indices { counters[index] /= 2 }
  }

  /// How often, about; never too low before the next halving.
  func count(_ hash: UInt64) -> Int {
    Int((0..<Self.rows).map { counters[Self.place(hash, $0)] }.min() ?? 0)
  }

  /// Rows use different bits of the hash after a mixing step (Steele et al., splitmix64).
  private static func place(_ hash: UInt64, _ row: Int) -> Int {
    var mixed = hash &+ UInt64(row + 1) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed ^= mixed >> 27
    return row * width + Int(mixed & UInt64(width - 1))
  }
}
