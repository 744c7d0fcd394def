internal import Primitives

/// Reads the fields of a protobuf message (protobuf.dev/programming-guides/encoding) in order.
///
/// Peers' messages have a reader of their own with their own limits; here a message is a file of up
/// to a gigabyte, and repeated numbers are packed.
struct WireReader {
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes(ArraySlice<UInt8>)
  }

  /// Ten groups of seven bits hold 64.
  private static let varintBytesMax = 10
  private var rest: ArraySlice<UInt8>

  init(_ message: ArraySlice<UInt8>) { rest = message }

  /// The next field, nil at the end. Groups, which ONNX does not use, are malformed.
  mutating func next() throws(ONNXError) -> (number: Int, value: Value)? {
    guard !rest.isEmpty else { return nil }
    let key = try varint()
    let number = key >> 3
    guard (1...UInt64(Int32.max)).contains(number) else { throw .malformed("a field number") }
    switch key & 7 {
    case 0: return (Int(number), .varint(try varint()))
    case 1: return (Int(number), .fixed64(try fixed(8)))
    case 2:
      let count = try varint()
      guard count <= UInt64(rest.count) else { throw .malformed("a field ends early") }
      let bytes = rest.prefix(Int(count))
      rest = rest.dropFirst(Int(count))
      return (Int(number), .bytes(bytes))
    case 5: return (Int(number), .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
    default: throw .malformed("a wire type")
    }
  }

  /// Whether nothing is left.
  var isAtEnd: Bool { rest.isEmpty }

  mutating func varint() throws(ONNXError) -> UInt64 {
    var value: UInt64 = 0
    for group in 0..<Self.varintBytesMax {
      guard let byte = rest.popFirst() else { throw .malformed("a number ends early") }
      if group == Self.varintBytesMax - 1, byte > 1 { throw .malformed("a number beyond 64 bits") }
      value |= UInt64(byte & 0x7f) << UInt64(7 * group)
      if byte & 0x80 == 0 { return value }
    }
    throw .malformed("a number of more than ten bytes")
  }

  mutating func fixed(_ count: Int) throws(ONNXError) -> UInt64 {
    guard rest.count >= count else { throw .malformed("a number ends early") }
    let value = rest.prefix(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    rest = rest.dropFirst(count)
    return value
  }
}

extension WireReader.Value {
  /// A message or bytes.
  func bytes() throws(ONNXError) -> ArraySlice<UInt8> {
    guard case .bytes(let bytes) = self else { throw .malformed("expected a message") }
    return bytes
  }

  /// Short UTF-8 text.
  func name() throws(ONNXError) -> String {
    let bytes = try bytes()
    guard bytes.count <= ONNXLimits.nameBytesMax else {
      throw .tooLarge(what: "bytes in a name", limit: ONNXLimits.nameBytesMax)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .malformed("a name is not UTF-8")
    }
    return text
  }

  /// A 64-bit integer.
  func integer() throws(ONNXError) -> Int64 {
    guard case .varint(let bits) = self else { throw .malformed("expected an integer") }
    return Int64(bitPattern: bits)
  }

  /// A 32-bit floating-point number.
  func float() throws(ONNXError) -> Float {
    guard case .fixed32(let bits) = self else { throw .malformed("expected a float") }
    return Float(bitPattern: bits)
  }

  /// One integer, or a packed row of them, appended.
  func integers(to list: inout [Int64]) throws(ONNXError) {
    guard case .bytes(let bytes) = self else {
      list.append(try integer())
      return
    }
    var reader = WireReader(bytes)
    while !reader.isAtEnd { list.append(Int64(bitPattern: try reader.varint())) }
  }

  /// One float, or a packed row of them, appended.
  func floats(to list: inout [Float]) throws(ONNXError) {
    guard case .bytes(let bytes) = self else {
      list.append(try float())
      return
    }
    guard bytes.count.isMultiple(of: 4) else { throw .malformed("a packed row ends early") }
    var reader = WireReader(bytes)
    while !reader.isAtEnd {
      list.append(Float(bitPattern: UInt32(truncatingIfNeeded: try reader.fixed(4))))
    }
  }

  /// One double, or a packed row of them, rounded to Float32 and appended.
  func doubles(to list: inout [Float]) throws(ONNXError) {
    switch self {
    case .fixed64(let bits): list.append(Float(Double(bitPattern: bits)))
    case .bytes(let bytes):
      guard bytes.count.isMultiple(of: 8) else { throw .malformed("a packed row ends early") }
      var reader = WireReader(bytes)
      while !reader.isAtEnd { list.append(Float(Double(bitPattern: try reader.fixed(8)))) }
    case .varint, .fixed32: throw .malformed("expected doubles")
    }
  }
}
