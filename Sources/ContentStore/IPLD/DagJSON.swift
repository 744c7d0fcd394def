public import Primitives

/// The codec dag-json (ipld.io/specs/codecs/dag-json): JSON in which `{"/": CID}` is a link and
/// `{"/": {"bytes": base64}}` a byte string.
public enum DagJSON {
  static let what = "dag-json value"
  /// The key that only links and byte strings have.
  static let reservedKey = "/"
  static let bytesKey = "bytes"

  /// How much a decoder lets pass.
  public enum Strictness: Sendable {
    /// The one spelling of each value: no space, keys sorted by bytes, no needless escape.
    case canonical
    /// Any JSON; keys that repeat and other uses of the key `/` stay errors.
    case readable
  }

  /// Reads exactly one value.
  public static func decode(
    _ bytes: Bytes, _ strictness: Strictness = .readable
  ) throws(DecodingFailure) -> IPLDValue {
    guard bytes.count <= BlockLimits.byteCountMax else {
      throw .tooLarge(what: what, size: bytes.count, limit: BlockLimits.byteCountMax)
    }
    var decoder = DagJSONDecoder(bytes: bytes)
    let value = try decoder.document()
    if strictness == .canonical, try encode(value) != bytes {
      throw .malformed(what: what, reason: "not in its one form")
    }
    return value
  }
}

/// Recursive descent over JSON (RFC 8259) whose integers keep all 64 bits.
struct DagJSONDecoder {
  let bytes: Bytes
  var offset = 0

  mutating func document() throws(DecodingFailure) -> IPLDValue {
    let value = try value(depth: 0)
    skipSpace()
    guard offset == bytes.count else {
      throw .trailingBytes(what: "the \(DagJSON.what)", count: bytes.count - offset)
    }
    return value
  }

  func malformed(_ reason: String) -> DecodingFailure {
    .malformed(what: DagJSON.what, reason: "\(reason) at byte \(offset)")
  }

  private mutating func skipSpace() {
    while offset < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[offset]) { offset += 1 }
  }

  func peek() throws(DecodingFailure) -> UInt8 {
    guard offset < bytes.count else { throw .truncated(what: DagJSON.what) }
    return bytes[offset]
  }

  mutating func take(_ character: Character) throws(DecodingFailure) {
    guard try peek() == character.asciiValue else { throw malformed("expected `\(character)`") }
    offset += 1
  }

  /// Skips `character` when it comes next.
  private mutating func takes(_ character: Character) throws(DecodingFailure) -> Bool {
    skipSpace()
    guard try peek() == character.asciiValue else { return false }
    offset += 1
    return true
  }

  private mutating func value(depth: Int) throws(DecodingFailure) -> IPLDValue {
    guard depth <= IPLDLimits.depthMax else { throw malformed("nested too deeply") }
    skipSpace()
    switch try peek() {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return .list(try list(depth: depth))
    case UInt8(ascii: "\""): return .text(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(
    _ word: String, _ value: IPLDValue
  ) throws(DecodingFailure) -> IPLDValue {
    guard bytes[offset...].starts(with: word.utf8) else { throw malformed("an unknown word") }
    offset += word.utf8.count
    return value
  }

  private mutating func list(depth: Int) throws(DecodingFailure) -> [IPLDValue] {
    try take("[")
    if try takes("]") { return [] }
    var values: [IPLDValue] = []
    repeat { values.append(try value(depth: depth + 1)) } while try takes(",")
    try take("]")
    return values
  }

  private mutating func object(depth: Int) throws(DecodingFailure) -> IPLDValue {
    try take("{")
    var entries: [IPLDMap.Entry] = []
    if try !takes("}") {
      repeat {
        skipSpace()
        let key = try string()
        skipSpace()
        try take(":")
        entries.append(IPLDMap.Entry(key, try value(depth: depth + 1)))
      } while try takes(",")
      try take("}")
    }
    guard let map = IPLDMap(entries) else { throw malformed("a key repeats") }
    guard let reserved = map[DagJSON.reservedKey] else { return .map(map) }
    // A byte string's inner map never has the key, so this is the outer one.
    guard entries.count == 1 else { throw malformed("the key `/` beside others") }
    return try self.reserved(reserved)
  }

  private func reserved(_ value: IPLDValue) throws(DecodingFailure) -> IPLDValue {
    switch value {
    case .text(let text):
      do { return .link(try CID(parsing: text)) } catch {
        throw malformed("a link is not a CID that can be followed: \(error)")
      }
    case .map(let map) where map.entries.count == 1:
      guard case .text(let text)? = map[DagJSON.bytesKey] else { fallthrough }
      return .bytes(try Multibase.base64.decode(text))
    default: throw malformed("the key `/` is neither a link nor bytes")
    }
  }

  private mutating func number() throws(DecodingFailure) -> IPLDValue {
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
    if isInteger {
      guard let integer = Int128(text), IPLDLimits.integers.contains(integer) else {
        throw malformed("an integer of more than 64 bits")
      }
      return .integer(integer)
    }
    guard let number = Double(text), number.isFinite else { throw malformed("a number too large") }
    return .float(number)
  }

  private mutating func digits() throws(DecodingFailure) -> ArraySlice<UInt8> {
    let start = offset
    while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) {
      offset += 1
    }
    guard offset > start else { throw malformed("expected a value") }
    return bytes[start..<offset]
  }
}
