import Primitives

extension DagJSONDecoder {
  mutating func string() throws(DecodingFailure) -> String {
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
    var code = try hexUnit()
    if (0xd800..<0xdc00).contains(code) {
      try take("\\")
      try take("u")
      let low = try hexUnit()
      guard (0xdc00..<0xe000).contains(low) else { throw malformed("half a surrogate pair") }
      code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw malformed("half a surrogate pair") }
    return Bytes(String(scalar).utf8)
  }

  private mutating func hexUnit() throws(DecodingFailure) -> UInt32 {
    guard bytes.count - offset >= 4 else { throw .truncated(what: DagJSON.what) }
    let digits = String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
    guard let unit = try? Hex.decode(digits), unit.count == 2 else {
      throw malformed("an unknown escape")
    }
    offset += 4
    return UInt32(unit[0]) << 8 | UInt32(unit[1])
  }
}
