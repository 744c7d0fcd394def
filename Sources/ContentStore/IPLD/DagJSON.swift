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
    var scanner = JSONScanner(bytes, what: what, place: .byte)
    let value = try value(&scanner, depth: 0)
    try scanner.finish("the \(what)")
    if strictness == .canonical, try encode(value) != bytes {
      throw .malformed(what: what, reason: "not in its one form")
    }
    return value
  }

  private static func value(
    _ scanner: inout JSONScanner, depth: Int
  ) throws(DecodingFailure) -> IPLDValue {
    guard depth <= IPLDLimits.depthMax else { throw scanner.malformed("nested too deeply") }
    switch try scanner.kind() {
    case .object: return try object(&scanner, depth: depth)
    case .array: return .list(try list(&scanner, depth: depth))
    case .string: return .text(try scanner.string())
    case .number: return try number(&scanner)
    case .bool(let flag): return .bool(flag)
    case .null: return .null
    }
  }

  private static func list(
    _ scanner: inout JSONScanner, depth: Int
  ) throws(DecodingFailure) -> [IPLDValue] {
    var values: [IPLDValue] = []
    try scanner.array { (scanner) throws(DecodingFailure) in
      values.append(try value(&scanner, depth: depth + 1))
    }
    return values
  }

  private static func object(
    _ scanner: inout JSONScanner, depth: Int
  ) throws(DecodingFailure) -> IPLDValue {
    var entries: [IPLDMap.Entry] = []
    try scanner.object { (scanner, key) throws(DecodingFailure) in
      entries.append(IPLDMap.Entry(key, try value(&scanner, depth: depth + 1)))
    }
    guard let map = IPLDMap(entries) else { throw scanner.malformed("a key repeats") }
    guard let reserved = map[reservedKey] else { return .map(map) }
    // A byte string's inner map never has the key, so this is the outer one.
    guard entries.count == 1 else { throw scanner.malformed("the key `/` beside others") }
    return try self.reserved(reserved, scanner)
  }

  private static func reserved(
    _ value: IPLDValue, _ scanner: JSONScanner
  ) throws(DecodingFailure) -> IPLDValue {
    switch value {
    case .text(let text):
      do { return .link(try CID(parsing: text)) } catch {
        throw scanner.malformed("a link is not a CID that can be followed: \(error)")
      }
    case .map(let map) where map.entries.count == 1:
      guard case .text(let text)? = map[bytesKey] else { fallthrough }
      return .bytes(try Multibase.base64.decode(text))
    default: throw scanner.malformed("the key `/` is neither a link nor bytes")
    }
  }

  /// Integers keep all 64 bits.
  private static func number(
    _ scanner: inout JSONScanner
  ) throws(DecodingFailure) -> IPLDValue {
    let (text, isInteger) = try scanner.number()
    if isInteger {
      guard let integer = Int128(text), IPLDLimits.integers.contains(integer) else {
        throw scanner.malformed("an integer of more than 64 bits")
      }
      return .integer(integer)
    }
    guard let number = Double(text), number.isFinite else {
      throw scanner.malformed("a number too large")
    }
    return .float(number)
  }
}
