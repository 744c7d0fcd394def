import Primitives

/// The text of IP addresses, strictly read and canonically written.
enum IPAddressText {
  /// Four decimal numbers without leading zeros (RFC 6943 §3.1.1, the strict form).
  static func ip4(_ text: String) -> Bytes? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes = Bytes()
    for part in parts {
      guard let number = UInt8(part), String(number) == part else { return nil }
      bytes.append(number)
    }
    return bytes
  }

  /// Dotted decimal.
  static func text(ip4 bytes: Bytes) -> String {
    bytes.map(String.init).joined(separator: ".")
  }

  /// Groups of hexadecimal digits with at most one `::` (RFC 4291 §2.2, forms 1 and 2).
  static func ip6(_ text: String) -> Bytes? {
    guard let gap = text.firstRange(of: "::") else {
      guard let groups = groups(text[...]), groups.count == 16 else { return nil }
      return groups
    }
    let before = text[..<gap.lowerBound]
    let after = text[gap.upperBound...]
    guard let head = before.isEmpty ? [] : groups(before),
      let tail = after.isEmpty ? [] : groups(after), head.count + tail.count < 16
    else { return nil }
    return head + Bytes(repeating: 0, count: 16 - head.count - tail.count) + tail
  }

  private static func groups(_ text: Substring) -> Bytes? {
    var bytes = Bytes()
    for part in text.split(separator: ":", omittingEmptySubsequences: false) {
      guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit),
        let group = UInt16(part, radix: 16)
      else { return nil }
      bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
    }
    return bytes
  }

  private static func isHexDigit(_ digit: UInt8) -> Bool {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  /// Lower case, no leading zeros, the first longest run of two or more zero groups as `::`
  /// (RFC 5952 §4).
  static func text(ip6 bytes: Bytes) -> String {
    precondition(bytes.count == 16)
    let groups = stride(from: 0, to: 16, by: 2).map {
      UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
    }
    var longest = 0..<0
    var start = 0
    for index in 0...8 where index == 8 || groups[index] != 0 {
      if index - start > max(longest.count, 1) { longest = start..<index }
      start = index + 1
    }
    let hex = groups.map { String($0, radix: 16) }
    guard !longest.isEmpty else { return hex.joined(separator: ":") }
    return hex[..<longest.lowerBound].joined(separator: ":") + "::"
      + hex[longest.upperBound...].joined(separator: ":")
  }
}
