import Primitives

/// Spans of time as Go writes and reads them: `1h2m3.5s`, `250ms`.
enum GoDuration {
  private static let units: [(name: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1_000), ("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
    ("m", 60_000_000_000), ("h", 3_600_000_000_000),
  ]
  /// A hundred years: longer than any record is valid.
  private static let nanosecondsMax: Double = 3.2e18
  private static let charactersMax = 64

  static func nanoseconds(_ time: Duration) -> Int64 {
    let (seconds, attoseconds) = time.components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : whole.addingReportingOverflow(attoseconds / 1_000_000_000).partialValue
  }

  /// With two digits behind the point.
  static func milliseconds(_ time: Duration) -> String {
    let hundredths = nanoseconds(time) / 10_000
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }

  /// In the largest unit below a minute that leaves a whole number in front.
  static func text(_ time: Duration) -> String {
    let count = nanoseconds(time)
    if count == 0 { return "0s" }
    for (name, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)]
      as [(String, Int64)]
    where count >= size {
      return decimal(count, size) + name
    }
    return "\(count)ns"
  }

  private static func decimal(_ count: Int64, _ size: Int64) -> String {
    guard count % size != 0 else { return "\(count / size)" }
    var digits = String(count % size)
    digits = String(repeating: "0", count: String(size).count - 1 - digits.count) + digits
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(count / size).\(digits)"
  }

  /// Reads a span that is not negative; nil where the text is none.
  static func parse(_ text: String) -> Duration? {
    guard !text.isEmpty, text.utf8.count <= charactersMax else { return nil }
    if text == "0" { return .zero }
    var rest = text[...]
    var total = 0.0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
      guard let number = Double(digits) else { return nil }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
      guard let unit = units.first(where: { $0.name == name }) else { return nil }
      rest = rest.dropFirst(name.count)
      total += number * unit.nanoseconds
    }
    guard total <= nanosecondsMax else { return nil }
    return .nanoseconds(Int64(total))
  }
}
