/// The words of JSON (RFC 8259) from hostile bytes, for parsers that make different values of them.
package struct JSONScanner {
  /// How an error says where it is.
  package enum Place: Sendable {
    /// For documents that people write.
    case line
    /// For blocks that programs write.
    case byte
  }

  /// The kinds of values.
  package enum Kind: Sendable {
    case object
    case array
    case string
    case number
    case bool(Bool)
    case null
  }

  private let bytes: Bytes
  /// What is read, for errors.
  package let what: String
  private let place: Place
  private var offset = 0

  /// Reads from the first byte on.
  package init(_ bytes: Bytes, what: String, place: Place) {
    self.bytes = bytes
    self.what = what
    self.place = place
  }

  /// An error that says where.
  package func malformed(_ reason: String) -> DecodingFailure {
    switch place {
    case .byte: return .malformed(what: what, reason: "\(reason) at byte \(offset)")
    case .line:
      let line = 1 + bytes.prefix(offset).count { $0 == UInt8(ascii: "\n") }
      return .malformed(what: what, reason: "\(reason) on line \(line)")
    }
  }

  /// Throws unless nothing but space is left behind `whole`.
  package mutating func finish(_ whole: String) throws(DecodingFailure) {
    skipSpace()
    guard offset == bytes.count else {
      throw .trailingBytes(what: whole, count: bytes.count - offset)
    }
  }

  /// Skips space.
  private mutating func skipSpace() {
    while offset < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[offset]) { offset += 1 }
  }

  /// The next byte, which stays.
  private func peek() throws(DecodingFailure) -> UInt8 {
    guard offset < bytes.count else { throw .truncated(what: what) }
    return bytes[offset]
  }

  /// Takes what must come next.
  private mutating func take(_ character: Character) throws(DecodingFailure) {
    guard try peek() == character.asciiValue else { throw malformed("expected `\(character)`") }
    offset += 1
  }

  /// Skips space, and `character` when it comes next.
  private mutating func takes(_ character: Character) throws(DecodingFailure) -> Bool {
    skipSpace()
    guard try peek() == character.asciiValue else { return false }
    offset += 1
    return true
  }

  /// What the next value is. The three words are taken, everything else stays.
  package mutating func kind() throws(DecodingFailure) -> Kind {
    skipSpace()
    switch try peek() {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"):
      try take(word: "true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try take(word: "false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try take(word: "null")
      return .null
    default: return .number
    }
  }

  private mutating func take(word: String) throws(DecodingFailure) {
    guard bytes[offset...].starts(with: word.utf8) else { throw malformed("unknown word") }
    offset += word.utf8.count
  }

  /// The elements of an array, each read by `element`.
  package mutating func array(
    _ element: (inout JSONScanner) throws(DecodingFailure) -> Void
  ) throws(DecodingFailure) {
    try take("[")
    if try takes("]") { return }
    repeat { try element(&self) } while try takes(",")
    try take("]")
  }

  /// The members of an object; `member` gets each name and reads its value.
  package mutating func object(
    _ member: (inout JSONScanner, String) throws(DecodingFailure) -> Void
  ) throws(DecodingFailure) {
    try take("{")
    if try takes("}") { return }
    repeat {
      skipSpace()
      let name = try string()
      skipSpace()
      try take(":")
      try member(&self, name)
    } while try takes(",")
    try take("}")
  }

  /// The text of a number, and whether it has neither a point nor an exponent.
  package mutating func number() throws(DecodingFailure) -> (text: String, isInteger: Bool) {
    let start = offset
    if try peek() == UInt8(ascii: "-") { offset += 1 }
    let whole = try digits()
    if whole.count > 1, whole.first == UInt8(ascii: "0") { throw malformed("a leading zero") }
    var isInteger = true
    if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
      isInteger = false
      offset += 1
      _ = try digits()
    }
    if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      offset += 1
      if [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(try peek()) { offset += 1 }
      _ = try digits()
    }
    return (String(decoding: bytes[start..<offset], as: UTF8.self), isInteger)
  }

  private mutating func digits() throws(DecodingFailure) -> ArraySlice<UInt8> {
    let start = offset
    while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) {
      offset += 1
    }
    guard offset > start else { throw malformed("expected a value") }
    return bytes[start..<offset]
  }

  /// A text in quotes, with its escapes resolved.
  package mutating func string() throws(DecodingFailure) -> String {
    try take("\"")
    var text = Bytes()
    while true {
      let byte = try peek()
      offset += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw malformed("text is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw malformed("a control character in a string")
      default: text.append(byte)
      }
    }
  }

  private mutating func escape(into text: inout Bytes) throws(DecodingFailure) {
    let kind = try peek()
    offset += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(kind)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text += try unicodeEscape()
    default: throw malformed("an unknown escape")
    }
  }

  private mutating func unicodeEscape() throws(DecodingFailure) -> Bytes {
    var code = UInt32(try hexUnit())
    if (0xd800..<0xdc00).contains(code) {
      try take("\\")
      try take("u")
      let low = UInt32(try hexUnit())
      guard (0xdc00..<0xe000).contains(low) else { throw malformed("half a surrogate pair") }
      code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw malformed("half a surrogate pair") }
    return Bytes(String(scalar).utf8)
  }

  private mutating func hexUnit() throws(DecodingFailure) -> UInt16 {
    guard bytes.count - offset >= 4 else { throw .truncated(what: what) }
    let digits = String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
    guard let unit = try? Hex.decode(digits), unit.count == 2 else {
      throw malformed("an unknown escape")
    }
    offset += 4
    return UInt16(unit[0]) << 8 | UInt16(unit[1])
  }
}
