/// An entity tag (RFC 9110 §8.8.3) and the conditions that name one.
struct EntityTag: Equatable, Sendable {
  /// What stands between the quotation marks.
  let text: String
  /// Whether another response with the tag may differ in bytes.
  var isWeak = false

  /// The spelling in a header field.
  var field: String { (isWeak ? "W/" : "") + "\"\(text)\"" }

  /// Whether an `If-None-Match` field names the tag: any (`*`), or one in its list by the weak
  /// comparison of RFC 9110 §8.8.3.2.
  func matches(anyOf field: String) -> Bool {
    var rest = field.utf8[...]
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x2C }
    while true {
      rest = rest.drop(while: isSpace)
      guard let first = rest.first else { return false }
      if first == UInt8(ascii: "*") { return true }
      if rest.starts(with: "W/".utf8) { rest = rest.dropFirst(2) }
      guard rest.first == UInt8(ascii: "\"") else { return false }
      let tag = rest.dropFirst().prefix { $0 != UInt8(ascii: "\"") }
      if tag.elementsEqual(text.utf8) { return true }
      rest = rest[tag.endIndex...].dropFirst()
    }
  }
}
