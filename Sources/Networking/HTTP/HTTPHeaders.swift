internal import Primitives

/// Header fields in order, as one text with an index: two allocations however many fields.
package struct HTTPHeaders: Sendable {
  struct Field: Sendable {
    var nameStart: UInt32
    var nameEnd: UInt32
    var valueStart: UInt32
    var valueEnd: UInt32
  }

  /// Exactly the fields' lines, each with its CR LF.
  private(set) var text: Bytes
  private(set) var fields: [Field]

  /// No fields.
  package init() {
    text = []
    fields = []
  }

  init(text: Bytes, fields: [Field]) {
    self.text = text
    self.fields = fields
  }

  /// Number of fields.
  package var count: Int { fields.count }

  /// The first value under `name`, compared without regard to case.
  package subscript(name: String) -> String? {
    for field in fields where matches(field, name) { return value(of: field) }
    return nil
  }

  /// All values under `name`, in order.
  package func values(_ name: String) -> [String] {
    fields.filter { matches($0, name) }.map(value(of:))
  }

  /// Adds a field. The name must be a token; control bytes in the value become spaces, so a value
  /// taken from a user cannot begin a new line.
  package mutating func append(_ name: String, _ value: String) {
    precondition(
      !name.isEmpty && name.utf8.allSatisfy(HTTPSyntax.isToken), "field name \(name)")
    let nameStart = UInt32(text.count)
    text.append(contentsOf: name.utf8)
    let nameEnd = UInt32(text.count)
    text.append(UInt8(ascii: ":"))
    text.append(UInt8(ascii: " "))
    let valueStart = UInt32(text.count)
    text.append(contentsOf: value.utf8)
    let valueEnd = UInt32(text.count)
    for index in Int(valueStart)..<Int(valueEnd) where !HTTPSyntax.isFieldText(text[index]) {
      text[index] = UInt8(ascii: " ")
    }
    text.append(UInt8(ascii: "\r"))
    text.append(UInt8(ascii: "\n"))
    fields.append(
      Field(
        nameStart: nameStart, nameEnd: nameEnd, valueStart: valueStart, valueEnd: valueEnd))
  }

  /// The bytes of the first value under `name`, without making a string of them.
  func bytes(of name: String) -> ArraySlice<UInt8>? {
    for field in fields where matches(field, name) {
      return text[Int(field.valueStart)..<Int(field.valueEnd)]
    }
    return nil
  }

  /// Each field as `name: value`.
  var lines: [String] {
    fields.map {
      String(decoding: text[Int($0.nameStart)..<Int($0.nameEnd)], as: UTF8.self) + ": "
        + value(of: $0)
    }
  }

  private func value(of field: Field) -> String {
    String(decoding: text[Int(field.valueStart)..<Int(field.valueEnd)], as: UTF8.self)
  }

  private func matches(_ field: Field, _ name: String) -> Bool {
    guard Int(field.nameEnd - field.nameStart) == name.utf8.count else { return false }
    var index = Int(field.nameStart)
    for byte in name.utf8 {
      guard HTTPSyntax.lowercased(text[index]) == HTTPSyntax.lowercased(byte) else { return false }
      index += 1
    }
    return true
  }
}

extension HTTPHeaders: ExpressibleByDictionaryLiteral {
  /// Fields in the order of the literal.
  package init(dictionaryLiteral elements: (String, String)...) {
    self.init()
    for (name, value) in elements { append(name, value) }
  }
}

/// Character classes of RFC 9110 §5.6.
enum HTTPSyntax {
  /// Bit b is set when ASCII b (below 64, then from 64 on) is a `tchar`.
  private static let tokenLow: UInt64 = 0x3ff_6cfa_0000_0000
  private static let tokenHigh: UInt64 = 0x57ff_ffff_c7ff_fffe

  @inline(__always)
  static func isToken(_ byte: UInt8) -> Bool {
    guard byte < 128 else { return false }
    let mask = byte < 64 ? tokenLow : tokenHigh
    return mask >> UInt64(byte & 63) & 1 == 1
  }

  /// Visible ASCII, bytes from 0x80 on, space and tab.
  @inline(__always)
  static func isFieldText(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != 0x7F || byte == 0x09
  }

  @inline(__always)
  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  @inline(__always)
  static func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }
}
