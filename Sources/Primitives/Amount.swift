/// Why an amount could not be computed or read.
public enum AmountError: Error, Equatable, Sendable {
  case overflow
  case insufficient(held: Amount, needed: Amount)
  case notANumber(String)
}

/// Money in base units of 10⁻¹⁸ token; never floating point, every operation checked.
public struct Amount: Hashable, Comparable, Sendable {
  // Two words and not one of 128 bits, which closures across a suspension lose (decision 0025).
  private let high: UInt64
  private let low: UInt64
  /// The number of base units.
  public var baseUnits: UInt128 { UInt128(high) << UInt64.bitWidth | UInt128(low) }
  /// Digits behind the decimal point of one token, as ERC-20 tokens have them.
  public static let decimals = 18
  /// Bytes of the canonical form, big-endian.
  public static let byteCount = 16
  private static let unitsPerToken: UInt128 = 1_000_000_000_000_000_000

  /// No money.
  public static let zero = Amount(baseUnits: 0)

  /// Wraps a number of base units.
  public init(baseUnits: UInt128) {
    high = UInt64(truncatingIfNeeded: baseUnits >> UInt64.bitWidth)
    low = UInt64(truncatingIfNeeded: baseUnits)
  }

  /// Whole tokens; a literal in code, so overflow is a bug.
  public static func tokens(_ count: UInt64) -> Amount {
    Amount(baseUnits: UInt128(count) * unitsPerToken)
  }

  /// Orders by value.
  public static func < (left: Amount, right: Amount) -> Bool { left.baseUnits < right.baseUnits }

  /// Returns the sum.
  public func adding(_ other: Amount) throws(AmountError) -> Amount {
    let (sum, overflow) = baseUnits.addingReportingOverflow(other.baseUnits)
    if overflow { throw .overflow }
    return Amount(baseUnits: sum)
  }

  /// Returns the difference; never below zero.
  public func subtracting(_ other: Amount) throws(AmountError) -> Amount {
    guard other <= self else { throw .insufficient(held: self, needed: other) }
    return Amount(baseUnits: baseUnits - other.baseUnits)
  }

  /// Returns ⌊self · factor ÷ divisor⌋ with a 256-bit product.
  public func multiplied(
    by factor: UInt128, dividedBy divisor: UInt128 = 1
  ) throws(AmountError) -> Amount {
    precondition(divisor > 0, "division by zero")
    let product = baseUnits.multipliedFullWidth(by: factor)
    guard product.high < divisor else { throw .overflow }
    return Amount(baseUnits: divisor.dividingFullWidth(product).quotient)
  }

  /// Sums amounts.
  public static func sum(_ amounts: some Sequence<Amount>) throws(AmountError) -> Amount {
    var total = Amount.zero
    for amount in amounts { total = try total.adding(amount) }
    return total
  }
}

extension Amount: CustomStringConvertible {
  /// Decimal tokens without trailing zeros, such as `12.5`.
  public var description: String {
    let (whole, fraction) = baseUnits.quotientAndRemainder(dividingBy: Self.unitsPerToken)
    guard fraction > 0 else { return "\(whole)" }
    let digits = String(fraction)
    let padded = String(repeating: "0", count: Self.decimals - digits.utf8.count) + digits
    let significant = padded.reversed().drop { $0 == "0" }.reversed()
    return "\(whole).\(String(significant))"
  }

  /// The decimal number of base units: the JSON form of money.
  public var baseUnitsText: String { String(baseUnits) }

  /// Reads base units in decimal digits.
  public init(baseUnitsText text: String) throws(AmountError) {
    guard let units = UInt128(text), text.utf8.first != UInt8(ascii: "+") else {
      throw .notANumber(text)
    }
    self.init(baseUnits: units)
  }

  /// Reads decimal tokens such as `12.5` with at most 18 digits behind the point.
  public init(tokensText text: String) throws(AmountError) {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count == 2 ? String(parts[1]) : ""
    let digitsOnly = (String(parts[0]) + fraction).utf8.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
    }
    guard digitsOnly, !parts[0].isEmpty, parts.count == 1 || !fraction.isEmpty,
      fraction.utf8.count <= Self.decimals
    else { throw .notANumber(text) }
    let padding = String(repeating: "0", count: Self.decimals - fraction.utf8.count)
    guard let units = UInt128(String(parts[0]) + fraction + padding) else { throw .overflow }
    self.init(baseUnits: units)
  }
}

extension Amount: CanonicalCodable {
  /// Sixteen bytes, big-endian.
  public var canonicalValue: CanonicalValue {
    .bytes(withUnsafeBytes(of: baseUnits.bigEndian) { Bytes($0) })
  }

  /// Reads exactly sixteen bytes.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .bytes(let bytes) = canonicalValue, bytes.count == Self.byteCount else {
      throw .malformed(what: "amount", reason: "expected 16 bytes")
    }
    self.init(baseUnits: bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) })
  }
}
