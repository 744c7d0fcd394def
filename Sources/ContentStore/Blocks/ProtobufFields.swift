import Primitives

/// The part of the protobuf wire format that dag-pb and UnixFS use: varints and byte strings.
///
/// protobuf.dev/programming-guides/encoding; varints must be minimal, as dag-pb requires.
struct ProtobufReader {
  enum Value {
    case varint(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  private let bytes: ArraySlice<UInt8>
  private let what: String
  private var offset = 0

  init(_ bytes: ArraySlice<UInt8>, what: String) {
    self.bytes = bytes
    self.what = what
  }

  /// Returns the next field, or nil at the end.
  mutating func next() throws(DecodingFailure) -> (number: UInt64, value: Value)? {
    guard offset < bytes.count else { return nil }
    let key = try Varint.readShort(bytes, at: &offset)
    let wireType = key & 7
    switch wireType {
    case 0: return (key >> 3, .varint(try Varint.readShort(bytes, at: &offset)))
    case 2:
      let count = try Varint.readShort(bytes, at: &offset)
      guard count <= bytes.count - offset else { throw .truncated(what: what) }
      let start = bytes.startIndex + offset
      offset += Int(count)
      return (key >> 3, .bytes(bytes[start..<start + Int(count)]))
    default: throw .malformed(what: what, reason: "wire type \(wireType)")
    }
  }
}

enum ProtobufWriter {
  static func append(field: UInt64, varint: UInt64, to bytes: inout Bytes) {
    Varint.append(field << 3, to: &bytes)
    Varint.append(varint, to: &bytes)
  }

  static func append(field: UInt64, header count: Int, to bytes: inout Bytes) {
    Varint.append(field << 3 | 2, to: &bytes)
    Varint.append(UInt64(count), to: &bytes)
  }

  static func append(field: UInt64, bytes content: Bytes, to bytes: inout Bytes) {
    append(field: field, header: content.count, to: &bytes)
    bytes += content
  }
}

extension Varint {
  /// Reads a varint at `offset`; the one-byte ones, which nearly all are, at once.
  static func readShort(
    _ bytes: ArraySlice<UInt8>, at offset: inout Int
  ) throws(DecodingFailure) -> UInt64 {
    let index = bytes.startIndex + offset
    guard index < bytes.endIndex, bytes[index] < 0x80 else { return try read(bytes, at: &offset) }
    offset += 1
    return UInt64(bytes[index])
  }
}
