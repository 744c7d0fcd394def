import Testing

@testable import Charts

@Suite("Plots of characters")
struct TextPlotTests {
  private func plot(_ points: [Point], rows: Int = 4, _ characters: TextPlot.Characters)
    -> [String]
  {
    TextPlot(title: "loss", xName: "step", columns: 8, rows: rows, characters: characters)
      .lines(points)
  }

  private func falling(_ count: Int) -> [Point] {
    (0..<count).map { Point(x: Double($0), y: Double(count - 1 - $0)) }
  }

  @Test("a falling line runs from the upper left to the lower right in braille")
  func braille() {
    #expect(
      plot(falling(17), .braille) == [
        "loss",
        "   │⠑⢄⠀⠀⠀⠀⠀⠀",
        "10 ┤⠀⠀⠑⢄⠀⠀⠀⠀",
        "   │⠀⠀⠀⠀⠑⢄⠀⠀",
        " 0 ┤⠀⠀⠀⠀⠀⠀⠑⢄",
        "   └────────",
        "    0 step 16",
      ])
  }

  @Test("a locale without UTF-8 gets plain characters only")
  func ascii() {
    let lines = plot(falling(17), .ascii)
    #expect(lines.allSatisfy { $0.utf8.allSatisfy { (0x20...0x7e).contains($0) } })
    #expect(lines.count == 7)
  }

  @Test("every line of the drawing is equally wide", arguments: [1, 2, 3, 100, 10_000])
  func widths(count: Int) {
    for characters in [TextPlot.Characters.braille, .ascii] {
      let lines = plot(falling(count), rows: 6, characters)
      #expect(Set(lines.dropFirst().dropLast().map(\.count)).count == 1)
      #expect(lines.last?.contains("step") == true)
    }
  }

  @Test("points that cannot be drawn leave a gap and no trap")
  func gaps() {
    let points = [
      Point(x: 0, y: .nan), Point(x: 1, y: 1), Point(x: 2, y: .infinity), Point(x: 3, y: -1),
    ]
    for scale in [Axis.Scale.linear, .logarithmic] {
      let lines = TextPlot(title: "", xName: "x", columns: 5, rows: 3, scale: scale).lines(points)
      #expect(lines.count == 5)
    }
    #expect(plot([], .braille).count == 6)
  }

  @Test("thinning keeps the first, last, lowest and highest point of each column")
  func thinning() {
    let points = (0..<1_000).map { Point(x: Double($0), y: $0 == 500 ? 100 : Double($0 % 7)) }
    let thin = Thinning.thinned(points, columns: 10)
    #expect(thin.count <= 44 && thin.first == points.first && thin.last == points.last)
    #expect(thin.contains(points[500]))
    #expect(thin.map(\.x) == thin.map(\.x).sorted())
  }

  @Test("a smoothed constant is that constant from its first point on")
  func smoothing() {
    let points = (0..<50).map { Point(x: Double($0), y: 3) }
    #expect(Thinning.smoothed(points, keep: 0.9).allSatisfy { abs($0.y - 3) < 1e-12 })
  }
}
