import Glibc

/// Lines at the end of a terminal that rewrite themselves.
struct LiveBlock {
  private var drawn: [String] = []

  /// Puts `lines` in the place of those before, each cut to the terminal's width: a line that wraps
  /// would make the block taller than its count of lines.
  mutating func show(_ lines: [String]) {
    let columns = Terminal.size.columns
    let fitting = lines.map { String($0.prefix(columns - 1)) }
    guard fitting != drawn else { return }
    let erasing = drawn.isEmpty ? "" : "\u{1b}[\(drawn.count)A\u{1b}[J"
    Output.write(erasing + fitting.map { $0 + "\n" }.joined(), to: STDERR_FILENO)
    drawn = fitting
  }

  /// Leaves the lines where they are; the next ones come below.
  mutating func leave() { drawn = [] }
}
