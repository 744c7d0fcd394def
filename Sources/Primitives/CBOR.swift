/// CBOR major types (RFC 8949 §3.1).
package enum CBORMajor {
  /// A whole number from zero on.
  package static let unsigned: UInt8 = 0
  /// -1 less its argument.
  package static let negative: UInt8 = 1
  /// A byte string.
  package static let bytes: UInt8 = 2
  /// UTF-8 text.
  package static let text: UInt8 = 3
  /// A list of values.
  package static let array: UInt8 = 4
  /// Pairs of key and value.
  package static let map: UInt8 = 5
  /// A meaning for the value behind it.
  package static let tag: UInt8 = 6
  /// A constant or a floating-point number.
  package static let simple: UInt8 = 7
}

/// Simple values and the one tag that dag-cbor knows: a CID with a zero byte in front.
package enum CBORSimple {
  /// The whole encoding of `false`.
  package static let falseByte: UInt8 = 0xf4
  /// The whole encoding of `true`.
  package static let trueByte: UInt8 = 0xf5
  /// The whole encoding of `null`.
  package static let nullByte: UInt8 = 0xf6
  /// Registered for content identifiers.
  package static let linkTag: UInt64 = 42
}

/// Writing the pieces that every CBOR value is made of.
package enum CBORWriting {
  /// Appends a major type with its argument, in the shortest form.
  package static func appendHead(_ major: UInt8, _ value: UInt64, to output: inout Bytes) {
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

  /// Appends the low bytes of a number, the highest first.
  package static func append(
    bigEndian value: UInt64, byteCount: Int, to output: inout Bytes
  ) {
    for position in (0..<byteCount).reversed() {
      output.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * position)))
    }
  }

  /// Appends a text with its head.
  package static func append(_ text: String, to output: inout Bytes) {
    appendHead(CBORMajor.text, UInt64(text.utf8.count), to: &output)
    output += text.utf8
  }
}

/// Reading the pieces that every CBOR value is made of, from hostile bytes: every length is checked
/// against what is left.
package struct CBORReader {
  /// What is left begins at `offset`.
  package let bytes: Bytes
  /// What is read, for errors.
  package let what: String
  /// Whether integers must be in their shortest form.
  package let isCanonical: Bool
  /// How many bytes have been read.
  package var offset = 0

  /// Reads from the first byte on.
  package init(_ bytes: Bytes, what: String, isCanonical: Bool) {
    self.bytes = bytes
    self.what = what
    self.isCanonical = isCanonical
  }

  /// An error about what is read.
  package func malformed(_ reason: String) -> DecodingFailure {
    .malformed(what: what, reason: reason)
  }

  /// The first byte of the next value, which stays.
  package func initial() throws(DecodingFailure) -> UInt8 {
    guard offset < bytes.count else { throw .truncated(what: what) }
    return bytes[offset]
  }

  /// The argument of the next value, whose first byte is there.
  package mutating func argument() throws(DecodingFailure) -> UInt64 {
    let low = bytes[offset] & 31
    offset += 1
    guard low >= 24 else { return UInt64(low) }
    guard low <= 27 else { throw malformed("an indefinite or reserved length") }
    let byteCount = 1 << Int(low - 24)
    let value = try number(byteCount)
    let smallest: UInt64 = low == 24 ? 24 : 1 << UInt64(4 * byteCount)
    guard value >= smallest || !isCanonical else {
      throw malformed("an integer is not in its shortest form")
    }
    return value
  }

  /// A number of so many bytes, the highest first.
  package mutating func number(_ byteCount: Int) throws(DecodingFailure) -> UInt64 {
    var value: UInt64 = 0
    for byte in try take(UInt64(byteCount)) { value = value << 8 | UInt64(byte) }
    return value
  }

  /// So many bytes, as they are.
  package mutating func take(_ count: UInt64) throws(DecodingFailure) -> ArraySlice<UInt8> {
    guard count <= UInt64(bytes.count - offset) else { throw .truncated(what: what) }
    defer { offset += Int(count) }
    return bytes[offset..<offset + Int(count)]
  }

  /// A text of so many bytes.
  package mutating func text(_ count: UInt64) throws(DecodingFailure) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw malformed("text is not UTF-8")
    }
    return text
  }

  /// Each entry takes at least one byte, so a lying count cannot reserve memory.
  package func entryCount(_ count: UInt64) throws(DecodingFailure) -> Int {
    guard count <= UInt64(bytes.count - offset) else { throw .truncated(what: what) }
    return Int(count)
  }

  /// The bytes of a link behind their zero, after its tag.
  package mutating func link(tag: UInt64) throws(DecodingFailure) -> ArraySlice<UInt8> {
    guard tag == CBORSimple.linkTag else { throw malformed("tag \(tag) is not allowed") }
    guard try initial() >> 5 == CBORMajor.bytes else { throw malformed("a link is not bytes") }
    let content = try take(try argument())
    guard content.first == 0 else { throw malformed("a link lacks its leading zero byte") }
    return content.dropFirst()
  }
}
