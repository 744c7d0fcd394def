internal import Primitives

/// Round numbers for axes and short decimal text, without the C library.
public enum Decimals {
  /// Text of about `digits` significant digits: "0.0123", "451", "1.5e-7".
  public static func text(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-inf" : "inf" }
    guard value != 0 else { return "0" }
    let exponent = exponent10(abs(value))
    guard (-5...8).contains(exponent) else {
      let scaled = value / power10(exponent)
      return "\(trimmed(fixed(scaled, places: max(0, digits - 1))))e\(exponent)"
    }
    return trimmed(fixed(value, places: max(0, digits - 1 - exponent)))
  }

  /// Text in which numbers that differ by `step` differ.
  public static func text(_ value: Double, resolving step: Double) -> String {
    let size = exponent10(max(abs(value), abs(step)))
    guard step > 0, (-5...8).contains(size) else { return text(value, digits: 3) }
    // A tick of 2.5 needs one place more than its first digit.
    let places = max(0, -exponent10(step))
    let isExact = abs(step * power10(places) - (step * power10(places)).rounded()) < 1e-6
    return fixed(value, places: isExact ? places : places + 1)
  }

  /// Exactly `places` digits behind the point; larger numbers than an integer holds as they are.
  public static func fixed(_ value: Double, places: Int) -> String {
    let places = min(max(places, 0), placesMax)
    let scaled = (abs(value) * power10(places)).rounded()
    guard scaled < 1e18 else { return "\(value)" }
    let digits = String(Int64(scaled))
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return sign + padded }
    return sign + padded.dropLast(places) + "." + padded.suffix(places)
  }

  /// A whole number with thin groups of three digits: "1,234,567".
  public static func grouped(_ number: Int) -> String {
    let digits = String(number.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return number < 0 ? "-" + text : text
  }

  /// More digits than a Float64 has say nothing.
  private static let placesMax = 15

  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var end = text.endIndex
    while text[text.index(before: end)] == "0" { end = text.index(before: end) }
    if text[text.index(before: end)] == "." { end = text.index(before: end) }
    return String(text[..<end])
  }

  /// 10ⁿ by repeated multiplication; exact up to 10²².
  static func power10(_ exponent: Int) -> Double {
    var power = 1.0
    for _ in 0..<min(exponent.magnitude, 320) { power *= 10 }
    return exponent < 0 ? 1 / power : power
  }

  /// The n with 10ⁿ ≤ value < 10ⁿ⁺¹.
  static func exponent10(_ value: Double) -> Int {
    guard value > 0, value.isFinite else { return 0 }
    let bitsPerDigit = 3.321928094887362
    var guess = Int((Elementary.binaryLogarithm(value) / bitsPerDigit).rounded(.down))
    if power10(guess + 1) <= value { guess += 1 }
    if power10(guess) > value { guess -= 1 }
    return guess
  }

  /// Multiples of 1, 2, 2.5 or 5 times a power of ten that cover the range.
  static func linearTicks(from low: Double, to high: Double, count: Int) -> [Double] {
    let rough = (high - low) / Double(max(1, count - 1))
    guard rough > 0, rough.isFinite else { return [low] }
    let power = power10(exponent10(rough))
    let step = ([1, 2, 2.5, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10) * power
    let first = (low / step + 1e-9).rounded(.down)
    let last = (high / step - 1e-9).rounded(.up)
    guard last - first <= Double(4 * max(1, count)) else { return [low, high] }
    return (0...Int(last - first)).map { (first + Double($0)) * step }
  }

  /// Powers of ten that cover the range, thinned to `count`; with 2 and 5 between where few fit.
  static func logarithmicTicks(from low: Double, to high: Double, count: Int) -> [Double] {
    let first = exponent10(low)
    let last = exponent10(high) + (power10(exponent10(high)) < high ? 1 : 0)
    let decades = max(1, last - first)
    if decades <= 2 {
      let marks = (first...last).flatMap { exponent in
        [1, 2, 5].map { $0 * power10(exponent) }
      }
      // One mark beyond either end closes the range.
      let lower = marks.last { $0 <= low } ?? low
      let upper = marks.first { $0 >= high } ?? high
      return marks.filter { $0 >= lower && $0 <= upper }
    }
    let stride = (decades + count - 1) / max(1, count)
    return Swift.stride(from: first, through: last + stride - 1, by: stride).map(power10)
  }
}
