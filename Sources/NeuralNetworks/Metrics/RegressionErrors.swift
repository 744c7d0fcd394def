/// How far predicted numbers are from the true ones; sums run in row order in Float64.
public struct RegressionErrors: Hashable, Sendable {
  /// Mean of squared differences.
  public let meanSquared: Double
  /// Mean of absolute differences.
  public let meanAbsolute: Double
  /// 1 − Σ (y − ŷ)² / Σ (y − ȳ)², the plain mean over the columns. A column of equal targets counts
  /// 1 if predicted exactly, else 0.
  public let rSquared: Double

  /// Compares targets and predictions [rows, width].
  public init(targets: [Float], predictions: [Float], width: Int = 1) throws(MetricError) {
    precondition(width > 0)
    guard targets.count == predictions.count, targets.count.isMultiple(of: width) else {
      throw .counts(targets.count, predictions.count)
    }
    guard !targets.isEmpty else { throw .empty }
    for (place, pair) in zip(targets, predictions).enumerated()
    where !(pair.0.isFinite && pair.1.isFinite) {
      throw .notFinite(row: place / width)
    }
    var squared = 0.0
    var absolute = 0.0
    var determination = 0.0
    let rows = targets.count / width
    for column in 0..<width {
      let places = stride(from: column, to: targets.count, by: width)
      let mean = places.reduce(0) { $0 + Double(targets[$1]) } / Double(rows)
      var residual = 0.0
      var total = 0.0
      for place in places {
        let difference = Double(targets[place]) - Double(predictions[place])
        residual += difference * difference
        absolute += abs(difference)
        let spread = Double(targets[place]) - mean
        total += spread * spread
      }
      squared += residual
      determination += total > 0 ? 1 - residual / total : (residual == 0 ? 1 : 0)
    }
    meanSquared = squared / Double(targets.count)
    meanAbsolute = absolute / Double(targets.count)
    rSquared = determination / Double(width)
  }
}
