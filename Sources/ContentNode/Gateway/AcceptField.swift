internal import Primitives

/// The `Accept` field of a request (RFC 9110 §12.5.1): media ranges with parameters and weights.
///
/// Elements that are malformed are passed over, as a client that sends one still wants an answer.
struct AcceptField: Equatable, Sendable {
  /// Ranges looked at; browsers send six.
  static let rangesMax = 32

  /// One media range.
  struct MediaRange: Equatable, Sendable {
    /// Lower case, such as `text/html` or `*/*`.
    let mediaType: String
    /// Parameters with lower-case names, without `q`.
    let parameters: [String: String]
    /// Thousandths: 1,000 where nothing is said, 0 for what must not be sent.
    let weight: Int
  }

  /// What is acceptable, the most wanted first; ranges of one weight in their order.
  let ranges: [MediaRange]

  /// Reads the field's values, joined by commas where there are several.
  init(_ text: String) {
    let elements = Self.split(text.utf8[...], at: UInt8(ascii: ",")).prefix(Self.rangesMax)
    ranges = elements.compactMap(Self.range).filter { $0.weight > 0 }.enumerated()
      .sorted { ($1.element.weight, $0.offset) < ($0.element.weight, $1.offset) }
      .map(\.element)
  }

  private static func range(_ element: Substring.UTF8View) -> MediaRange? {
    let parts = split(element, at: UInt8(ascii: ";")).map(trimmed)
    guard let mediaType = parts.first?.lowercased(), mediaType.contains("/") else { return nil }
    var parameters: [String: String] = [:]
    var weight = 1_000
    for part in parts.dropFirst() {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2 else { continue }
      let name = trimmed(pair[0].utf8).lowercased()
      let value = unquoted(trimmed(pair[1].utf8))
      if name == "q" {
        guard let thousandths = Self.thousandths(value) else { return nil }
        weight = thousandths
      } else {
        parameters[name] = value
      }
    }
    return MediaRange(mediaType: mediaType, parameters: parameters, weight: weight)
  }

  /// `0`, `1`, or a fraction of up to three digits between.
  private static func thousandths(_ text: String) -> Int? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts[0] == "0" || parts[0] == "1" else { return nil }
    let digits = parts.count == 2 ? parts[1].utf8.map { Int($0) - 0x30 } : []
    guard digits.count <= 3, digits.allSatisfy({ (0...9).contains($0) }) else { return nil }
    let padded = digits + Array(repeating: 0, count: 3 - digits.count)
    let fraction = padded.reduce(0) { $0 * 10 + $1 }
    return parts[0] == "1" ? (fraction == 0 ? 1_000 : nil) : fraction
  }

  /// Splits outside quoted strings.
  private static func split(
    _ text: Substring.UTF8View, at separator: UInt8
  ) -> [Substring.UTF8View] {
    var parts: [Substring.UTF8View] = []
    var (start, index) = (text.startIndex, text.startIndex)
    var isQuoted = false
    while index < text.endIndex {
      let byte = text[index]
      let next = text.index(after: index)
      if isQuoted, byte == UInt8(ascii: "\\"), next < text.endIndex {
        index = text.index(after: next)
        continue
      }
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if byte == separator, !isQuoted {
        parts.append(text[start..<index])
        start = next
      }
      index = next
    }
    parts.append(text[start...])
    return parts
  }

  private static func trimmed(_ text: Substring.UTF8View) -> String {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    var rest = text.drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return String(decoding: rest, as: UTF8.self)
  }

  private static func unquoted(_ text: String) -> String {
    guard text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
    var value = Bytes()
    var isEscaped = false
    for byte in text.utf8.dropFirst().dropLast() {
      if byte == UInt8(ascii: "\\"), !isEscaped {
        isEscaped = true
      } else {
        value.append(byte)
        isEscaped = false
      }
    }
    return String(decoding: value, as: UTF8.self)
  }
}
