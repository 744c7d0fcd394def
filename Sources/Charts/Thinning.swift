/// Makes long curves short without losing their peaks.
public enum Thinning {
  /// At most four points a column: the first, lowest, highest and last of those that fall into it.
  /// Drawn as a line this covers the same columns of dots as all points do (Jugel et al. 2014, M4).
  ///
  /// `points` ascend in x; those that are not finite are left out.
  public static func thinned(_ points: [Point], columns: Int) -> [Point] {
    let finite = points.filter(\.isFinite)
    guard columns > 0, finite.count > 4 * columns, let first = finite.first,
      let last = finite.last, last.x > first.x
    else { return finite }
    let width = (last.x - first.x) / Double(columns)
    var kept: [Point] = []
    var start = 0
    while start < finite.count {
      let column = ((finite[start].x - first.x) / width).rounded(.down)
      var end = start + 1
      var (lowest, highest) = (start, start)
      while end < finite.count, ((finite[end].x - first.x) / width).rounded(.down) <= column {
        if finite[end].y < finite[lowest].y { lowest = end }
        if finite[end].y > finite[highest].y { highest = end }
        end += 1
      }
      for index in Set([start, lowest, highest, end - 1]).sorted() { kept.append(finite[index]) }
      start = end
    }
    return kept
  }

  /// The running mean m ← m + (y − m) · (1 − keep), started without bias: the curve behind noise.
  public static func smoothed(_ points: [Point], keep: Double) -> [Point] {
    var mean = 0.0
    var weight = 0.0
    return points.filter(\.isFinite).map { point in
      mean = mean * keep + point.y * (1 - keep)
      weight = weight * keep + (1 - keep)
      return Point(x: point.x, y: mean / weight)
    }
  }
}
