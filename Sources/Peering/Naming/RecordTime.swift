package import Primitives

/// A moment as records of IPNS write it (RFC 3339 with nanoseconds), in coordinated universal time.
package struct RecordTime: Hashable, Comparable, Sendable {
  private static let secondsPerDay: Int64 = 86_400
  private static let nanosecondsPerSecond = 1_000_000_000
  /// The last year that the format has room for.
  private static let yearMax = 9_999

  /// Whole seconds since 1970.
  package let seconds: Int64
  /// What is beyond them.
  package let nanoseconds: Int32

  /// A moment; one behind the year 9999 is the last one of it, one before the year 0 the first.
  package init(seconds: Int64, nanoseconds: Int32 = 0) {
    self.seconds = max(Self.secondsMin, min(seconds, Self.secondsMax))
    self.nanoseconds = nanoseconds
  }

  /// The last second of the last year.
  private static let secondsMax = seconds(of: yearMax, 12, 31) + secondsPerDay - 1
  /// The first second of the year 0.
  private static let secondsMin = seconds(of: 0, 1, 1)

  /// Orders by time.
  package static func < (left: RecordTime, right: RecordTime) -> Bool {
    (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
  }

  /// Reads `2123-08-14T12:17:03.694052Z`; nil for what is no such text. Other zones are read too,
  /// where the moment's year at Greenwich has four digits.
  package init?(_ text: Bytes) {
    var reader = Reader(rest: text[...])
    guard let year = reader.number(4), reader.take("-"), let month = reader.number(2),
      reader.take("-"), let day = reader.number(2), reader.take("T"), let hour = reader.number(2),
      reader.take(":"), let minute = reader.number(2), reader.take(":"),
      let second = reader.number(2), let nanoseconds = reader.fraction(),
      let zone = reader.zone(), reader.rest.isEmpty,
      (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day), hour < 24,
      minute < 60, second <= 60
    else { return nil }
    let midnight = Self.seconds(of: year, month, day)
    seconds = midnight + Int64(hour * 3_600 + minute * 60 + second) - zone
    guard (Self.secondsMin...Self.secondsMax).contains(seconds) else { return nil }
    self.nanoseconds = nanoseconds
  }

  /// The text, in nanoseconds without trailing zeros, as Go writes it.
  package var text: String {
    let days = Self.floorDivision(seconds, Self.secondsPerDay)
    let (year, month, day) = Self.date(of: days)
    let second = Int(seconds - days * Self.secondsPerDay)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let digits = String(repeating: "0", count: max(0, 4 - "\(year)".count)) + "\(year)"
    var text = "\(digits)-\(two(month))-\(two(day))T\(two(second / 3_600)):"
    text += "\(two(second / 60 % 60)):\(two(second % 60))"
    if nanoseconds > 0 {
      var fraction = String("\(Self.nanosecondsPerSecond + Int(nanoseconds))".dropFirst())
      while fraction.hasSuffix("0") { fraction.removeLast() }
      text += "." + fraction
    }
    return text + "Z"
  }

  /// The moment so much later.
  package func advanced(by duration: Duration) -> RecordTime {
    let (sum, overflow) = seconds.addingReportingOverflow(duration.components.seconds)
    return RecordTime(seconds: overflow ? .max : sum, nanoseconds: nanoseconds)
  }

  // MARK: Calendar (Hinnant, "chrono-compatible low-level date algorithms")

  private static func floorDivision(_ value: Int64, _ divisor: Int64) -> Int64 {
    value >= 0 ? value / divisor : (value - divisor + 1) / divisor
  }

  private static func seconds(of year: Int, _ month: Int, _ day: Int) -> Int64 {
    let shifted = Int64(month <= 2 ? year - 1 : year)
    let era = floorDivision(shifted, 400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return (era * 146_097 + dayOfEra - 719_468) * secondsPerDay
  }

  private static func date(of days: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = floorDivision(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let month = Int(monthIndex < 10 ? monthIndex + 3 : monthIndex - 9)
    let day = Int(dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    return (Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, day)
  }

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

/// Reads the parts of a moment's text.
private struct Reader {
  /// Digits behind the seconds that count.
  private static let fractionDigitsMax = 9

  var rest: ArraySlice<UInt8>

  mutating func take(_ sign: Unicode.Scalar) -> Bool {
    guard let first = rest.first, first == UInt8(ascii: sign) else { return false }
    rest.removeFirst()
    return true
  }

  mutating func number(_ digits: Int) -> Int? {
    var number = 0
    for _ in 0..<digits {
      guard let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
        return nil
      }
      rest.removeFirst()
      number = number * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return number
  }

  mutating func fraction() -> Int32? {
    guard take(".") else { return 0 }
    var (nanoseconds, digits): (Int32, Int) = (0, 0)
    while let digit = number(1) {
      digits += 1
      guard digits <= Self.fractionDigitsMax else { return nil }
      nanoseconds = nanoseconds * 10 + Int32(digit)
    }
    guard digits > 0 else { return nil }
    for _ in digits..<Self.fractionDigitsMax { nanoseconds *= 10 }
    return nanoseconds
  }

  /// Seconds east of Greenwich.
  mutating func zone() -> Int64? {
    if take("Z") { return 0 }
    let isEast = take("+")
    guard isEast || take("-"), let hour = number(2), take(":"), let minute = number(2), hour < 24,
      minute < 60
    else { return nil }
    let offset = Int64(hour * 3_600 + minute * 60)
    return isEast ? offset : -offset
  }
}
