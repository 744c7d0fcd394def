public import Primitives

/// The codec dag-cbor (ipld.io/specs/codecs/dag-cbor; RFC 8949).
public enum DagCBOR {
  enum Initial {
    static let half: UInt8 = 0xf9
    static let single: UInt8 = 0xfa
    static let double: UInt8 = 0xfb
  }

  static let what = "dag-cbor value"

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
      throw .tooLarge(what: what, size: bytes.count, limit: BlockLimits.byteCountMax)
    }
    var decoder = DagCBORDecoder(
      reader: CBORReader(bytes, what: what, isCanonical: strictness == .canonical))
    let value = try decoder.value(depth: 0)
    let offset = decoder.reader.offset
    guard offset == bytes.count else {
      throw .trailingBytes(what: "the \(what)", count: bytes.count - offset)
    }
    return value
  }
}

/// Recursive descent over hostile bytes.
struct DagCBORDecoder {
  var reader: CBORReader

  mutating func value(depth: Int) throws(DecodingFailure) -> IPLDValue {
    guard depth <= IPLDLimits.depthMax else { throw reader.malformed("nested too deeply") }
    let initial = try reader.initial()
    if initial >> 5 == CBORMajor.simple { return try simple(initial) }
    let argument = try reader.argument()
    switch initial >> 5 {
    case CBORMajor.unsigned: return .integer(Int128(argument))
    case CBORMajor.negative: return .integer(-1 - Int128(argument))
    case CBORMajor.bytes: return .bytes(Bytes(try reader.take(argument)))
    case CBORMajor.text: return .text(try reader.text(argument))
    case CBORMajor.array: return .list(try list(argument, depth: depth))
    case CBORMajor.map: return .map(try map(argument, depth: depth))
    default: return .link(try link(tag: argument))
    }
  }

  private mutating func simple(_ initial: UInt8) throws(DecodingFailure) -> IPLDValue {
    reader.offset += 1
    switch initial {
    case CBORSimple.falseByte: return .bool(false)
    case CBORSimple.trueByte: return .bool(true)
    case CBORSimple.nullByte: return .null
    case DagCBOR.Initial.double: return try float(Double(bitPattern: reader.number(8)))
    case DagCBOR.Initial.single where !reader.isCanonical:
      return try float(Double(Float(bitPattern: UInt32(reader.number(4)))))
    case DagCBOR.Initial.half where !reader.isCanonical:
      return try float(Double(Self.half(UInt16(reader.number(2)))))
    default: throw reader.malformed("byte 0x\(String(initial, radix: 16)) starts no value")
    }
  }

  private func float(_ value: Double) throws(DecodingFailure) -> IPLDValue {
    guard value.isFinite else { throw reader.malformed("a number is not finite") }
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

  private mutating func list(
    _ count: UInt64, depth: Int
  ) throws(DecodingFailure) -> [IPLDValue] {
    let count = try reader.entryCount(count)
    var values: [IPLDValue] = []
    for _ in 0..<count { values.append(try value(depth: depth + 1)) }
    return values
  }

  private mutating func map(_ count: UInt64, depth: Int) throws(DecodingFailure) -> IPLDMap {
    let count = try reader.entryCount(count)
    var entries: [IPLDMap.Entry] = []
    for _ in 0..<count {
      guard try reader.initial() >> 5 == CBORMajor.text else {
        throw reader.malformed("a key is not text")
      }
      let key = try reader.text(try reader.argument())
      if reader.isCanonical, let last = entries.last, !IPLDMap.byLength(last.key, key) {
        throw reader.malformed("keys are unsorted or repeated")
      }
      entries.append(IPLDMap.Entry(key, try value(depth: depth + 1)))
    }
    if reader.isCanonical { return IPLDMap(distinct: entries) }
    guard let map = IPLDMap(entries) else { throw reader.malformed("a key repeats") }
    return map
  }

  private mutating func link(tag: UInt64) throws(DecodingFailure) -> CID {
    let content = try reader.link(tag: tag)
    do { return try CID(decoding: content) } catch {
      throw reader.malformed("a link is not a CID that can be followed: \(error)")
    }
  }
}
