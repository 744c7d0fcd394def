/// The first range of a `Range` field (RFC 9110 §14.2).
///
/// A gateway answers one range; of several it gives the first, as the path gateway's specification
/// allows. Fields that are malformed or count something else than bytes are passed over.
enum ByteRange: Equatable, Sendable {
  case from(UInt64, through: UInt64?)
  case last(UInt64)

  /// Reads the field; nil where it is to be ignored.
  init?(_ text: String) {
    let unit = "bytes="
    guard text.lowercased().hasPrefix(unit) else { return nil }
    let first = text.utf8.dropFirst(unit.utf8.count).prefix { $0 != UInt8(ascii: ",") }
      .filter { $0 != 0x20 && $0 != 0x09 }
    let ends = first.split(
      separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
    guard ends.count == 2 else { return nil }
    switch (Self.number(ends[0]), Self.number(ends[1])) {
    case (.absent, .value(let count)): self = .last(count)
    case (.value(let start), .absent): self = .from(start, through: nil)
    case (.value(let start), .value(let end)) where start <= end:
      self = .from(start, through: end)
    default: return nil
    }
  }

  private enum Number {
    case absent
    case value(UInt64)
    case malformed
  }

  /// Numbers beyond 64 bits count as the largest: they lie behind the end of any file.
  private static func number(_ digits: some Collection<UInt8>) -> Number {
    if digits.isEmpty { return .absent }
    var value: UInt64 = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return .malformed }
      let (tenfold, isBeyond) = value.multipliedReportingOverflow(by: 10)
      let (sum, isBeyondToo) = tenfold.addingReportingOverflow(UInt64(digit - 0x30))
      value = isBeyond || isBeyondToo ? .max : sum
    }
    return .value(value)
  }

  /// The bytes of something of `size` bytes; nil where it has none of them.
  func resolved(in size: UInt64) -> Range<UInt64>? {
    switch self {
    case .from(let start, let end):
      guard start < size else { return nil }
      return start..<min(end ?? .max, size - 1) + 1
    case .last(let count):
      guard count > 0, size > 0 else { return nil }
      return (count > size ? 0 : size - count)..<size
    }
  }
}
