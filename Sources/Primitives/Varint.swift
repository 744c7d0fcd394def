/// Unsigned varint of multiformats: LEB128, minimal, at most nine bytes (63 bits).
///
/// Specification: github.com/multiformats/unsigned-varint.
public enum Varint {
  /// Nine groups of seven bits.
  public static let bytesMax = 9

  /// Appends `value` (< 2⁶³) to `bytes`.
  public static func append(_ value: UInt64, to bytes: inout Bytes) {
    precondition(value < 1 << 63, "a varint holds 63 bits")
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Returns the encoding of `value`.
  public static func encode(_ value: UInt64) -> Bytes {
    var bytes = Bytes()
    append(value, to: &bytes)
    return bytes
  }

  /// Reads one varint at `offset` and moves `offset` behind it.
  ///
  /// Throws `truncated` when more bytes are needed, `malformed` when more would not help.
  public static func read(
    _ bytes: some RandomAccessCollection<UInt8>, at offset: inout Int
  ) throws(DecodingFailure) -> UInt64 {
    var value: UInt64 = 0
    for group in 0..<bytesMax {
      guard offset + group < bytes.count else { throw .truncated(what: "varint") }
      let byte = bytes[bytes.index(bytes.startIndex, offsetBy: offset + group)]
      value |= UInt64(byte & 0x7f) << UInt64(7 * group)
      if byte & 0x80 == 0 {
        guard byte != 0 || group == 0 else {
          throw .malformed(what: "varint", reason: "not minimal")
        }
        offset += group + 1
        return value
      }
    }
    throw .malformed(what: "varint", reason: "longer than nine bytes")
  }
}
