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
    case .null: output.append(CBORSimple.nullByte)
    case .bool(let flag): output.append(flag ? CBORSimple.trueByte : CBORSimple.falseByte)
    case .integer(let integer): try append(integer, to: &output)
    case .float(let number):
      guard number.isFinite else { throw unwritable("a number that is not finite") }
      output.append(Initial.double)
      CBORWriting.append(bigEndian: number.bitPattern, byteCount: 8, to: &output)
    case .text(let text): CBORWriting.append(text, to: &output)
    case .bytes(let bytes):
      CBORWriting.appendHead(CBORMajor.bytes, UInt64(bytes.count), to: &output)
      output += bytes
    case .list(let values):
      CBORWriting.appendHead(CBORMajor.array, UInt64(values.count), to: &output)
      for value in values { try append(value, to: &output) }
    case .map(let map):
      CBORWriting.appendHead(CBORMajor.map, UInt64(map.entries.count), to: &output)
      for entry in map.sorted(by: IPLDMap.byLength) {
        CBORWriting.append(entry.key, to: &output)
        try append(entry.value, to: &output)
      }
    case .link(let cid):
      CBORWriting.appendHead(CBORMajor.tag, CBORSimple.linkTag, to: &output)
      CBORWriting.appendHead(CBORMajor.bytes, UInt64(cid.byteCount + 1), to: &output)
      output.append(0)
      cid.append(to: &output)
    }
  }

  private static func unwritable(_ reason: String) -> DecodingFailure {
    .malformed(what: what, reason: reason)
  }

  private static func append(
    _ integer: Int128, to output: inout Bytes
  ) throws(DecodingFailure) {
    guard IPLDLimits.integers.contains(integer) else {
      throw unwritable("an integer of more than 64 bits")
    }
    if integer >= 0 {
      CBORWriting.appendHead(CBORMajor.unsigned, UInt64(integer), to: &output)
    } else {
      CBORWriting.appendHead(CBORMajor.negative, UInt64(-1 - integer), to: &output)
    }
  }
}
