extension CanonicalValue {
  /// Reads exactly one value and nothing behind it.
  public init(decoding bytes: Bytes, limits: CanonicalLimits = .message) throws(DecodingFailure) {
    guard bytes.count <= limits.bytesMax else {
      throw .tooLarge(what: "canonical value", size: bytes.count, limit: limits.bytesMax)
    }
    var decoder = CanonicalDecoder(bytes: bytes, limits: limits)
    self = try decoder.value(depth: 0)
    guard decoder.offset == bytes.count else {
      throw .trailingBytes(what: "canonical value", count: bytes.count - decoder.offset)
    }
  }
}

/// Recursive descent over hostile bytes; every length is checked against what is left.
private struct CanonicalDecoder {
  let bytes: Bytes
  let limits: CanonicalLimits
  var offset = 0

  mutating func value(depth: Int) throws(DecodingFailure) -> CanonicalValue {
    guard depth <= CanonicalLimits.depthMax else { throw malformed("nested too deeply") }
    guard offset < bytes.count else { throw .truncated(what: "canonical value") }
    let initial = bytes[offset]
    let major = initial >> 5
    if major == CBORMajor.simple { return try simple(initial) }
    let argument = try argument()
    switch major {
    case CBORMajor.unsigned: return .unsigned(argument)
    case CBORMajor.negative: return .negative(argument)
    case CBORMajor.bytes: return .bytes(try take(argument))
    case CBORMajor.text: return .text(try text(argument))
    case CBORMajor.array: return .array(try array(argument, depth: depth))
    case CBORMajor.map: return .map(try map(argument, depth: depth))
    default: return try link(tag: argument)
    }
  }

  private func malformed(_ reason: String) -> DecodingFailure {
    .malformed(what: "canonical value", reason: reason)
  }

  private mutating func simple(_ initial: UInt8) throws(DecodingFailure) -> CanonicalValue {
    offset += 1
    switch initial {
    case CBORSimple.falseByte: return .bool(false)
    case CBORSimple.trueByte: return .bool(true)
    case CBORSimple.nullByte: return .null
    default: throw malformed("floating point and other simple values are not allowed")
    }
  }

  private mutating func argument() throws(DecodingFailure) -> UInt64 {
    let low = bytes[offset] & 31
    offset += 1
    guard low >= 24 else { return UInt64(low) }
    guard low <= 27 else { throw malformed("indefinite or reserved length") }
    let byteCount = 1 << Int(low - 24)
    guard bytes.count - offset >= byteCount else { throw .truncated(what: "canonical value") }
    var value: UInt64 = 0
    for _ in 0..<byteCount {
      value = value << 8 | UInt64(bytes[offset])
      offset += 1
    }
    let smallest: UInt64 = low == 24 ? 24 : 1 << UInt64(4 * byteCount)
    guard value >= smallest else { throw malformed("an integer is not in its shortest form") }
    return value
  }

  private mutating func take(_ count: UInt64) throws(DecodingFailure) -> Bytes {
    guard count <= UInt64(bytes.count - offset) else { throw .truncated(what: "canonical value") }
    defer { offset += Int(count) }
    return Bytes(bytes[offset..<offset + Int(count)])
  }

  private mutating func text(_ count: UInt64) throws(DecodingFailure) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw malformed("text is not UTF-8")
    }
    return text
  }

  private func entryCount(_ count: UInt64) throws(DecodingFailure) -> Int {
    guard count <= UInt64(limits.entriesMax) else {
      throw .tooLarge(
        what: "array or map", size: Int(clamping: count), limit: limits.entriesMax)
    }
    // Each entry takes at least one byte, so a lying count cannot reserve memory.
    guard count <= UInt64(bytes.count - offset) else { throw .truncated(what: "canonical value") }
    return Int(count)
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
      guard offset < bytes.count else { throw .truncated(what: "canonical value") }
      guard bytes[offset] >> 5 == CBORMajor.text else { throw malformed("a map key is not text") }
      let length = try argument()
      let key = try text(length)
      let keyBytes = Array(key.utf8)
      if let previous, !CanonicalValue.keyPrecedes(previous, keyBytes) {
        throw malformed("map keys are unsorted or repeated")
      }
      previous = keyBytes
      // Swift compares text by canonical equivalence: two spellings of one key would collapse.
      guard entries.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
        throw malformed("two map keys are the same text")
      }
    }
    return entries
  }

  private mutating func link(tag: UInt64) throws(DecodingFailure) -> CanonicalValue {
    guard tag == CBORSimple.linkTag else { throw malformed("tag \(tag) is not allowed") }
    guard offset < bytes.count else { throw .truncated(what: "canonical value") }
    guard bytes[offset] >> 5 == CBORMajor.bytes else { throw malformed("a link is not bytes") }
    let content = try take(try argument())
    guard let first = content.first, first == 0, content.count > 1 else {
      throw malformed("a link lacks its leading zero byte")
    }
    return .link(Bytes(content.dropFirst()))
  }
}
