package import Primitives

/// All fields of a small protobuf message by their number: of a field that stands several times the
/// last counts, as the format says, except where it is repeated.
package struct ProtobufFields {
  /// The last value of each field.
  package private(set) var last: [UInt64: ProtobufValue] = [:]
  private var all: [(field: UInt64, value: ProtobufValue)] = []

  /// No fields.
  package init() {}

  /// Reads a message.
  package init(_ message: ArraySlice<UInt8>) throws(ProtobufFault) {
    var reader = ProtobufReader(message)
    while let (field, value) = try reader.next() {
      last[field] = value
      all.append((field, value))
    }
  }

  /// Reads a message inside another; none when the field is missing or no message.
  package init(_ value: ProtobufValue?) throws(ProtobufFault) {
    self.init()
    if case .bytes(let message)? = value { self = try ProtobufFields(message) }
  }

  /// The bytes of a field.
  package func bytes(_ field: UInt64) -> Bytes? {
    if case .bytes(let bytes)? = last[field] { Bytes(bytes) } else { nil }
  }

  /// The number in a field.
  package func unsigned(_ field: UInt64) -> UInt64? {
    if case .unsigned(let number)? = last[field] { number } else { nil }
  }

  /// The number in a field of fixed length.
  package func fixed64(_ field: UInt64) -> UInt64? {
    if case .fixed64(let number)? = last[field] { number } else { nil }
  }

  /// The first values of a repeated field.
  package func repeated(_ field: UInt64, max: Int) -> [Bytes] {
    var values: [Bytes] = []
    for case (field, .bytes(let bytes)) in all where values.count < max {
      values.append(Bytes(bytes))
    }
    return values
  }
}
