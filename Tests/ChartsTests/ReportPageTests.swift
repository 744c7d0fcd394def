import Testing

@testable import Charts

@Suite("Report pages")
struct ReportPageTests {
  private static let hostile = "<script>alert(\"1\")</script>&'\u{0}"

  private var page: String {
    let text = Self.hostile
    let curve = LineChart.Series(name: text, points: [Point(x: 0, y: 1), Point(x: 1, y: 0.5)])
    return ReportPage(
      title: text, subtitle: text, figures: [.init(text, text)],
      blocks: [
        .chart(LineChart(title: text, xName: text, series: [curve, curve])),
        .matrix(CountMatrix(title: text, names: [text, text], counts: [5, 1, 0, 4])),
        .facts(title: text, [.init(text, text)]),
        .table(title: text, header: [text], rows: [[text]], numbersFrom: 0),
        .bars(title: text, [.init(text, count: 3)]), .code(title: text, text),
      ]
    ).html
  }

  @Test("foreign text never becomes markup")
  func escaping() {
    #expect(!page.contains("<script"))
    #expect(!page.contains("\u{0}"))
    #expect(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;"))
  }

  @Test("a page loads nothing and runs nothing")
  func selfContained() {
    for banned in ["http://", "https://", "src=", "href=", "url(", "@import", "onload"] {
      #expect(!page.contains(banned), "\(banned)")
    }
    #expect(page.contains("default-src 'none'"))
  }

  @Test("a page suits dark screens and telephones")
  func media() {
    #expect(page.contains("prefers-color-scheme: dark"))
    #expect(page.contains("width=device-width"))
  }

  @Test("a long curve stays a short file")
  func size() {
    let points = (0..<200_000).map { Point(x: Double($0), y: Double($0 % 1_000)) }
    let chart = LineChart(title: "loss", xName: "step", series: [.init(name: "a", points: points)])
    #expect(chart.html.utf8.count < 64_000)
  }

  @Test("numbers that are not finite leave gaps")
  func gaps() {
    let points = [
      Point(x: 0, y: 1), Point(x: 1, y: .nan), Point(x: 2, y: 1), Point(x: 3, y: .infinity),
    ]
    let html = LineChart(title: "", xName: "", series: [.init(name: "", points: points)]).html
    #expect(!html.contains("NaN") && !html.contains("inf\""))
  }

  @Test("many classes are listed by their largest confusions")
  func manyClasses() {
    let names = (0..<40).map { "class \($0)" }
    var counts = [Int](repeating: 0, count: 1_600)
    counts[3 * 40 + 7] = 12
    let html = CountMatrix(title: "confusion", names: names, counts: counts).html
    #expect(html.contains("class 3") && html.contains("class 7") && html.contains(">12<"))
  }
}
