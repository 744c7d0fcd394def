/// Limits of base-N text; the conversion below is quadratic, so long input is refused first.
public enum BaseTextLimits {
  /// Twice the longest CID or peer id text in use (identity multihashes of 128 bytes).
  public static let charactersMax = 512
}

/// Text in an alphabet of `n` characters by repeated division, as base58btc and base36 need it.
public struct PositionalBase: Sendable {
  private let alphabet: Bytes
  private let values: [Int16]
  private let name: String

  /// Makes a base of the given ASCII characters, the one for zero first; `name` is for errors.
  public init(name: String, alphabet: String) {
    self.name = name
    self.alphabet = Array(alphabet.utf8)
    var values = [Int16](repeating: -1, count: 256)
    for (value, character) in self.alphabet.enumerated() { values[Int(character)] = Int16(value) }
    self.values = values
  }

  /// base58btc, the alphabet without 0, O, I and l (Bitcoin; multibase prefix `z`).
  public static let base58 = PositionalBase(
    name: "base58", alphabet: "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
  /// base36, lower case (multibase prefix `k`).
  public static let base36 = PositionalBase(
    name: "base36", alphabet: "0123456789abcdefghijklmnopqrstuvwxyz")

  /// Returns the text; each leading zero byte is one leading zero character.
  public func encode(_ bytes: Bytes) -> String {
    var digits: [Int] = []
    let radix = alphabet.count
    for byte in bytes {
      var carry = Int(byte)
      for index in digits.indices {
        carry += digits[index] << 8
        digits[index] = carry % radix
        carry /= radix
      }
      while carry > 0 {
        digits.append(carry % radix)
        carry /= radix
      }
    }
    var text = Bytes(repeating: alphabet[0], count: bytes.prefix { $0 == 0 }.count)
    for digit in digits.reversed() { text.append(alphabet[digit]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Reads text of this alphabet.
  public func decode(_ text: String) throws(DecodingFailure) -> Bytes {
    let characters = Array(text.utf8)
    guard characters.count <= BaseTextLimits.charactersMax else {
      throw .tooLarge(
        what: "\(name) text", size: characters.count, limit: BaseTextLimits.charactersMax)
    }
    var bytes: [Int] = []
    for character in characters {
      var carry = Int(values[Int(character)])
      guard carry >= 0 else {
        throw .malformed(what: "\(name) text", reason: "a character outside the alphabet")
      }
      for index in bytes.indices {
        carry += bytes[index] * alphabet.count
        bytes[index] = carry & 255
        carry >>= 8
      }
      while carry > 0 {
        bytes.append(carry & 255)
        carry >>= 8
      }
    }
    let zeros = characters.prefix { $0 == alphabet[0] }.count
    return Bytes(repeating: 0, count: zeros) + bytes.reversed().map { UInt8($0) }
  }
}

/// RFC 4648 base32 without padding, lower case (multibase prefix `b`).
public enum Base32 {
  private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

  /// Returns eight characters for each five bytes, unpadded.
  public static func encode(_ bytes: Bytes) -> String {
    var text = Bytes()
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= 5 {
        bits -= 5
        text.append(alphabet[Int(buffer >> UInt32(bits) & 31)])
      }
      buffer &= (1 << UInt32(bits)) - 1
    }
    if bits > 0 { text.append(alphabet[Int(buffer << UInt32(5 - bits) & 31)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Reads lower-case unpadded text; left-over bits must be zero, so each value has one spelling.
  public static func decode(_ text: String) throws(DecodingFailure) -> Bytes {
    guard text.utf8.count <= BaseTextLimits.charactersMax else {
      throw .tooLarge(
        what: "base32 text", size: text.utf8.count, limit: BaseTextLimits.charactersMax)
    }
    var bytes = Bytes()
    var buffer: UInt32 = 0
    var bits = 0
    for character in text.utf8 {
      guard let value = alphabet.firstIndex(of: character) else {
        throw .malformed(what: "base32 text", reason: "a character outside the alphabet")
      }
      buffer = buffer << 5 | UInt32(value)
      bits += 5
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
        buffer &= (1 << UInt32(bits)) - 1
      }
    }
    guard bits < 5, buffer == 0 else {
      throw .malformed(what: "base32 text", reason: "left-over bits are not zero")
    }
    return bytes
  }
}
