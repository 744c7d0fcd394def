/// How often each class was taken for each other one, as an HTML table with shaded cells.
public struct CountMatrix: Sendable {
  /// The heading.
  public let title: String
  /// One name a class.
  public let names: [String]
  /// Row by row: [true class, predicted class].
  public let counts: [Int]

  /// Wider tables cannot be read; they show their largest confusions instead.
  public static let classesMax = 26
  private static let confusionsShown = 20

  /// Collects the parts; there is one count for each pair of names.
  public init(title: String, names: [String], counts: [Int]) {
    precondition(counts.count == names.count * names.count)
    self.title = title
    self.names = names
    self.counts = counts
  }

  /// The section.
  public var html: String {
    let body = names.count <= Self.classesMax ? table : list
    return """
      <section class="card wide">
      <h3>\(Markup.escaped(title))</h3>
      \(body)
      </section>
      """
  }

  private func count(_ row: Int, _ column: Int) -> Int { counts[row * names.count + column] }

  private var table: String {
    let heads = names.map { "<th scope=\"col\">\(Markup.escaped($0))</th>" }.joined()
    let rows = names.indices.map { row in
      let total = max(1, names.indices.reduce(0) { $0 + count(row, $1) })
      let cells = names.indices.map { column -> String in
        let number = count(row, column)
        guard number > 0 else { return "<td class=\"none\">·</td>" }
        let share = Decimals.fixed(Double(number) * 100 / Double(total), places: 1)
        let kind = row == column ? "hit" : "miss"
        return "<td class=\"\(kind)\" style=\"--share:\(share)%\" title=\"\(share) %\">"
          + "\(number)</td>"
      }
      return "<tr><th scope=\"row\">\(Markup.escaped(names[row]))</th>\(cells.joined())</tr>"
    }
    return """
      <p class="muted">Rows are the true classes, columns what the model said; shade is the share \
      of the row.</p>
      <div class="scroll"><table class="matrix"><thead><tr><td></td>\(heads)</tr></thead>
      <tbody>\(rows.joined(separator: "\n"))</tbody></table></div>
      """
  }

  private var list: String {
    let pairs = names.indices.flatMap { row in
      names.indices.filter { $0 != row && count(row, $0) > 0 }.map { (row, $0) }
    }
    .sorted { (count($0.0, $0.1), $1.0, $1.1) > (count($1.0, $1.1), $0.0, $0.1) }
    .prefix(Self.confusionsShown)
    let rows = pairs.map { row, column in
      [names[row], names[column], Decimals.grouped(count(row, column))]
    }
    return ReportTable.html(
      header: ["true class", "taken for", "times"], rows: rows, numbersFrom: 2)
  }
}
