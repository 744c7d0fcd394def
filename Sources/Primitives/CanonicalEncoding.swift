/// CBOR major types (RFC 8949 §3.1).
enum CBORMajor {
  static let unsigned: UInt8 = 0
  static let negative: UInt8 = 1
  static let bytes: UInt8 = 2
  static let text: UInt8 = 3
  static let array: UInt8 = 4
  static let map: UInt8 = 5
  static let tag: UInt8 = 6
  static let simple: UInt8 = 7
}

/// Simple values and the one tag that dag-cbor knows.
enum CBORSimple {
  static let falseByte: UInt8 = 0xf4
  static let trueByte: UInt8 = 0xf5
  static let nullByte: UInt8 = 0xf6
  static let linkTag: UInt64 = 42
}

extension CanonicalValue {
  /// Returns the canonical bytes.
  public func encoded() -> Bytes {
    var output = Bytes()
    append(to: &output)
    return output
  }

  /// Appends the canonical bytes.
  public func append(to output: inout Bytes) {
    switch self {
    case .unsigned(let value): Self.appendHead(CBORMajor.unsigned, value, to: &output)
    case .negative(let value): Self.appendHead(CBORMajor.negative, value, to: &output)
    case .bytes(let bytes): Self.appendBytes(bytes, to: &output)
    case .text(let text): Self.appendText(text, to: &output)
    case .array(let values):
      Self.appendHead(CBORMajor.array, UInt64(values.count), to: &output)
      for value in values { value.append(to: &output) }
    case .map(let entries): Self.appendMap(entries, to: &output)
    case .bool(let value): output.append(value ? CBORSimple.trueByte : CBORSimple.falseByte)
    case .null: output.append(CBORSimple.nullByte)
    case .link(let cid):
      Self.appendHead(CBORMajor.tag, CBORSimple.linkTag, to: &output)
      Self.appendBytes([0] + cid, to: &output)
    }
  }

  private static func appendMap(_ entries: [String: CanonicalValue], to output: inout Bytes) {
    appendHead(CBORMajor.map, UInt64(entries.count), to: &output)
    let sorted = entries.sorted { keyPrecedes($0.key.utf8, $1.key.utf8) }
    for (key, value) in sorted {
      appendText(key, to: &output)
      value.append(to: &output)
    }
  }

  /// dag-cbor orders keys by length first, then by bytes.
  static func keyPrecedes(
    _ left: some Collection<UInt8>, _ right: some Collection<UInt8>
  ) -> Bool {
    left.count != right.count ? left.count < right.count : left.lexicographicallyPrecedes(right)
  }

  private static func appendBytes(_ bytes: Bytes, to output: inout Bytes) {
    appendHead(CBORMajor.bytes, UInt64(bytes.count), to: &output)
    output += bytes
  }

  private static func appendText(_ text: String, to output: inout Bytes) {
    appendHead(CBORMajor.text, UInt64(text.utf8.count), to: &output)
    output += text.utf8
  }

  private static func appendHead(_ major: UInt8, _ value: UInt64, to output: inout Bytes) {
    let type = major << 5
    switch value {
    case 0..<24: output.append(type | UInt8(value))
    case 24...0xff: output += [type | 24, UInt8(value)]
    case 0x100...0xffff: appendArgument(type | 25, value, byteCount: 2, to: &output)
    case 0x1_0000...0xffff_ffff: appendArgument(type | 26, value, byteCount: 4, to: &output)
    default: appendArgument(type | 27, value, byteCount: 8, to: &output)
    }
  }

  private static func appendArgument(
    _ initial: UInt8, _ value: UInt64, byteCount: Int, to output: inout Bytes
  ) {
    output.append(initial)
    for position in (0..<byteCount).reversed() {
      output.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * position)))
    }
  }
}
