internal import Primitives

/// Figures of scores rather than of decisions.
public enum Ranking {
  /// The area under the receiver operating characteristic of one class.
  ///
  /// The probability that an example of the class has a higher score than another one, ties counted
  /// half: (R − p·(p + 1) / 2) / (p·n), R the sum of the class's ranks with ties at their mean
  /// rank, p its examples, n the others (Hanley and McNeil 1982; Mann and Whitney 1947).
  public static func areaUnderROC(
    scores: [Float], isPositive: [Bool]
  ) throws(MetricError) -> Double {
    guard scores.count == isPositive.count else { throw .counts(isPositive.count, scores.count) }
    guard !scores.isEmpty else { throw .empty }
    if let row = scores.firstIndex(where: { !$0.isFinite }) { throw .notFinite(row: row) }
    let positives = isPositive.count { $0 }
    let negatives = isPositive.count - positives
    guard positives > 0, negatives > 0 else { throw .oneClass(1) }
    let order = scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
    // Twice each rank, so that the mean rank of a tie stays a whole number and the sum is exact.
    var doubledRanks = 0
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
      let inside = order[start..<end].count { isPositive[$0] }
      doubledRanks += inside * (start + 1 + end)
      start = end
    }
    let doubledWins = doubledRanks - positives * (positives + 1)
    return Double(doubledWins) / 2 / (Double(positives) * Double(negatives))
  }

  /// The plain mean of every class's area against all others (one versus rest, macro).
  ///
  /// `scores` is [rows, classes]. With two classes it is the area of class 1.
  public static func areaUnderROC(
    scores: [Float], labels: [Int32], classes: Int
  ) throws(MetricError) -> Double {
    guard (2...Dataset.Limits.classesMax).contains(classes) else { throw .classes(classes) }
    guard scores.count == labels.count * classes else {
      throw .counts(labels.count, scores.count / classes)
    }
    for (row, label) in labels.enumerated() where !(0..<Int32(classes)).contains(label) {
      throw .label(Int(label), row: row, classes: classes)
    }
    var sum = 0.0
    let ranked = classes == 2 ? 1..<2 : 0..<classes
    for number in ranked {
      let column = labels.indices.map { scores[$0 * classes + number] }
      let isPositive = labels.map { $0 == Int32(number) }
      guard isPositive.contains(true), isPositive.contains(false) else { throw .oneClass(number) }
      sum += try areaUnderROC(scores: column, isPositive: isPositive)
    }
    return sum / Double(ranked.count)
  }

  /// e to the mean cross-entropy in nats: how many tokens the model hesitates between.
  public static func perplexity(crossEntropy: Double) -> Double {
    Elementary.exponential(crossEntropy)
  }
}
