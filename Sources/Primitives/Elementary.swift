/// Exponential and logarithm in Float64 with fixed operations, so that results made with them are
/// the same bits on every machine; the C library's differ in their last digits between systems.
public enum Elementary {
  /// ln 2 in two parts (fdlibm, e_log.c): the first has 32 trailing zero bits, so its products with
  /// an exponent are exact.
  private static let ln2High = 6.93147180369123816490e-01
  private static let ln2Low = 1.90821492927058770002e-10
  /// |s| ≤ 3 − 2√2, so s²⁵ / 25 is below 10⁻²⁰ and the last power that counts.
  private static let lastPower = 23
  /// |r| ≤ ln 2 / 2, so r¹⁷ / 17! is below 10⁻²² of the result.
  private static let lastFactorial = 16

  /// ln x for x > 0; −∞ at 0, NaN below.
  public static func logarithm(_ x: Double) -> Double {
    guard x > 0 else { return x == 0 ? -.infinity : .nan }
    guard x.isFinite else { return x }
    let (exponent, significand) = parts(x)
    return exponent * ln2High + (significand + exponent * ln2Low)
  }

  /// log₂ x for x > 0, exact for powers of two; −∞ at 0, NaN below.
  public static func binaryLogarithm(_ x: Double) -> Double {
    guard x > 0 else { return x == 0 ? -.infinity : .nan }
    guard x.isFinite else { return x }
    let (exponent, significand) = parts(x)
    return exponent + significand / (ln2High + ln2Low)
  }

  /// e and ln m of x = 2ᵉ · m with m in [√½, √2), x positive and finite.
  ///
  /// ln m = 2 · (s + s³/3 + s⁵/5 + …), s = (m − 1) / (m + 1).
  private static func parts(_ x: Double) -> (exponent: Double, significand: Double) {
    var exponent = Double(x.exponent)
    var significand = x.significand
    if significand > 1.4142135623730951 {
      significand /= 2
      exponent += 1
    }
    let s = (significand - 1) / (significand + 1)
    let square = s * s
    var sum = 0.0
    for power in stride(from: lastPower, through: 3, by: -2) {
      sum = (sum + 1 / Double(power)) * square
    }
    return (exponent, 2 * (s + s * sum))
  }

  /// eˣ: x = k · ln 2 + r, then 2ᵏ · (1 + r + r²/2! + …).
  public static func exponential(_ x: Double) -> Double {
    guard !x.isNaN else { return x }
    guard x < 709.79 else { return .infinity }
    guard x > -745.2 else { return 0 }
    let k = (x / (ln2High + ln2Low)).rounded()
    let r = (x - k * ln2High) - k * ln2Low
    var sum = 1.0
    for term in stride(from: lastFactorial, through: 1, by: -1) { sum = 1 + sum * r / Double(term) }
    // Two steps, so that 2ᵏ itself stays a normal number where the result is one or below.
    let half = (k / 2).rounded(.down)
    return sum * Double(sign: .plus, exponent: Int(half), significand: 1)
      * Double(sign: .plus, exponent: Int(k - half), significand: 1)
  }

  /// xʸ for x > 0.
  public static func power(_ x: Double, _ y: Double) -> Double { exponential(y * logarithm(x)) }
}
