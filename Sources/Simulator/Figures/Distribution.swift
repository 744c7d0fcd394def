/// Measured whole numbers, and what people ask about them.
package struct Distribution: Equatable, Sendable {
  /// Ascending.
  package let sorted: [Int]

  /// The distribution of these numbers.
  package init(_ values: [Int]) { sorted = values.sorted() }

  /// How many there are.
  package var count: Int { sorted.count }

  /// The arithmetic mean, 0 of none.
  package var mean: Double {
    sorted.isEmpty ? 0 : Double(sorted.reduce(0, +)) / Double(sorted.count)
  }

  /// The largest, 0 of none.
  package var largest: Int { sorted.last ?? 0 }

  /// The smallest number that at least `share` of all do not exceed (nearest rank), 0 of none.
  package func quantile(_ share: Double) -> Int {
    guard !sorted.isEmpty else { return 0 }
    let rank = Int((share * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }

  /// The middle one.
  package var median: Int { quantile(0.5) }

  /// How many there are of each number from 0 to the largest; for small numbers such as hops.
  package var counts: [Int] {
    var counts = Array(repeating: 0, count: sorted.isEmpty ? 0 : largest + 1)
    for value in sorted where value >= 0 { counts[value] += 1 }
    return counts
  }

  /// How many lie in each of `count` equal steps from 0 to the largest, with each step's upper end.
  package func steps(_ count: Int) -> [(upTo: Int, count: Int)] {
    guard let last = sorted.last, last > 0 else { return [] }
    let width = max(1, (last + count) / count)
    var steps = (1...max(1, (last + width) / width)).map { (upTo: $0 * width, count: 0) }
    for value in sorted { steps[min(value / width, steps.count - 1)].count += 1 }
    return steps
  }
}
