internal import CShim
internal import Glibc

/// The default place of log lines.
public enum StandardError {
  /// Writes the record's text and a line break in one system call, so lines never mix.
  public static let write: Log.Sink = { record in
    let line = Array((record.text + "\n").utf8)
    line.withUnsafeBytes { bytes in
      // A full or closed standard error is no reason to stop: the line is lost.
      _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
    }
  }

  static func wallSeconds() -> Double { shim_wall_time() }
}
