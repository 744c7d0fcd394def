import Glibc

/// The whole terminal, as long as one command draws on it; afterwards it is as it was.
///
/// Keys arrive at once and are not shown; text goes to the alternate screen (xterm control
/// sequences, "The Alternate Screen Buffer").
final class Screen: Sendable {
  private static let enter = "\u{1b}[?1049h\u{1b}[?25l"
  private static let leave = "\u{1b}[?25h\u{1b}[?1049l"
  private let saved: termios

  /// Takes the terminal over; nil where input or output is none.
  init?() {
    guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return nil }
    var mode = termios()
    guard tcgetattr(STDIN_FILENO, &mode) == 0 else { return nil }
    saved = mode
    mode.c_lflag &= ~tcflag_t(ICANON | ECHO)
    guard tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0 else { return nil }
    Output.write(Self.enter, to: STDERR_FILENO)
  }

  deinit {
    Output.write(Self.leave, to: STDERR_FILENO)
    var mode = saved
    tcsetattr(STDIN_FILENO, TCSANOW, &mode)
  }

  /// Draws lines from the top, in one write so that nothing flickers.
  func show(_ lines: [String]) {
    // Each line is cleared to its end, and what was below all of them.
    let text = lines.map { "\($0)\u{1b}[K" }.joined(separator: "\r\n")
    Output.write("\u{1b}[H\(text)\u{1b}[J", to: STDERR_FILENO)
  }

  /// The next key within so many milliseconds; nil when there was none.
  func key(within milliseconds: Int32) -> Character? {
    var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, milliseconds) > 0 else { return nil }
    var byte: UInt8 = 0
    guard read(STDIN_FILENO, &byte, 1) == 1 else { return nil }
    return Character(UnicodeScalar(byte))
  }
}
