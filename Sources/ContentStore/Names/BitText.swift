import Primitives

/// Text whose characters each stand for a fixed number of bits, highest first (RFC 4648).
///
/// Strict: left-over bits are zero and padding is exact, so each value has one spelling.
struct BitText: Sendable {
  private let name: String
  private let alphabet: Bytes
  private let values: [Int16]
  private let bitsPerCharacter: Int
  /// The text is filled up to a multiple of this many characters; nil for no padding.
  private let paddedTo: Int?

  private static let padding = UInt8(ascii: "=")

  init(_ name: String, alphabet: String, paddedTo: Int? = nil) {
    self.name = name
    self.alphabet = Bytes(alphabet.utf8)
    self.paddedTo = paddedTo
    bitsPerCharacter = self.alphabet.count.trailingZeroBitCount
    var values = [Int16](repeating: -1, count: 256)
    for (value, character) in self.alphabet.enumerated() { values[Int(character)] = Int16(value) }
    self.values = values
  }

  func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text = Bytes()
    var buffer: UInt32 = 0
    var bits = 0
    let mask = UInt32(alphabet.count - 1)
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= bitsPerCharacter {
        bits -= bitsPerCharacter
        text.append(alphabet[Int(buffer >> UInt32(bits) & mask)])
      }
      buffer &= (1 << UInt32(bits)) - 1
    }
    if bits > 0 {
      text.append(alphabet[Int(buffer << UInt32(bitsPerCharacter - bits) & mask)])
    }
    if let paddedTo {
      while !text.count.isMultiple(of: paddedTo) { text.append(Self.padding) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  func decode(_ text: some Collection<UInt8>) throws(DecodingFailure) -> Bytes {
    let count = try unpaddedCount(text)
    var bytes = Bytes()
    bytes.reserveCapacity(count * bitsPerCharacter / 8)
    var buffer: UInt32 = 0
    var bits = 0
    for character in text.prefix(count) {
      let value = values[Int(character)]
      guard value >= 0 else {
        throw .malformed(what: "\(name) text", reason: "a character outside the alphabet")
      }
      buffer = buffer << UInt32(bitsPerCharacter) | UInt32(value)
      bits += bitsPerCharacter
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
        buffer &= (1 << UInt32(bits)) - 1
      }
    }
    guard bits < bitsPerCharacter, buffer == 0 else {
      throw .malformed(what: "\(name) text", reason: "left-over bits are not zero")
    }
    return bytes
  }

  /// The characters before the padding, which must be the least that fills the last group.
  private func unpaddedCount(_ text: some Collection<UInt8>) throws(DecodingFailure) -> Int {
    guard let paddedTo else { return text.count }
    let count = text.count - text.reversed().prefix { $0 == Self.padding }.count
    let filled = (count + paddedTo - 1) / paddedTo * paddedTo
    guard text.count == filled else {
      throw .malformed(what: "\(name) text", reason: "the padding is wrong")
    }
    return count
  }
}
