/// Why a text is not a size or a rate.
public enum QuantityError: Error, Equatable, Sendable {
  /// It does not begin with a number without sign.
  case noNumber(String)
  /// There is no unit, and none is taken for granted.
  case noUnit(String)
  /// The unit is none of those that are known.
  case unknownUnit(String, known: [String])
  /// The unit may mean two things, such as `G`.
  case ambiguousUnit(String, either: String, or: String)
  /// It is not a whole number of bytes, or bits.
  case notWhole(String)
  /// It does not fit in 64 bits.
  case tooLarge(String)
}

extension QuantityError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .noNumber(let text): "`\(text)` does not begin with a number"
    case .noUnit(let text): "`\(text)` has no unit"
    case .unknownUnit(let unit, let known):
      "`\(unit)` is not a unit; the units are \(known.joined(separator: ", "))"
    case .ambiguousUnit(let unit, let either, let other):
      "`\(unit)` may mean \(either) or \(other)"
    case .notWhole(let text): "`\(text)` is not a whole number of the smallest unit"
    case .tooLarge(let text): "`\(text)` is too large"
    }
  }
}

/// A number with an optional fraction, and the unit behind it.
private struct QuantityText {
  /// Digits of a fraction that are read; a trillionth is far below a byte of any size.
  private static let fractionDigitsMax = 18

  let text: String
  let whole: UInt64
  let fraction: [UInt64]
  let unit: String

  init(_ text: String) throws(QuantityError) {
    self.text = text
    let parts = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let numbers = parts.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(numbers.count), numbers.allSatisfy({ !$0.isEmpty }) else {
      throw .noNumber(text)
    }
    guard let whole = UInt64(numbers[0]) else { throw .tooLarge(text) }
    self.whole = whole
    fraction =
      numbers.count == 2 ? numbers[1].compactMap { $0.wholeNumberValue.map(UInt64.init) } : []
    guard fraction.count <= Self.fractionDigitsMax else { throw .notWhole(text) }
    unit = String(text.dropFirst(parts.count).drop { $0 == " " })
  }

  /// The number times `factor`, exactly.
  func times(_ factor: UInt64) throws(QuantityError) -> Int {
    var (scale, numerator) = (UInt64(1), UInt64(0))
    for digit in fraction {
      // At most 18 digits: below 10¹⁸, which 64 bits hold.
      scale *= 10
      numerator = numerator * 10 + digit
    }
    let (high, low) = numerator.multipliedFullWidth(by: factor)
    guard high < scale else { throw .tooLarge(text) }
    let part = scale.dividingFullWidth((high, low))
    guard part.remainder == 0 else { throw .notWhole(text) }
    let (product, overflows) = whole.multipliedReportingOverflow(by: factor)
    let (sum, overflowsToo) = product.addingReportingOverflow(part.quotient)
    guard !overflows, !overflowsToo, let number = Int(exactly: sum) else { throw .tooLarge(text) }
    return number
  }
}

/// Decimal (SI) and binary (IEC 80000-13) prefixes: `M` is 10⁶, `Mi` is 2²⁰.
private let prefixes: [(letter: String, decimal: UInt64, binary: UInt64)] = [
  ("K", 1_000, 1 << 10), ("M", 1_000_000, 1 << 20), ("G", 1_000_000_000, 1 << 30),
  ("T", 1_000_000_000_000, 1 << 40), ("P", 1_000_000_000_000_000, 1 << 50),
]

/// The factor of a prefix such as `G` or `Gi`, whatever its case; 1 for none.
private func factor(of prefix: Substring) -> UInt64? {
  if prefix.isEmpty { return 1 }
  let letters = prefix.uppercased()
  return prefixes.lazy.compactMap { row in
    letters == row.letter ? row.decimal : letters == row.letter + "I" ? row.binary : nil
  }.first
}

extension ByteCount: CustomStringConvertible {
  /// What a person may write.
  private static let units = ["B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"]

  /// Reads `512MiB`, `8GB` (10⁹ bytes each) or `8GiB` (2³⁰ each); the prefix in any case.
  ///
  /// - Parameter bareUnit: what a number without a unit counts; nil refuses one.
  public init(parsing text: String, bareUnit: ByteCount? = nil) throws(QuantityError) {
    let quantity = try QuantityText(text)
    let unit = quantity.unit
    guard !unit.isEmpty else {
      guard let bareUnit else { throw .noUnit(text) }
      self.init(try quantity.times(UInt64(clamping: bareUnit.bytes)))
      return
    }
    // `8gb` is somebody who types no capitals; `8Gb` says bits.
    let isBits = unit.hasSuffix("b") && unit.dropLast().contains { $0.isUppercase }
    if let known = factor(of: unit.dropLast()), unit.lowercased().hasSuffix("b"), !isBits {
      self.init(try quantity.times(known))
      return
    }
    let bare = unit.uppercased()
    if prefixes.contains(where: { $0.letter == bare }) {
      throw .ambiguousUnit(unit, either: "\(bare)B", or: "\(bare)iB")
    }
    throw .unknownUnit(unit, known: Self.units)
  }

  /// In the largest binary unit that leaves at least 1, with one place: `7.5 GiB`.
  public var description: String {
    let size = UInt64(clamping: bytes)
    guard let row = prefixes.last(where: { size >= $0.binary }) else { return "\(bytes) B" }
    let tenths = (Double(size) / Double(row.binary) * 10).rounded() / 10
    let isWhole = tenths.rounded() == tenths
    return "\(isWhole ? "\(Int(tenths))" : "\(tenths)") \(row.letter)iB"
  }
}

/// Bits a second.
public struct BitRate: Hashable, Comparable, Sendable {
  /// The number.
  public let bitsPerSecond: Int

  /// Wraps a number.
  public init(bitsPerSecond: Int) { self.bitsPerSecond = bitsPerSecond }

  /// Bytes a second, rounded down.
  public var bytesPerSecond: Int { bitsPerSecond / 8 }

  /// Orders by speed.
  public static func < (left: BitRate, right: BitRate) -> Bool {
    left.bitsPerSecond < right.bitsPerSecond
  }

  /// What may stand behind `b` for bits or `B` for bytes.
  private static let endings = ["ps", "/s", "it/s"]
  private static let units = ["bps", "kbps", "Mbps", "Gbps", "Tbps", "MB/s", "MiB/s"]

  /// Reads `10Gbps`, `100Mbit/s`, or bytes as in `5MB/s` and `5MiB/s`.
  public init(parsing text: String) throws(QuantityError) {
    let quantity = try QuantityText(text)
    let unit = quantity.unit
    guard !unit.isEmpty else { throw .noUnit(text) }
    guard let factor = Self.bits(in: unit) else {
      throw .unknownUnit(unit, known: Self.units)
    }
    self.init(bitsPerSecond: try quantity.times(factor))
  }

  /// How many bits a unit such as `Mbps` stands for.
  private static func bits(in unit: String) -> UInt64? {
    for ending in endings where unit.hasSuffix(ending) {
      let rest = unit.dropLast(ending.count)
      guard let letter = rest.last, let known = factor(of: rest.dropLast()) else { continue }
      if letter == "b" { return known }
      if letter == "B", ending != "it/s" { return known * 8 }
    }
    return nil
  }
}

extension BitRate: CustomStringConvertible {
  /// In the largest decimal unit that leaves at least 1, with one place: `2.5 Gbps`.
  public var description: String {
    let rate = UInt64(clamping: bitsPerSecond)
    guard let row = prefixes.last(where: { rate >= $0.decimal }) else { return "\(rate) bps" }
    let tenths = (Double(rate) / Double(row.decimal) * 10).rounded() / 10
    let isWhole = tenths.rounded() == tenths
    return "\(isWhole ? "\(Int(tenths))" : "\(tenths)") \(row.letter == "K" ? "k" : row.letter)bps"
  }
}
