/// Curves over one axis as an HTML figure with an inline SVG.
///
/// The SVG holds lines only and stretches to any width; numbers are HTML beside it, so that they
/// keep their size on a telephone.
public struct LineChart: Sendable {
  /// One curve.
  public struct Series: Sendable {
    /// How prominent a curve is.
    public enum Style: String, Sendable {
      /// The curve that the chart is about.
      case main
      /// A second one in another colour.
      case second
      /// Noise behind a smoothed curve.
      case faint
    }

    /// The name in the legend.
    public let name: String
    /// Ascending in x.
    public let points: [Point]
    /// Colour and weight.
    public let style: Style

    /// Collects the parts.
    public init(name: String, points: [Point], style: Style = .main) {
      self.name = name
      self.points = points
      self.style = style
    }
  }

  /// The heading.
  public let title: String
  /// What the lower edge counts.
  public let xName: String
  /// Drawn in this order, the last on top.
  public let series: [Series]
  /// The scale of the left edge.
  public let scale: Axis.Scale

  /// Columns that the widest chart of a page resolves.
  private static let columnsMax = 400
  /// Curves with at most so many points get a dot with a note for each.
  private static let dotsMax = 120
  /// The side of the SVG's own square of coordinates.
  private static let side = 1_000.0

  /// Collects the parts.
  public init(
    title: String, xName: String, series: [Series], scale: Axis.Scale = .linear
  ) {
    self.title = title
    self.xName = xName
    self.series = series
    self.scale = scale
  }

  /// The figure.
  public var html: String {
    let points = series.flatMap(\.points)
    let vertical = Axis(covering: points.map(\.y), scale: scale)
    let horizontal = Axis(covering: points.map(\.x), tickCount: 5, snaps: false)
    let labels = vertical.ticks.map(vertical.label)
    let gutter = (labels.map(\.count).max() ?? 1) + 1
    return """
      <figure class="chart">
      <figcaption><h3>\(Markup.escaped(title))</h3>\(legend)</figcaption>
      <div class="plot" style="--gutter:\(gutter)ch" role="img" \
      aria-label="\(Markup.escaped(spoken))">
      <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
      \(grid(vertical))
      \(series.map { curve($0, horizontal, vertical) }.joined(separator: "\n"))
      </svg>
      \(marks(horizontal, vertical))
      </div>
      </figure>
      """
  }

  private var legend: String {
    guard series.count > 1 else { return "" }
    let keys = series.map {
      "<span><i class=\"key \($0.style.rawValue)\"></i>\(Markup.escaped($0.name))</span>"
    }
    return "<p class=\"legend\">\(keys.joined())</p>"
  }

  /// The chart in words, for those who cannot see it.
  private var spoken: String {
    let parts = series.compactMap { series -> String? in
      let points = series.points.filter(\.isFinite)
      guard let first = points.first, let last = points.last else { return nil }
      return "\(series.name) from \(Decimals.text(first.y, digits: 4)) at \(xName) "
        + "\(Decimals.text(first.x, digits: 6)) to \(Decimals.text(last.y, digits: 4)) at "
        + Decimals.text(last.x, digits: 6)
    }
    return ([title] + parts).joined(separator: "; ")
  }

  private func grid(_ vertical: Axis) -> String {
    let rules = vertical.ticks.compactMap(vertical.place).map {
      "M0 \(Markup.coordinate((1 - $0) * Self.side))H1000"
    }
    return "<path class=\"grid\" d=\"\(rules.joined())\"/>"
  }

  private func curve(_ series: Series, _ horizontal: Axis, _ vertical: Axis) -> String {
    var path = ""
    var dots = ""
    let isDotted = series.points.count <= Self.dotsMax && series.style != .faint
    var isPenDown = false
    for point in Thinning.thinned(series.points, columns: Self.columnsMax) {
      guard let across = horizontal.place(of: point.x), let up = vertical.place(of: point.y) else {
        isPenDown = false
        continue
      }
      let place =
        "\(Markup.coordinate(across * Self.side)) \(Markup.coordinate((1 - up) * Self.side))"
      path += (isPenDown ? "L" : "M") + place
      isPenDown = true
      guard isDotted else { continue }
      let note =
        "\(xName) \(Decimals.text(point.x, digits: 6)): "
        + Decimals.text(point.y, digits: 5)
      dots +=
        "<path class=\"dot \(series.style.rawValue)\" d=\"M\(place)h0\">"
        + "<title>\(Markup.escaped(note))</title></path>"
    }
    return "<path class=\"\(series.style.rawValue)\" d=\"\(path)\"/>" + dots
  }

  /// Numbers at both edges; places are percentages of the drawing.
  private func marks(_ horizontal: Axis, _ vertical: Axis) -> String {
    let left = vertical.ticks.compactMap { tick in
      vertical.place(of: tick).map { place in
        "<span class=\"y\" style=\"top:\(Markup.coordinate((1 - place) * 100))%\">"
          + "\(vertical.label(tick))</span>"
      }
    }
    let below = horizontal.ticks.compactMap { tick in
      horizontal.place(of: tick).map { place in
        "<span class=\"x\" style=\"left:\(Markup.coordinate(place * 100))%\">"
          + "\(horizontal.label(tick))</span>"
      }
    }
    return """
      <div class="left">\(left.joined())</div>
      <div class="below">\(below.joined())</div>
      <p class="name">\(Markup.escaped(xName))</p>
      """
  }
}
