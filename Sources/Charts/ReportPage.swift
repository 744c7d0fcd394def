/// One HTML file with everything in it: no script, nothing loaded from elsewhere.
public struct ReportPage: Sendable {
  /// A part of the page, in reading order.
  public enum Block: Sendable {
    case chart(LineChart)
    case matrix(CountMatrix)
    /// Names and values, such as a configuration.
    case facts(title: String, [Fact])
    /// Rows under a header; columns from `numbersFrom` on are aligned as numbers.
    case table(title: String, header: [String], rows: [[String]], numbersFrom: Int)
    /// Shares of a whole, such as examples of each class.
    case bars(title: String, [Bar])
    /// Text as it is typed.
    case code(title: String, String)
  }

  /// A name and its value.
  public struct Fact: Sendable {
    /// What it is.
    public let name: String
    /// Its value.
    public let value: String

    /// Pairs both.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// One line of a bar chart.
  public struct Bar: Sendable {
    /// What is counted.
    public let name: String
    /// How many.
    public let count: Int

    /// Pairs both.
    public init(_ name: String, count: Int) {
      self.name = name
      self.count = count
    }
  }

  /// What the page is about.
  public let title: String
  /// One line below the title.
  public let subtitle: String
  /// Large numbers at the top.
  public let figures: [Fact]
  /// Everything below.
  public let blocks: [Block]

  /// Bars of one chart; more classes are summed up in the last.
  private static let barsMax = 40

  /// Collects the parts.
  public init(title: String, subtitle: String, figures: [Fact], blocks: [Block]) {
    self.title = title
    self.subtitle = subtitle
    self.figures = figures
    self.blocks = blocks
  }

  /// The file's text.
  public var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" \
    content="default-src 'none'; style-src 'unsafe-inline'">
    <meta name="color-scheme" content="light dark">
    <title>\(Markup.escaped(title))</title>
    <style>
    \(ReportStyle.sheet)
    </style>
    </head>
    <body>
    <main>
    <header>
    <h1>\(Markup.escaped(title))</h1>
    <p class="muted">\(Markup.escaped(subtitle))</p>
    <dl class="figures">\(figures.map(Self.figure).joined())</dl>
    </header>
    <div class="blocks">
    \(blocks.map(Self.html).joined(separator: "\n"))
    </div>
    </main>
    </body>
    </html>

    """
  }

  private static func figure(_ fact: Fact) -> String {
    "<div><dt>\(Markup.escaped(fact.name))</dt><dd>\(Markup.escaped(fact.value))</dd></div>"
  }

  private static func html(_ block: Block) -> String {
    switch block {
    case .chart(let chart): return chart.html
    case .matrix(let matrix): return matrix.html
    case .facts(let title, let facts):
      return card(title, "<dl class=\"facts\">\(facts.map(figure).joined(separator: "\n"))</dl>")
    case .table(let title, let header, let rows, let numbersFrom):
      return card(
        title, ReportTable.html(header: header, rows: rows, numbersFrom: numbersFrom))
    case .bars(let title, let bars): return card(title, html(bars))
    case .code(let title, let text):
      return card(title, "<pre><code>\(Markup.escaped(text))</code></pre>", isWide: true)
    }
  }

  private static func card(_ title: String, _ content: String, isWide: Bool = false) -> String {
    """
    <section class="card\(isWide ? " wide" : "")">
    <h3>\(Markup.escaped(title))</h3>
    \(content)
    </section>
    """
  }

  private static func html(_ bars: [Bar]) -> String {
    var shown = Array(bars.prefix(barsMax))
    let rest = bars.dropFirst(barsMax)
    if !rest.isEmpty {
      shown.append(Bar("\(rest.count) more", count: rest.reduce(0) { $0 + $1.count }))
    }
    let most = Double(max(1, shown.map(\.count).max() ?? 1))
    let lines = shown.map { bar in
      let share = Decimals.fixed(Double(bar.count) * 100 / most, places: 1)
      return "<div><dt>\(Markup.escaped(bar.name))</dt><dd style=\"--share:\(share)%\">"
        + "<span>\(Decimals.grouped(bar.count))</span></dd></div>"
    }
    return "<dl class=\"bars\">\(lines.joined(separator: "\n"))</dl>"
  }
}

/// A plain table that scrolls by itself where it is too wide.
enum ReportTable {
  static func html(header: [String], rows: [[String]], numbersFrom: Int) -> String {
    func cells(_ texts: [String], _ tag: String) -> String {
      texts.enumerated().map { column, text in
        let kind = column >= numbersFrom ? " class=\"number\"" : ""
        return "<\(tag)\(kind)>\(Markup.escaped(text))</\(tag)>"
      }.joined()
    }
    let body = rows.map { "<tr>\(cells($0, "td"))</tr>" }.joined(separator: "\n")
    return """
      <div class="scroll"><table class="plain"><thead><tr>\(cells(header, "th"))</tr></thead>
      <tbody>\(body)</tbody></table></div>
      """
  }
}
