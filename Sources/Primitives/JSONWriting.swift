extension JSONValue {
  /// Returns the document as UTF-8 text on one line, or indented by two spaces.
  public func text(indented: Bool = false) -> String {
    String(decoding: encoded(indented: indented), as: UTF8.self)
  }

  /// Returns the document as UTF-8 bytes.
  public func encoded(indented: Bool = false) -> Bytes {
    var output = Bytes()
    write(to: &output, indent: indented ? 0 : nil)
    return output
  }

  private func write(to output: inout Bytes, indent: Int?) {
    switch self {
    case .null: output += "null".utf8
    case .bool(let flag): output += (flag ? "true" : "false").utf8
    case .integer(let integer): output += String(integer).utf8
    case .number(let number):
      // JSON has no infinity and no NaN; null is what JavaScript writes.
      output += (number.isFinite ? "\(number)" : "null").utf8
    case .string(let text): Self.write(text, to: &output)
    case .array(let elements):
      Self.writeList(elements, brackets: ("[", "]"), indent: indent, to: &output) {
        $0.write(to: &$1, indent: $2)
      }
    case .object(let members):
      Self.writeList(members, brackets: ("{", "}"), indent: indent, to: &output) {
        Self.write($0.name, to: &$1)
        $1 += (indent == nil ? ":" : ": ").utf8
        $0.value.write(to: &$1, indent: $2)
      }
    }
  }

  private static func writeList<Element>(
    _ elements: [Element], brackets: (String, String), indent: Int?, to output: inout Bytes,
    element: (Element, inout Bytes, Int?) -> Void
  ) {
    output += brackets.0.utf8
    let inner = indent.map { $0 + 2 }
    for (index, value) in elements.enumerated() {
      if index > 0 { output += ",".utf8 }
      if let inner { output += ("\n" + String(repeating: " ", count: inner)).utf8 }
      element(value, &output, inner)
    }
    if let indent, !elements.isEmpty {
      output += ("\n" + String(repeating: " ", count: indent)).utf8
    }
    output += brackets.1.utf8
  }

  private static func write(_ text: String, to output: inout Bytes) {
    let quote = UInt8(ascii: "\"")
    let backslash = UInt8(ascii: "\\")
    output.append(quote)
    // Nearly all text needs no escape and is copied whole.
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == quote || $0 == backslash }) else {
      output += text.utf8
      return output.append(quote)
    }
    for byte in text.utf8 {
      switch byte {
      case quote: output += "\\\"".utf8
      case backslash: output += "\\\\".utf8
      case UInt8(ascii: "\n"): output += "\\n".utf8
      case UInt8(ascii: "\r"): output += "\\r".utf8
      case UInt8(ascii: "\t"): output += "\\t".utf8
      case 0..<0x20: output += "\\u00\(Hex.encode([byte]))".utf8
      default: output.append(byte)
      }
    }
    output.append(quote)
  }
}
