/// How far long work is, as one line of text: bar, amount, rate and the time that is left.
public struct ProgressLine: Equatable, Sendable {
  /// What is counted.
  public enum Unit: Equatable, Sendable {
    /// In decimal units, as disks and networks are sold.
    case bytes
    /// Things of this name.
    case items(String)
  }

  private static let barWidth = 20

  /// What is done.
  public let done: UInt64
  /// What there is to do; nil where that is not known.
  public let total: UInt64?
  /// What is done each second; nil before that says anything.
  public let rate: Double?
  /// What both count.
  public let unit: Unit
  /// What the rest takes at least, whatever the rate says.
  public let secondsMin: Double
  /// A word in front; empty where the work needs none.
  public let label: String

  /// A state of the work; `done` above `total` counts as all of it.
  public init(
    done: UInt64, total: UInt64?, rate: Double?, unit: Unit, secondsMin: Double = 0,
    label: String = ""
  ) {
    self.done = total.map { min(done, $0) } ?? done
    self.total = total
    self.rate = rate
    self.unit = unit
    self.secondsMin = secondsMin
    self.label = label
  }

  /// The line.
  public var text: String {
    var parts = label.isEmpty ? [] : [label]
    if let total {
      let share = total == 0 ? 1 : Double(done) / Double(total)
      let filled = Int(share * Double(Self.barWidth))
      let bar =
        String(repeating: "#", count: filled)
        + String(repeating: ".", count: Self.barWidth - filled)
      parts += ["[\(bar)]", "\(Int(share * 100)) %", amount(of: total)]
    } else {
      parts.append(amount(of: nil))
    }
    if let rate {
      parts.append("\(Self.amount(rate, unit))/s")
    }
    if let secondsLeft { parts.append("\(Self.time(secondsLeft)) left") }
    return parts.joined(separator: "  ")
  }

  /// Nil where nothing is left, and where nobody can say.
  private var secondsLeft: Double? {
    guard let total, let rate, rate > 0 else { return nil }
    let seconds = max(Double(total - done) / rate, secondsMin)
    return seconds > 0 ? seconds : nil
  }

  private func amount(of total: UInt64?) -> String {
    switch unit {
    case .bytes:
      Self.bytes(Double(done)) + (total.map { " of \(Self.bytes(Double($0)))" } ?? "")
    case .items(let name): "\(done)" + (total.map { " of \($0)" } ?? "") + " \(name)"
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
