package import Primitives

/// Writes the protobuf wire format (protobuf.dev/programming-guides/encoding).
package struct ProtobufWriter {
  /// The message so far.
  package private(set) var bytes = Bytes()

  /// An empty message.
  package init() {}

  /// Appends a length-delimited field.
  package mutating func append(_ field: Int, bytes value: Bytes) {
    appendVarint(UInt64(field) << 3 | 2)
    appendVarint(UInt64(value.count))
    bytes += value
  }

  /// Appends a length-delimited field holding text.
  package mutating func append(_ field: Int, text: String) {
    append(field, bytes: Bytes(text.utf8))
  }

  /// Appends a variable-length integer field.
  package mutating func append(_ field: Int, unsigned value: UInt64) {
    appendVarint(UInt64(field) << 3)
    appendVarint(value)
  }

  /// Appends an integer field of eight bytes.
  package mutating func append(_ field: Int, fixed64 value: UInt64) {
    appendVarint(UInt64(field) << 3 | 1)
    for shift in stride(from: 0, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
    }
  }

  private mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// One field of a protobuf message.
package enum ProtobufValue: Equatable {
  case unsigned(UInt64)
  case fixed64(UInt64)
  case fixed32(UInt32)
  case bytes(ArraySlice<UInt8>)
}

/// Reads the fields of a protobuf message one after the other.
package struct ProtobufReader {
  /// Few messages we read have more; a repeated field of empty values cannot keep us busy.
  package static let fieldsMax = 1_024

  private var rest: ArraySlice<UInt8>
  private var fieldsLeft: Int
  private let fieldsLimit: Int

  /// A reader of `message`; one that lists thousands of things names its own limit.
  package init(_ message: ArraySlice<UInt8>, fieldsMax: Int = Self.fieldsMax) {
    rest = message
    fieldsLeft = fieldsMax
    fieldsLimit = fieldsMax
  }

  /// The next field, or nil at the end.
  package mutating func next()
    throws(ProtobufFault) -> (field: UInt64, value: ProtobufValue)?
  {
    guard !rest.isEmpty else { return nil }
    guard fieldsLeft > 0 else { throw .tooManyFields(limit: fieldsLimit) }
    fieldsLeft -= 1
    let key = try varint()
    guard key >> 3 != 0 else { throw .fieldZero }
    return (key >> 3, try value(wireType: UInt8(key & 7)))
  }

  private mutating func value(wireType: UInt8) throws(ProtobufFault) -> ProtobufValue {
    switch wireType {
    case 0:
      return .unsigned(try varint())
    case 1:
      return .fixed64(try littleEndian(count: 8))
    case 2:
      let length = try varint()
      guard length <= UInt64(rest.count) else { throw .truncated }
      let value = rest.prefix(Int(length))
      rest = rest.dropFirst(Int(length))
      return .bytes(value)
    case 5:
      return .fixed32(UInt32(truncatingIfNeeded: try littleEndian(count: 4)))
    default:
      throw .wireType(wireType)
    }
  }

  private mutating func littleEndian(count: Int) throws(ProtobufFault) -> UInt64 {
    guard rest.count >= count else { throw .truncated }
    let value = rest.prefix(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    rest = rest.dropFirst(count)
    return value
  }

  private mutating func varint() throws(ProtobufFault) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while let byte = rest.popFirst() {
      if shift == 63, byte > 1 { throw .varintTooLong }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
      if shift > 63 { throw .varintTooLong }
    }
    throw .truncated
  }
}
