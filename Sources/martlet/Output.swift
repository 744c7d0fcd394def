import Glibc
import Primitives

/// Results go to standard output, everything else to standard error.
enum Output {
  /// One line, or several, of a result.
  static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

  /// A result as JSON on one line, or as text.
  static func result(_ json: JSONValue, asJSON: Bool, text: () -> String) {
    line(asJSON ? json.text() : text())
  }

  /// A line for the person who watches.
  static func note(_ text: String) { write("martlet: \(text)\n", to: STDERR_FILENO) }

  /// The two lines of an error.
  static func error(_ failure: CommandFailure) {
    write(
      "martlet: error: \(failure.message)\nmartlet: hint: \(failure.hint)\n", to: STDERR_FILENO)
  }

  static func write(_ text: String, to descriptor: Int32) {
    write(Array(text.utf8), to: descriptor)
  }

  /// False where nobody reads any more.
  @discardableResult
  static func write(_ bytes: Bytes, to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}
