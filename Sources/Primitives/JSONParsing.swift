/// How much JSON a reader accepts.
public enum JSONLimits {
  /// A model configuration or request body of 1 MiB is already far beyond every real one.
  public static let bytesMax = 1 << 20
  /// Deep enough for every document of ours, shallow enough for any stack.
  public static let depthMax = 64
}

extension JSONValue {
  /// Reads one document; repeated names, lone surrogates and text behind the end are errors.
  public init(parsing bytes: Bytes, bytesMax: Int = JSONLimits.bytesMax) throws(DecodingFailure) {
    guard bytes.count <= bytesMax else {
      throw .tooLarge(what: "JSON", size: bytes.count, limit: bytesMax)
    }
    var parser = JSONParser(bytes: bytes)
    self = try parser.document()
  }
}

private struct JSONParser {
  let bytes: Bytes
  var offset = 0

  mutating func document() throws(DecodingFailure) -> JSONValue {
    let value = try value(depth: 0)
    skipSpace()
    guard offset == bytes.count else {
      throw .trailingBytes(what: "the JSON document", count: bytes.count - offset)
    }
    return value
  }

  private func malformed(_ reason: String) -> DecodingFailure {
    let line = 1 + bytes.prefix(offset).count { $0 == UInt8(ascii: "\n") }
    return .malformed(what: "JSON", reason: "\(reason) on line \(line)")
  }

  private mutating func skipSpace() {
    while offset < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[offset]) { offset += 1 }
  }

  private func peek() throws(DecodingFailure) -> UInt8 {
    guard offset < bytes.count else { throw .truncated(what: "JSON") }
    return bytes[offset]
  }

  private mutating func take(_ character: Character) throws(DecodingFailure) {
    guard try peek() == character.asciiValue else { throw malformed("expected `\(character)`") }
    offset += 1
  }

  private mutating func value(depth: Int) throws(DecodingFailure) -> JSONValue {
    guard depth < JSONLimits.depthMax else { throw malformed("nested too deeply") }
    skipSpace()
    switch try peek() {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(
    _ word: String, _ value: JSONValue
  ) throws(DecodingFailure) -> JSONValue {
    guard bytes[offset...].starts(with: word.utf8) else { throw malformed("unknown word") }
    offset += word.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws(DecodingFailure) -> [JSONValue.Member] {
    try take("{")
    var members: [JSONValue.Member] = []
    var names: Set<String> = []
    skipSpace()
    if try peek() == UInt8(ascii: "}") {
      offset += 1
      return []
    }
    while true {
      skipSpace()
      let name = try string()
      guard names.insert(name).inserted else { throw malformed("the name `\(name)` repeats") }
      skipSpace()
      try take(":")
      members.append(JSONValue.Member(name, try value(depth: depth + 1)))
      skipSpace()
      guard try peek() == UInt8(ascii: ",") else { break }
      offset += 1
    }
    try take("}")
    return members
  }

  private mutating func array(depth: Int) throws(DecodingFailure) -> [JSONValue] {
    try take("[")
    var elements: [JSONValue] = []
    skipSpace()
    if try peek() == UInt8(ascii: "]") {
      offset += 1
      return []
    }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      guard try peek() == UInt8(ascii: ",") else { break }
      offset += 1
    }
    try take("]")
    return elements
  }

  private mutating func number() throws(DecodingFailure) -> JSONValue {
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
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    if isInteger, let integer = Int64(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else { throw malformed("a number too large") }
    return .number(number)
  }

  private mutating func digits() throws(DecodingFailure) -> ArraySlice<UInt8> {
    let start = offset
    while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) {
      offset += 1
    }
    guard offset > start else { throw malformed("expected a value") }
    return bytes[start..<offset]
  }

  private mutating func string() throws(DecodingFailure) -> String {
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
    guard bytes.count - offset >= 4 else { throw .truncated(what: "JSON") }
    let digits = String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
    guard let unit = try? Hex.decode(digits), unit.count == 2 else {
      throw malformed("an unknown escape")
    }
    offset += 4
    return UInt16(unit[0]) << 8 | UInt16(unit[1])
  }
}
