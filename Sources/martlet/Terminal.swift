import Glibc

/// What the screen that a person watches can show.
enum Terminal {
  /// The size of a terminal that does not tell.
  private static let usualSize = (columns: 80, rows: 24)

  /// Columns and rows of the terminal behind standard error.
  static var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1, size.ws_row > 1
    else { return usualSize }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Whether text may hold characters beyond ASCII: what the locale's variables say, in the order
  /// of setlocale(3).
  static var isUnicode: Bool {
    let values = ["LC_ALL", "LC_CTYPE", "LANG"].map { (variable: String) -> String in
      getenv(variable).map { String(cString: $0) } ?? ""
    }
    let plain = (values.first { !$0.isEmpty } ?? "").lowercased().filter { $0 != "-" }
    return plain.contains("utf8")
  }
}
