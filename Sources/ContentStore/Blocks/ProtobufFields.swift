import Primitives

/// The part of the protobuf wire format that dag-pb, UnixFS and bitswap use: varints and byte
/// strings.
///
/// protobuf.dev/programming-guides/encoding; varints must be minimal, as dag-pb requires, unless
/// the reader is lenient.
struct ProtobufReader {
  enum Value {
    case varint(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  private let bytes: ArraySlice<UInt8>
  private let what: String
  private let isLenient: Bool
  private var offset = 0

  /// A reader of `bytes`. A lenient one takes what every writer of protobuf may send: long varints,
  /// and fields of fixed length, which it passes over.
  init(_ bytes: ArraySlice<UInt8>, what: String, isLenient: Bool = false) {
    self.bytes = bytes
    self.what = what
    self.isLenient = isLenient
  }

  /// Returns the next field, or nil at the end.
  mutating func next() throws(DecodingFailure) -> (number: UInt64, value: Value)? {
    while offset < bytes.count {
      let key = try varint()
      let wireType = key & 7
      switch wireType {
      case 0: return (key >> 3, .varint(try varint()))
      case 1 where isLenient: _ = try take(8)
      case 5 where isLenient: _ = try take(4)
      case 2: return (key >> 3, .bytes(try take(varint())))
      default: throw .malformed(what: what, reason: "wire type \(wireType)")
      }
    }
    return nil
  }

  private mutating func take(_ count: UInt64) throws(DecodingFailure) -> ArraySlice<UInt8> {
    guard count <= bytes.count - offset else { throw .truncated(what: what) }
    let start = bytes.startIndex + offset
    offset += Int(count)
    return bytes[start..<start + Int(count)]
  }

  private mutating func varint() throws(DecodingFailure) -> UInt64 {
    guard isLenient else { return try Varint.readShort(bytes, at: &offset) }
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard offset < bytes.count else { throw .truncated(what: what) }
      let byte = bytes[bytes.startIndex + offset]
      offset += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw .malformed(what: what, reason: "a varint of more than ten bytes")
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
