public import Primitives

extension DagCBOR {
  /// Returns the one block of a value; an integer or number that has no spelling is an error.
  public static func encode(_ value: IPLDValue) throws(DecodingFailure) -> Bytes {
    var output = Bytes()
    try append(value, to: &output)
    return output
  }

  private static func append(_ value: IPLDValue, to output: inout Bytes) throws(DecodingFailure) {
    switch value {
    case .null: output.append(Initial.nullByte)
    case .bool(let flag): output.append(flag ? Initial.trueByte : Initial.falseByte)
    case .integer(let integer): try append(integer, to: &output)
    case .float(let number):
      guard number.isFinite else { throw unwritable("a number that is not finite") }
      output.append(Initial.double)
      append(bigEndian: number.bitPattern, byteCount: 8, to: &output)
    case .text(let text): append(text, to: &output)
    case .bytes(let bytes):
      append(Major.bytes, UInt64(bytes.count), to: &output)
      output += bytes
    case .list(let values):
      append(Major.list, UInt64(values.count), to: &output)
      for value in values { try append(value, to: &output) }
    case .map(let map):
      append(Major.map, UInt64(map.entries.count), to: &output)
      for entry in map.sorted(by: IPLDMap.byLength) {
        append(entry.key, to: &output)
        try append(entry.value, to: &output)
      }
    case .link(let cid):
      append(Major.tag, linkTag, to: &output)
      append(Major.bytes, UInt64(cid.byteCount + 1), to: &output)
      output.append(0)
      cid.append(to: &output)
    }
  }

  private static func unwritable(_ reason: String) -> DecodingFailure {
    .malformed(what: DagCBORDecoder.what, reason: reason)
  }

  private static func append(
    _ integer: Int128, to output: inout Bytes
  ) throws(DecodingFailure) {
    guard IPLDLimits.integers.contains(integer) else {
      throw unwritable("an integer of more than 64 bits")
    }
    if integer >= 0 {
      append(Major.unsigned, UInt64(integer), to: &output)
    } else {
      append(Major.negative, UInt64(-1 - integer), to: &output)
    }
  }

  private static func append(_ text: String, to output: inout Bytes) {
    append(Major.text, UInt64(text.utf8.count), to: &output)
    output += text.utf8
  }

  private static func append(_ major: UInt8, _ value: UInt64, to output: inout Bytes) {
    let type = major << 5
    switch value {
    case 0..<24: output.append(type | UInt8(value))
    case 24...0xff: output += [type | 24, UInt8(value)]
    case 0x100...0xffff:
      output.append(type | 25)
      append(bigEndian: value, byteCount: 2, to: &output)
    case 0x1_0000...0xffff_ffff:
      output.append(type | 26)
      append(bigEndian: value, byteCount: 4, to: &output)
    default:
      output.append(type | 27)
      append(bigEndian: value, byteCount: 8, to: &output)
    }
  }

  private static func append(bigEndian value: UInt64, byteCount: Int, to output: inout Bytes) {
    for position in (0..<byteCount).reversed() {
      output.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * position)))
    }
  }
}
