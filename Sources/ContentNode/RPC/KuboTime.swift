import ContentStore
import Primitives

/// Times as Go writes them (RFC 3339).
enum KuboTime {
  /// Go's time that is not set.
  private static let zero = "0001-01-01T00:00:00Z"
  private static let secondsPerDay: Int64 = 86_400
  /// The years that RFC 3339 can write.
  private static let seconds: Range<Int64> = -62_135_596_800..<253_402_300_800

  static func text(_ time: UnixFSTime?) -> String {
    guard let time, seconds.contains(time.seconds) else { return zero }
    let second = ((time.seconds % secondsPerDay) + secondsPerDay) % secondsPerDay
    let (year, month, day) = date((time.seconds - second) / secondsPerDay)
    let clock = [second / 3_600, second / 60 % 60, second % 60].map { padded($0, 2) }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
      + clock.joined(separator: ":") + fraction(time.nanoseconds) + "Z"
  }

  /// Without closing zeros.
  private static func fraction(_ nanoseconds: UInt32) -> String {
    guard nanoseconds > 0 else { return "" }
    var digits = padded(Int64(nanoseconds), 9)
    while digits.hasSuffix("0") { digits.removeLast() }
    return "." + digits
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// The date of a day since 1970-01-01 in the Gregorian calendar
  /// (H. Hinnant, chrono-Compatible Low-Level Date Algorithms, `civil_from_days`).
  private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let march = (5 * dayOfYear + 2) / 153
    let month = march < 10 ? march + 3 : march - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * march + 2) / 5 + 1)
  }
}
