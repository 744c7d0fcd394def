/// Columns of text, each as wide as its widest cell.
enum TextTable {
  private static let gap = "  "

  /// A line for the names of the columns, if there are any, and one for each row.
  static func lines(_ head: [String], _ rows: [[String]]) -> [String] {
    let all = head.isEmpty ? rows : [head] + rows
    let columns = all.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      all.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return all.map { row in
      let cells = row.enumerated().map { column, cell in
        column == row.count - 1
          ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }
      let line = cells.joined(separator: gap)
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}
