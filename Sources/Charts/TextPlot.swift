/// A curve drawn with characters.
public struct TextPlot: Sendable {
  /// What a terminal can show.
  public enum Characters: Hashable, Sendable {
    /// Braille patterns of 2×4 dots, U+2800 to U+28FF (Unicode 15, chapter 21.1).
    case braille
    /// `.`, `'` and `:`, two dots a cell, for a locale without UTF-8.
    case ascii
  }

  /// Shown above the upper left corner.
  public let title: String
  /// Shown behind the numbers of the lower edge.
  public let xName: String
  /// Columns of the curve itself; labels stand to its left.
  public let columns: Int
  /// Lines of the curve itself; the title and the lower edge are three more.
  public let rows: Int
  /// The scale of the left edge.
  public let scale: Axis.Scale
  /// The character set.
  public let characters: Characters

  /// The largest drawing: more than any screen shows.
  private static let cellsMax = 1_000

  /// Describes a plot; sizes below 2 cells are raised to 2.
  public init(
    title: String, xName: String, columns: Int, rows: Int, scale: Axis.Scale = .linear,
    characters: Characters = .braille
  ) {
    self.title = title
    self.xName = xName
    self.columns = min(max(2, columns), Self.cellsMax)
    self.rows = min(max(2, rows), Self.cellsMax)
    self.scale = scale
    self.characters = characters
  }

  /// The lines of the drawing, all but the first and last of them equally wide.
  ///
  /// `points` ascend in x. Points that are not finite, and on a logarithmic scale those that are
  /// not positive, leave a gap.
  public func lines(_ points: [Point]) -> [String] {
    // A terminal has few rows: none goes to round numbers beyond the curve.
    let vertical = Axis(
      covering: points.map(\.y), scale: scale, tickCount: max(3, rows / 2), snaps: false)
    let horizontal = Axis(covering: points.map(\.x), snaps: false)
    var canvas = DotCanvas(columns: columns, rows: rows, characters: characters)
    draw(points, on: &canvas, horizontal, vertical)
    return framed(canvas.lines, horizontal, vertical, hasPoints: !points.isEmpty)
  }

  private func draw(
    _ points: [Point], on canvas: inout DotCanvas, _ horizontal: Axis, _ vertical: Axis
  ) {
    var previous: (x: Int, y: Int)?
    for point in Thinning.thinned(points, columns: canvas.width) {
      guard let across = horizontal.place(of: point.x), let up = vertical.place(of: point.y) else {
        previous = nil
        continue
      }
      let x = Int((across * Double(canvas.width - 1)).rounded())
      let y = Int(((1 - up) * Double(canvas.height - 1)).rounded())
      canvas.line(from: previous ?? (x, y), to: (x, y))
      previous = (x, y)
    }
  }

  private func framed(
    _ drawing: [String], _ horizontal: Axis, _ vertical: Axis, hasPoints: Bool
  ) -> [String] {
    var labels = [Int: String]()
    for tick in vertical.ticks {
      guard hasPoints, let place = vertical.place(of: tick) else { continue }
      // Of two ticks in one row the larger stays.
      let row = Int(((1 - place) * Double(rows - 1)).rounded())
      labels[row] = vertical.label(tick)
    }
    let width = labels.values.map(\.count).max() ?? 0
    let isPlain = characters == .ascii
    let (edge, mark, corner, rule) = isPlain ? ("|", "+", "+", "-") : ("│", "┤", "└", "─")
    var lines = title.isEmpty ? [] : [title]
    for (row, text) in drawing.enumerated() {
      let label = labels[row] ?? ""
      lines.append(padded(label, to: width) + " " + (label.isEmpty ? edge : mark) + text)
    }
    let indent = String(repeating: " ", count: width + 1)
    lines.append(indent + corner + String(repeating: rule, count: columns))
    guard hasPoints else { return lines }
    let first = Decimals.text(horizontal.lower, digits: 6)
    let last = "\(xName) \(Decimals.text(horizontal.upper, digits: 6))"
    let gap = String(repeating: " ", count: max(1, columns - first.count - last.count))
    lines.append("\(indent) \(first)\(gap)\(last)")
    return lines
  }

  private func padded(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

/// A grid of dots that is printed several dots a character.
private struct DotCanvas {
  private let columns: Int
  private let rows: Int
  private let characters: TextPlot.Characters
  private var cells: [UInt8]

  init(columns: Int, rows: Int, characters: TextPlot.Characters) {
    self.columns = columns
    self.rows = rows
    self.characters = characters
    cells = [UInt8](repeating: 0, count: columns * rows)
  }

  /// Dots of one character.
  private var dots: (across: Int, down: Int) { characters == .braille ? (2, 4) : (1, 2) }
  var width: Int { columns * dots.across }
  var height: Int { rows * dots.down }

  /// The bit of each dot of a braille pattern, row by row, left then right.
  private static let brailleBits: [UInt8] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]
  private static let brailleBlank: UInt32 = 0x2800
  /// No dot, the upper one, the lower one, both.
  private static let plain: [Character] = [" ", "'", ".", ":"]

  private mutating func set(_ x: Int, _ y: Int) {
    guard (0..<width).contains(x), (0..<height).contains(y) else { return }
    let place = y % dots.down * dots.across + x % dots.across
    let bit = characters == .braille ? Self.brailleBits[place] : 1 << UInt8(place)
    cells[y / dots.down * columns + x / dots.across] |= bit
  }

  /// Bresenham's line; both ends are set.
  mutating func line(from start: (x: Int, y: Int), to end: (x: Int, y: Int)) {
    var (x, y) = start
    let (dx, dy) = (abs(end.x - x), -abs(end.y - y))
    let (stepX, stepY) = (x < end.x ? 1 : -1, y < end.y ? 1 : -1)
    var error = dx + dy
    while true {
      set(x, y)
      if x == end.x && y == end.y { return }
      let doubled = 2 * error
      if doubled >= dy {
        error += dy
        x += stepX
      }
      if doubled <= dx {
        error += dx
        y += stepY
      }
    }
  }

  var lines: [String] {
    (0..<rows).map { row in
      String(
        cells[row * columns..<(row + 1) * columns].map { bits in
          switch characters {
          case .ascii: Self.plain[Int(bits)]
          case .braille:
            Character(Unicode.Scalar(Self.brailleBlank + UInt32(bits)) ?? " ")
          }
        })
    }
  }
}
