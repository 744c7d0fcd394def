public import Primitives

extension DagJSON {
  /// Returns the one block of a value; one that has no spelling is an error.
  public static func encode(_ value: IPLDValue) throws(DecodingFailure) -> Bytes {
    var output = Bytes()
    try append(value, to: &output)
    return output
  }

  private static func append(_ value: IPLDValue, to output: inout Bytes) throws(DecodingFailure) {
    switch value {
    case .null: output += "null".utf8
    case .bool(let flag): output += (flag ? "true" : "false").utf8
    case .integer(let integer):
      guard IPLDLimits.integers.contains(integer) else {
        throw .malformed(what: what, reason: "an integer of more than 64 bits")
      }
      output += String(integer).utf8
    case .float(let number):
      guard number.isFinite else {
        throw .malformed(what: what, reason: "a number that is not finite")
      }
      // The shortest text that reads back the same; it always has a point or an exponent.
      output += number.description.utf8
    case .text(let text): append(text, to: &output)
    case .bytes(let bytes):
      output += "{\"/\":{\"bytes\":\"\(Multibase.base64.encode(bytes))\"}}".utf8
    case .list(let values): try append(values, to: &output)
    case .map(let map): try append(map, to: &output)
    case .link(let cid): output += "{\"/\":\"\(cid.text)\"}".utf8
    }
  }

  private static func append(
    _ values: [IPLDValue], to output: inout Bytes
  ) throws(DecodingFailure) {
    output.append(UInt8(ascii: "["))
    for (index, value) in values.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      try append(value, to: &output)
    }
    output.append(UInt8(ascii: "]"))
  }

  private static func append(_ map: IPLDMap, to output: inout Bytes) throws(DecodingFailure) {
    guard map[reservedKey] == nil else {
      throw .malformed(what: what, reason: "the key `/` is reserved")
    }
    output.append(UInt8(ascii: "{"))
    for (index, entry) in map.sorted(by: IPLDMap.byBytes).enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      append(entry.key, to: &output)
      output.append(UInt8(ascii: ":"))
      try append(entry.value, to: &output)
    }
    output.append(UInt8(ascii: "}"))
  }

  private static func append(_ text: String, to output: inout Bytes) {
    output.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): output += "\\\"".utf8
      case UInt8(ascii: "\\"): output += "\\\\".utf8
      case UInt8(ascii: "\n"): output += "\\n".utf8
      case UInt8(ascii: "\r"): output += "\\r".utf8
      case UInt8(ascii: "\t"): output += "\\t".utf8
      case 0..<0x20: output += "\\u00\(Hex.encode([byte]))".utf8
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}
