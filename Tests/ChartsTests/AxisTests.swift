import Testing

@testable import Charts

@Suite("Axes and their numbers")
struct AxisTests {
  @Test("a linear axis has round ticks that cover the values")
  func linear() {
    let axis = Axis(covering: [0.13, 2.31])
    #expect(axis.ticks.map(axis.label) == ["0", "1", "2", "3"])
    #expect(axis.lower <= 0.13 && axis.upper >= 2.31)
    #expect(axis.place(of: axis.lower) == 0 && axis.place(of: axis.upper) == 1)
  }

  @Test("a logarithmic axis gives equal ratios equal room")
  func logarithmic() throws {
    let axis = Axis(covering: [0.001, 1_000], scale: .logarithmic)
    let middle = try #require(axis.place(of: 1))
    #expect(abs(middle - 0.5) < 1e-6)
    #expect(axis.place(of: 0) == nil && axis.place(of: -1) == nil)
    #expect(axis.ticks.first == 0.001 && axis.ticks.last == 1_000)
  }

  @Test("a logarithmic axis without positive values is linear")
  func noPositive() {
    #expect(Axis(covering: [-1, 0], scale: .logarithmic).scale == .linear)
  }

  @Test(
    "odd values give an axis of finite width",
    arguments: [[], [0], [5, 5], [-.infinity, 3], [.nan], [1e-300, 2e-300], [1e300, -1e300]])
  func odd(values: [Double]) {
    for scale in [Axis.Scale.linear, .logarithmic] {
      let axis = Axis(covering: values, scale: scale)
      #expect(axis.lower.isFinite && axis.upper.isFinite && axis.upper >= axis.lower)
      for value in values where value.isFinite && (scale == .linear || value > 0) {
        let place = axis.place(of: value)
        #expect(place.map { $0 >= 0 && $0 <= 1 } ?? (axis.scale == .logarithmic))
      }
    }
  }

  @Test(
    "numbers are written with the digits asked for",
    arguments: [
      (0, 3, "0"), (1, 3, "1"), (0.123456, 3, "0.123"), (451, 2, "451"), (-2.5, 3, "-2.5"),
      (1.5e-7, 3, "1.5e-7"), (6.02e23, 3, "6.02e23"), (999.99, 3, "1000"), (0.1, 1, "0.1"),
    ] as [(Double, Int, String)])
  func text(value: Double, digits: Int, expected: String) {
    #expect(Decimals.text(value, digits: digits) == expected)
  }

  @Test("a fixed number of places is rounded, and zero has no sign")
  func fixed() {
    #expect(Decimals.fixed(0.97777, places: 4) == "0.9778")
    #expect(Decimals.fixed(-0.00001, places: 2) == "0.00")
    #expect(Decimals.fixed(12, places: 0) == "12")
    #expect(Decimals.grouped(1_234_567) == "1,234,567")
    #expect(Decimals.grouped(-999) == "-999")
  }

  @Test("neighbouring ticks never read alike", arguments: [0.25, 0.5, 2, 1_000, 0.001])
  func distinctLabels(step: Double) {
    let axis = Axis(covering: [0, step * 4])
    #expect(Set(axis.ticks.map(axis.label)).count == axis.ticks.count)
  }
}
