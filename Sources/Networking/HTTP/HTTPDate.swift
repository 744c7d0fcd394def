internal import Primitives

/// The `Date` field's form, RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum HTTPDate {
  private static let days: [StaticString] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months: [StaticString] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  private static let secondsPerDay: Int64 = 86_400

  /// The text for a moment in seconds since 1970, from 1970 to 9999.
  package static func text(secondsSince1970 seconds: Int64) -> String {
    let clamped = min(max(seconds, 0), 253_402_300_799)  // 31 December 9999
    let dayNumber = clamped / secondsPerDay
    let second = clamped % secondsPerDay
    let (year, month, day) = civilDate(dayNumber)
    return """
      \(days[Int(dayNumber % 7)]), \(two(day)) \(months[Int(month) - 1]) \(four(year)) \
      \(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60)) GMT
      """
  }

  private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }

  private static func four(_ year: Int64) -> String {
    String(repeating: "0", count: max(0, 4 - "\(year)".count)) + "\(year)"
  }

  /// Gregorian date of a day number since 1970 (Hinnant, "chrono-Compatible Low-Level Date
  /// Algorithms", `civil_from_days`): years begin on 1 March, eras have 146,097 days.
  private static func civilDate(_ dayNumber: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = dayNumber + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
