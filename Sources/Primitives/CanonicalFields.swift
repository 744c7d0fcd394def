/// Reads the fields of a canonical map one by one; `finish` refuses what nobody asked for.
public struct CanonicalFields {
  private var entries: [String: CanonicalValue]

  /// Opens a map.
  public init(_ value: CanonicalValue) throws(DecodingFailure) {
    guard case .map(let entries) = value else {
      throw .malformed(what: "message", reason: "not a map")
    }
    self.entries = entries
  }

  /// Takes a required field.
  public mutating func value(_ name: String) throws(DecodingFailure) -> CanonicalValue {
    guard let value = entries.removeValue(forKey: name) else { throw .missingField(name) }
    return value
  }

  /// Takes a field that may be absent.
  public mutating func optional(_ name: String) -> CanonicalValue? {
    entries.removeValue(forKey: name)
  }

  /// Takes an unsigned integer.
  public mutating func unsigned(_ name: String) throws(DecodingFailure) -> UInt64 {
    guard case .unsigned(let number) = try value(name) else { throw wrongType(name, "unsigned") }
    return number
  }

  /// Takes an unsigned integer that fits `Int` and is at most `max`.
  public mutating func count(_ name: String, max: Int) throws(DecodingFailure) -> Int {
    let number = try unsigned(name)
    guard number <= UInt64(max) else {
      throw .tooLarge(what: name, size: Int(clamping: number), limit: max)
    }
    return Int(number)
  }

  /// Takes a byte string, of exactly `count` bytes where that is given.
  public mutating func bytes(
    _ name: String, count: Int? = nil
  ) throws(DecodingFailure) -> Bytes {
    guard case .bytes(let bytes) = try value(name) else { throw wrongType(name, "bytes") }
    if let count, bytes.count != count { throw wrongType(name, "\(count) bytes") }
    return bytes
  }

  /// Takes text.
  public mutating func text(_ name: String) throws(DecodingFailure) -> String {
    guard case .text(let text) = try value(name) else { throw wrongType(name, "text") }
    return text
  }

  /// Takes a truth value.
  public mutating func bool(_ name: String) throws(DecodingFailure) -> Bool {
    guard case .bool(let flag) = try value(name) else { throw wrongType(name, "true or false") }
    return flag
  }

  /// Takes an array.
  public mutating func array(_ name: String) throws(DecodingFailure) -> [CanonicalValue] {
    guard case .array(let values) = try value(name) else { throw wrongType(name, "array") }
    return values
  }

  /// Takes an array of encodable elements.
  public mutating func list<Element: CanonicalCodable>(
    _ name: String, of type: Element.Type = Element.self
  ) throws(DecodingFailure) -> [Element] {
    var elements: [Element] = []
    for value in try array(name) { elements.append(try Element(canonicalValue: value)) }
    return elements
  }

  /// Takes an encodable value.
  public mutating func nested<Nested: CanonicalCodable>(
    _ name: String, as type: Nested.Type = Nested.self
  ) throws(DecodingFailure) -> Nested {
    try Nested(canonicalValue: value(name))
  }

  /// Refuses fields that were not taken.
  public func finish() throws(DecodingFailure) {
    if let name = entries.keys.min() { throw .unknownField(name) }
  }

  private func wrongType(_ name: String, _ expected: String) -> DecodingFailure {
    .malformed(what: "field `\(name)`", reason: "expected \(expected)")
  }
}
