extension CanonicalValue {
  /// Reads exactly one value and nothing behind it.
  public init(decoding bytes: Bytes, limits: CanonicalLimits = .message) throws(DecodingFailure) {
    guard bytes.count <= limits.bytesMax else {
      throw .tooLarge(what: "canonical value", size: bytes.count, limit: limits.bytesMax)
    }
    var decoder = CanonicalDecoder(
      reader: CBORReader(bytes, what: "canonical value", isCanonical: true), limits: limits)
    self = try decoder.value(depth: 0)
    let offset = decoder.reader.offset
    guard offset == bytes.count else {
      throw .trailingBytes(what: "canonical value", count: bytes.count - offset)
    }
  }
}

/// Recursive descent over hostile bytes.
private struct CanonicalDecoder {
  var reader: CBORReader
  let limits: CanonicalLimits

  mutating func value(depth: Int) throws(DecodingFailure) -> CanonicalValue {
    guard depth <= CanonicalLimits.depthMax else { throw reader.malformed("nested too deeply") }
    let initial = try reader.initial()
    let major = initial >> 5
    if major == CBORMajor.simple { return try simple(initial) }
    let argument = try reader.argument()
    switch major {
    case CBORMajor.unsigned: return .unsigned(argument)
    case CBORMajor.negative: return .negative(argument)
    case CBORMajor.bytes: return .bytes(Bytes(try reader.take(argument)))
    case CBORMajor.text: return .text(try reader.text(argument))
    case CBORMajor.array: return .array(try array(argument, depth: depth))
    case CBORMajor.map: return .map(try map(argument, depth: depth))
    default: return .link(try link(tag: argument))
    }
  }

  private mutating func simple(_ initial: UInt8) throws(DecodingFailure) -> CanonicalValue {
    reader.offset += 1
    switch initial {
    case CBORSimple.falseByte: return .bool(false)
    case CBORSimple.trueByte: return .bool(true)
    case CBORSimple.nullByte: return .null
    default: throw reader.malformed("floating point and other simple values are not allowed")
    }
  }

  private func entryCount(_ count: UInt64) throws(DecodingFailure) -> Int {
    guard count <= UInt64(limits.entriesMax) else {
      throw .tooLarge(
        what: "array or map", size: Int(clamping: count), limit: limits.entriesMax)
    }
    return try reader.entryCount(count)
  }

  private mutating func array(
    _ count: UInt64, depth: Int
  ) throws(DecodingFailure) -> [CanonicalValue] {
    let count = try entryCount(count)
    var values: [CanonicalValue] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try value(depth: depth + 1)) }
    return values
  }

  private mutating func map(
    _ count: UInt64, depth: Int
  ) throws(DecodingFailure) -> [String: CanonicalValue] {
    let count = try entryCount(count)
    var entries: [String: CanonicalValue] = [:]
    entries.reserveCapacity(count)
    var previous: Bytes?
    for _ in 0..<count {
      guard try reader.initial() >> 5 == CBORMajor.text else {
        throw reader.malformed("a map key is not text")
      }
      let key = try reader.text(try reader.argument())
      let keyBytes = Array(key.utf8)
      if let previous, !CanonicalValue.keyPrecedes(previous, keyBytes) {
        throw reader.malformed("map keys are unsorted or repeated")
      }
      previous = keyBytes
      // Swift compares text by canonical equivalence: two spellings of one key would collapse.
      guard entries.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
        throw reader.malformed("two map keys are the same text")
      }
    }
    return entries
  }

  private mutating func link(tag: UInt64) throws(DecodingFailure) -> Bytes {
    let content = try reader.link(tag: tag)
    guard !content.isEmpty else { throw reader.malformed("a link lacks its leading zero byte") }
    return Bytes(content)
  }
}
