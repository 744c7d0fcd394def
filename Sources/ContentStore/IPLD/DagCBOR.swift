public import Primitives

/// The codec dag-cbor (ipld.io/specs/codecs/dag-cbor; RFC 8949).
public enum DagCBOR {
  enum Major {
    static let unsigned: UInt8 = 0
    static let negative: UInt8 = 1
    static let bytes: UInt8 = 2
    static let text: UInt8 = 3
    static let list: UInt8 = 4
    static let map: UInt8 = 5
    static let tag: UInt8 = 6
    static let simple: UInt8 = 7
  }

  enum Initial {
    static let falseByte: UInt8 = 0xf4
    static let trueByte: UInt8 = 0xf5
    static let nullByte: UInt8 = 0xf6
    static let half: UInt8 = 0xf9
    static let single: UInt8 = 0xfa
    static let double: UInt8 = 0xfb
  }

  /// The one tag: a CID with a zero byte in front.
  static let linkTag: UInt64 = 42

  /// How much a decoder lets pass.
  public enum Strictness: Sendable {
    /// The one spelling of each value.
    case canonical
    /// Blocks of old writers too: unsorted keys, long integers and short floats. Repeated keys,
    /// indefinite lengths, other tags and bytes behind the end stay errors.
    case readable
  }

  /// Reads exactly one value.
  public static func decode(
    _ bytes: Bytes, _ strictness: Strictness = .canonical
  ) throws(DecodingFailure) -> IPLDValue {
    guard bytes.count <= BlockLimits.byteCountMax else {
      throw .tooLarge(
        what: DagCBORDecoder.what, size: bytes.count, limit: BlockLimits.byteCountMax)
    }
    var decoder = DagCBORDecoder(bytes: bytes, isCanonical: strictness == .canonical)
    let value = try decoder.value(depth: 0)
    guard decoder.offset == bytes.count else {
      throw .trailingBytes(
        what: "the \(DagCBORDecoder.what)", count: bytes.count - decoder.offset)
    }
    return value
  }
}

/// Recursive descent; every length is checked against what is left.
struct DagCBORDecoder {
  static let what = "dag-cbor value"

  let bytes: Bytes
  let isCanonical: Bool
  var offset = 0

  mutating func value(depth: Int) throws(DecodingFailure) -> IPLDValue {
    guard depth <= IPLDLimits.depthMax else { throw malformed("nested too deeply") }
    guard offset < bytes.count else { throw .truncated(what: Self.what) }
    let initial = bytes[offset]
    if initial >> 5 == DagCBOR.Major.simple { return try simple(initial) }
    let argument = try argument()
    switch initial >> 5 {
    case DagCBOR.Major.unsigned: return .integer(Int128(argument))
    case DagCBOR.Major.negative: return .integer(-1 - Int128(argument))
    case DagCBOR.Major.bytes: return .bytes(Bytes(try take(argument)))
    case DagCBOR.Major.text: return .text(try text(argument))
    case DagCBOR.Major.list: return .list(try list(argument, depth: depth))
    case DagCBOR.Major.map: return .map(try map(argument, depth: depth))
    default: return .link(try link(tag: argument))
    }
  }

  private func malformed(_ reason: String) -> DecodingFailure {
    .malformed(what: Self.what, reason: reason)
  }

  private mutating func simple(_ initial: UInt8) throws(DecodingFailure) -> IPLDValue {
    offset += 1
    switch initial {
    case DagCBOR.Initial.falseByte: return .bool(false)
    case DagCBOR.Initial.trueByte: return .bool(true)
    case DagCBOR.Initial.nullByte: return .null
    case DagCBOR.Initial.double: return try float(Double(bitPattern: number(8)))
    case DagCBOR.Initial.single where !isCanonical:
      return try float(Double(Float(bitPattern: UInt32(number(4)))))
    case DagCBOR.Initial.half where !isCanonical:
      return try float(Double(Self.half(UInt16(number(2)))))
    default: throw malformed("byte 0x\(String(initial, radix: 16)) starts no value")
    }
  }

  private func float(_ value: Double) throws(DecodingFailure) -> IPLDValue {
    guard value.isFinite else { throw malformed("a number is not finite") }
    return .float(value)
  }

  /// IEEE 754 binary16, which not every processor has (RFC 8949, appendix D).
  private static func half(_ bits: UInt16) -> Float {
    let (exponent, fraction) = (Int(bits >> 10 & 0x1f), Float(bits & 0x3ff))
    let magnitude: Float
    switch exponent {
    case 0: magnitude = fraction / 16_777_216
    case 31: magnitude = fraction == 0 ? .infinity : .nan
    default:
      magnitude = Float(sign: .plus, exponent: exponent - 25, significand: 1_024 + fraction)
    }
    return bits >> 15 == 0 ? magnitude : -magnitude
  }

  private mutating func number(_ byteCount: Int) throws(DecodingFailure) -> UInt64 {
    guard bytes.count - offset >= byteCount else { throw .truncated(what: Self.what) }
    var value: UInt64 = 0
    for byte in bytes[offset..<offset + byteCount] { value = value << 8 | UInt64(byte) }
    offset += byteCount
    return value
  }

  private mutating func argument() throws(DecodingFailure) -> UInt64 {
    let low = bytes[offset] & 31
    offset += 1
    guard low >= 24 else { return UInt64(low) }
    guard low <= 27 else { throw malformed("an indefinite or reserved length") }
    let byteCount = 1 << Int(low - 24)
    let value = try number(byteCount)
    let smallest: UInt64 = low == 24 ? 24 : 1 << UInt64(4 * byteCount)
    guard value >= smallest || !isCanonical else {
      throw malformed("an integer is not in its shortest form")
    }
    return value
  }

  private mutating func take(_ count: UInt64) throws(DecodingFailure) -> ArraySlice<UInt8> {
    guard count <= UInt64(bytes.count - offset) else { throw .truncated(what: Self.what) }
    defer { offset += Int(count) }
    return bytes[offset..<offset + Int(count)]
  }

  private mutating func text(_ count: UInt64) throws(DecodingFailure) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw malformed("text is not UTF-8")
    }
    return text
  }

  /// Each entry takes at least one byte, so a lying count cannot reserve memory.
  private func entryCount(_ count: UInt64) throws(DecodingFailure) -> Int {
    guard count <= UInt64(bytes.count - offset) else { throw .truncated(what: Self.what) }
    return Int(count)
  }

  private mutating func list(
    _ count: UInt64, depth: Int
  ) throws(DecodingFailure) -> [IPLDValue] {
    let count = try entryCount(count)
    var values: [IPLDValue] = []
    for _ in 0..<count { values.append(try value(depth: depth + 1)) }
    return values
  }

  private mutating func map(_ count: UInt64, depth: Int) throws(DecodingFailure) -> IPLDMap {
    let count = try entryCount(count)
    var entries: [IPLDMap.Entry] = []
    for _ in 0..<count {
      guard offset < bytes.count else { throw .truncated(what: Self.what) }
      guard bytes[offset] >> 5 == DagCBOR.Major.text else { throw malformed("a key is not text") }
      let key = try text(try argument())
      if isCanonical, let last = entries.last, !IPLDMap.byLength(last.key, key) {
        throw malformed("keys are unsorted or repeated")
      }
      entries.append(IPLDMap.Entry(key, try value(depth: depth + 1)))
    }
    if isCanonical { return IPLDMap(distinct: entries) }
    guard let map = IPLDMap(entries) else { throw malformed("a key repeats") }
    return map
  }

  private mutating func link(tag: UInt64) throws(DecodingFailure) -> CID {
    guard tag == DagCBOR.linkTag else { throw malformed("tag \(tag) is not allowed") }
    guard offset < bytes.count else { throw .truncated(what: Self.what) }
    guard bytes[offset] >> 5 == DagCBOR.Major.bytes else { throw malformed("a link is not bytes") }
    let content = try take(try argument())
    guard content.first == 0 else { throw malformed("a link lacks its leading zero byte") }
    do { return try CID(decoding: content.dropFirst()) } catch {
      throw malformed("a link is not a CID that can be followed: \(error)")
    }
  }
}
