internal import Primitives

/// One place of a curve.
public struct Point: Hashable, Sendable {
  /// Along the lower edge.
  public let x: Double
  /// Upwards.
  public let y: Double

  /// Pairs the coordinates; a point that is not finite is never drawn.
  public init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }

  var isFinite: Bool { x.isFinite && y.isFinite }
}

/// How numbers become places along one edge of a chart.
public struct Axis: Hashable, Sendable {
  /// Equal differences, or equal ratios, take equal room.
  public enum Scale: Hashable, Sendable { case linear, logarithmic }

  /// The scale in use: a logarithmic one needs a positive number, else it is linear.
  public let scale: Scale
  /// The number at place 0.
  public let lower: Double
  /// The number at place 1.
  public let upper: Double
  /// Round numbers from `lower` to `upper`, ascending.
  public let ticks: [Double]

  /// A logarithmic axis shows at most this part of the largest number, so that one zero-like
  /// outlier does not flatten the rest.
  private static let smallestRatio = 1e-12

  /// An axis that holds all finite `values`, with about `tickCount` round numbers.
  ///
  /// - Parameter snaps: moves both ends outwards to ticks; otherwise they are the extreme values.
  public init(
    covering values: some Sequence<Double>, scale wanted: Scale = .linear, tickCount: Int = 5,
    snaps: Bool = true
  ) {
    let finite = values.filter(\.isFinite)
    let positive = finite.filter { $0 > 0 }
    var (low, high): (Double, Double)
    let marks: [Double]
    if wanted == .logarithmic, let least = positive.min(), let most = positive.max() {
      scale = .logarithmic
      (low, high) = (max(least, most * Self.smallestRatio), most)
      marks = Decimals.logarithmicTicks(from: low, to: high, count: tickCount)
    } else {
      scale = .linear
      (low, high) = Self.widened(finite.min() ?? 0, finite.max() ?? 1)
      marks = Decimals.linearTicks(from: low, to: high, count: tickCount)
    }
    if snaps {
      low = min(low, marks.first ?? low)
      high = max(high, marks.last ?? high)
    }
    let (first, last) = (low, high)
    lower = first
    upper = last
    ticks = marks.filter { $0 >= first && $0 <= last }
  }

  /// One number alone gets room on both sides.
  private static func widened(_ low: Double, _ high: Double) -> (Double, Double) {
    guard low == high else { return (low, high) }
    let room = low == 0 ? 1 : abs(low) / 2
    return (low - room, high + room)
  }

  /// Where a number stands, 0 at `lower` and 1 at `upper`; nil if the axis cannot show it.
  public func place(of value: Double) -> Double? {
    guard value.isFinite else { return nil }
    switch scale {
    case .linear:
      guard upper > lower else { return 0.5 }
      return (value - lower) / (upper - lower)
    case .logarithmic:
      guard value > 0 else { return nil }
      guard upper > lower else { return 0.5 }
      let low = Elementary.binaryLogarithm(lower)
      return (Elementary.binaryLogarithm(value) - low) / (Elementary.binaryLogarithm(upper) - low)
    }
  }

  /// A tick as text, with as many digits as its neighbours need.
  public func label(_ tick: Double) -> String {
    guard scale == .linear, ticks.count > 1 else { return Decimals.text(tick, digits: 3) }
    return Decimals.text(tick, resolving: ticks[1] - ticks[0])
  }
}
