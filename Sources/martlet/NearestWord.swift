/// What somebody may have meant who wrote another word.
enum NearestWord {
  /// Letters that a slip of the fingers changes at most.
  private static let distanceMax = 3
  /// Longer words are compared by their beginning.
  private static let bytesMax = 40

  /// The candidate with the fewest differences, if these are few.
  static func of(_ word: String, in candidates: [String]) -> String? {
    let best = candidates.min { distance($0, word) < distance($1, word) }
    guard let best, distance(best, word) <= distanceMax else { return nil }
    return best
  }

  /// Levenshtein distance, for words of a command line only.
  private static func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8.prefix(bytesMax))
    let right = Array(right.utf8.prefix(bytesMax))
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let substituted = diagonal + (a == b ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
