/// How far long work is, as one line of text: bar, amount, rate and the time that is left.
public struct ProgressLine: Equatable, Sendable {
  /// What is counted.
  public enum Unit: Equatable, Sendable {
    /// In decimal units, as disks and networks are sold.
    case bytes
    /// Things of this name.
    case items(String)
  }

  /// Rates of the first moments say nothing.
  private static let rateSecondsMin = 0.5
  private static let barWidth = 20

  /// What is done.
  public let done: UInt64
  /// What there is to do.
  public let total: UInt64
  /// Since the work began.
  public let seconds: Double
  /// What both count.
  public let unit: Unit

  /// A state of the work; `done` above `total` counts as all of it.
  public init(done: UInt64, total: UInt64, seconds: Double, unit: Unit) {
    self.done = min(done, total)
    self.total = total
    self.seconds = seconds
    self.unit = unit
  }

  /// What was done each second on average; nil before that says anything.
  public var rate: Double? {
    seconds >= Self.rateSecondsMin && done > 0 ? Double(done) / seconds : nil
  }

  /// The line.
  public var text: String {
    let share = total == 0 ? 1 : Double(done) / Double(total)
    let filled = Int(share * Double(Self.barWidth))
    let bar =
      String(repeating: "#", count: filled)
      + String(repeating: ".", count: Self.barWidth - filled)
    var parts = ["[\(bar)]", "\(Int(share * 100)) %", amount]
    if let rate {
      parts.append("\(Self.amount(rate, unit))/s")
      if done < total { parts.append("\(Self.time(Double(total - done) / rate)) left") }
    }
    return parts.joined(separator: "  ")
  }

  private var amount: String {
    switch unit {
    case .bytes: "\(Self.bytes(Double(done))) of \(Self.bytes(Double(total)))"
    case .items(let name): "\(done) of \(total) \(name)"
    }
  }

  private static func amount(_ count: Double, _ unit: Unit) -> String {
    switch unit {
    case .bytes: bytes(count)
    case .items: count < 10 ? tenths(count) : "\(UInt64(count))"
    }
  }

  private static func bytes(_ count: Double) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    var (value, index) = (count, 0)
    while value >= 999.5, index < units.count - 1 {
      value /= 1_000
      index += 1
    }
    let isWhole = index == 0 || value >= 99.95
    return "\(isWhole ? "\(UInt64(value.rounded()))" : tenths(value)) \(units[index])"
  }

  private static func tenths(_ value: Double) -> String {
    let tenths = UInt64((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private static func time(_ seconds: Double) -> String {
    // Beyond some years nobody counts, and no number can be too large to show.
    let whole = UInt64(min(seconds.rounded(.up), 1e9))
    if whole < 60 { return "\(whole) s" }
    if whole < 3_600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3_600) h \(whole % 3_600 / 60) min"
  }
}
