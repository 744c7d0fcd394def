import Primitives
import Testing

@Suite struct TextTests {
  /// draft-msporny-base58-03 §5.
  @Test(
    "base58 has the published values",
    arguments: [
      ("48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U"),
      (
        "54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f672e",
        "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"
      ), ("0000287fb4cd", "11233QC4"),
    ])
  func base58(hex: String, text: String) throws {
    let bytes = try Hex.decode(hex)
    #expect(PositionalBase.base58.encode(bytes) == text)
    #expect(try PositionalBase.base58.decode(text) == bytes)
  }

  /// RFC 4648 §10, in lower case and without padding.
  @Test(
    "base32 has the published values",
    arguments: [
      ("", ""), ("f", "my"), ("fo", "mzxq"), ("foo", "mzxw6"), ("foob", "mzxw6yq"),
      ("fooba", "mzxw6ytb"), ("foobar", "mzxw6ytboi"),
    ])
  func base32(plain: String, text: String) throws {
    #expect(Base32.encode(Bytes(plain.utf8)) == text)
    #expect(try Base32.decode(text) == Bytes(plain.utf8))
  }

  @Test("base32 has one spelling of each value", arguments: ["mz", "m", "MY", "my=", "mzx"])
  func base32Refused(text: String) {
    #expect(throws: DecodingFailure.self) { try Base32.decode(text) }
  }

  @Test("text outside an alphabet or beyond the limit is refused")
  func refusedText() {
    #expect(throws: DecodingFailure.self) { try PositionalBase.base58.decode("0OIl") }
    #expect(throws: DecodingFailure.self) { try Hex.decode("0g") }
    #expect(throws: DecodingFailure.self) { try Hex.decode("abc") }
    #expect(throws: DecodingFailure.self) {
      try PositionalBase.base58.decode(String(repeating: "z", count: 513))
    }
  }

  /// Examples of the unsigned-varint specification.
  @Test(
    "varints have the published bytes",
    arguments: [
      (1, "01"), (127, "7f"), (128, "8001"), (255, "ff01"), (300, "ac02"), (16384, "808001"),
    ])
  func varint(value: UInt64, hex: String) throws {
    #expect(Hex.encode(Varint.encode(value)) == hex)
    var offset = 0
    #expect(try Varint.read(Hex.decode(hex), at: &offset) == value)
    #expect(offset == hex.utf8.count / 2)
  }

  @Test(
    "varints that are long or padded are refused",
    arguments: ["8000", "8180", "80808080808080808001"])
  func varintRefused(hex: String) throws {
    let bytes = try Hex.decode(hex)
    var offset = 0
    #expect(throws: DecodingFailure.self) { try Varint.read(bytes, at: &offset) }
  }

  /// The outputs of Vigna's splitmix64.c for seed 1234567.
  @Test("the seeded generator gives the published numbers")
  func splitMix() {
    var generator = SplitMix64(seed: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
    ]
    #expect(expected.map { _ in generator.next() } == expected)
  }
}
