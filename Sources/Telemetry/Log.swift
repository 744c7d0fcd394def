/// How much a log line matters.
public enum LogLevel: Int, Comparable, Sendable, CaseIterable {
  case debug, info, warning, error

  /// Orders by importance.
  public static func < (left: LogLevel, right: LogLevel) -> Bool {
    left.rawValue < right.rawValue
  }

  /// The lower-case name, as in settings and output.
  public var name: String {
    switch self {
    case .debug: "debug"
    case .info: "info"
    case .warning: "warning"
    case .error: "error"
    }
  }
}

/// One event worth a line: a fixed message and the values that vary.
public struct LogRecord: Sendable {
  /// Seconds since 1970.
  public let time: Double
  /// How much it matters.
  public let level: LogLevel
  /// Which part of the program speaks.
  public let source: String
  /// What happened, without values.
  public let message: String
  /// The values, in order.
  public let values: [(key: String, value: String)]

  /// `time=… level=… source=… message="…" key=value …`, without a line break.
  public var text: String {
    var line = "time=\(Self.timestamp(time)) level=\(level.name) source=\(Self.quoted(source))"
    line += " message=\(Self.quoted(message))"
    for (key, value) in values { line += " \(key)=\(Self.quoted(value))" }
    return line
  }

  private static func timestamp(_ time: Double) -> String {
    let milliseconds = Int64(max(0, time) * 1_000)
    let fraction = String(milliseconds % 1_000)
    return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - fraction.count)
      + fraction
  }

  /// Bare where that is unambiguous, else in quotes with `"`, `\` and control characters escaped,
  /// so that a value from outside cannot forge a second line or key.
  private static func quoted(_ text: String) -> String {
    let isBare =
      !text.isEmpty
      && text.unicodeScalars.allSatisfy {
        $0.value > 0x20 && $0 != "\"" && $0 != "=" && $0 != "\\" && $0.value != 0x7F
      }
    if isBare { return text }
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default:
        if scalar.value < 0x20 || scalar.value == 0x7F {
          result += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}

/// Writes structured lines for one part of the program. Shells log; pure layers return effects.
public struct Log: Sendable {
  /// Takes each record at or above the level.
  public typealias Sink = @Sendable (LogRecord) -> Void

  private let source: String
  private let level: LogLevel
  private let sink: Sink

  /// A log that hands records from `level` on to `sink`, by default standard error.
  public init(
    source: String, level: LogLevel = .info, sink: @escaping Sink = StandardError.write
  ) {
    self.source = source
    self.level = level
    self.sink = sink
  }

  /// The same sink and level for another part of the program.
  public func named(_ source: String) -> Log {
    Log(source: source, level: level, sink: sink)
  }

  /// Writes one record; the values are not computed when the level is too low.
  public func callAsFunction(
    _ level: LogLevel, _ message: String,
    _ values: @autoclosure () -> KeyValuePairs<String, any CustomStringConvertible> = [:]
  ) {
    guard level >= self.level else { return }
    let pairs = values().map { (key: $0.key, value: $0.value.description) }
    sink(
      LogRecord(
        time: StandardError.wallSeconds(), level: level, source: source, message: message,
        values: pairs))
  }
}
