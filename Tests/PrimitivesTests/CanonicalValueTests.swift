import Primitives
import Testing

@Suite struct CanonicalValueTests {
  /// Values and bytes from RFC 8949 appendix A, those that dag-cbor allows.
  static let published: [(CanonicalValue, String)] = [
    (.unsigned(0), "00"), (.unsigned(10), "0a"), (.unsigned(23), "17"), (.unsigned(24), "1818"),
    (.unsigned(100), "1864"), (.unsigned(1000), "1903e8"), (.unsigned(1_000_000), "1a000f4240"),
    (.unsigned(1_000_000_000_000), "1b000000e8d4a51000"),
    (.unsigned(.max), "1bffffffffffffffff"), (.negative(.max), "3bffffffffffffffff"),
    (.integer(-1), "20"), (.integer(-1000), "3903e7"), (.bool(false), "f4"), (.bool(true), "f5"),
    (.null, "f6"), (.bytes([]), "40"), (.bytes([1, 2, 3, 4]), "4401020304"), (.text(""), "60"),
    (.text("IETF"), "6449455446"), (.text("\u{6c34}"), "63e6b0b4"), (.array([]), "80"),
    (.array([.unsigned(1), .array([.unsigned(2), .unsigned(3)])]), "8201820203"),
    (.map([:]), "a0"),
    (.map(["a": .unsigned(1), "b": .array([.unsigned(2), .unsigned(3)])]), "a26161016162820203"),
  ]

  @Test("values have the bytes of RFC 8949, both ways", arguments: published)
  func publishedVector(value: CanonicalValue, hex: String) throws {
    #expect(Hex.encode(value.encoded()) == hex)
    #expect(try CanonicalValue(decoding: Hex.decode(hex)) == value)
  }

  @Test("map keys are ordered by length, then by bytes")
  func keyOrder() {
    let value = CanonicalValue.map(["bb": .null, "a": .null, "c": .null, "aa": .null])
    #expect(Hex.encode(value.encoded()) == "a46161f66163f6626161f6626262f6")
  }

  @Test(
    "spellings that are not canonical are refused",
    arguments: [
      "1817", "190018", "1a00000100", "1b0000000000000001", "9f01ff", "5f4101ff", "f93c00", "f7",
      "c100", "a2616201616101", "a2616101616101", "a10101", "6180", "d82a420155", "d82a40", "0000",
      "18", "4401", "8201", "a16161", "fb3ff199999999999a",
    ])
  func refused(hex: String) throws {
    let bytes = try Hex.decode(hex)
    #expect(throws: DecodingFailure.self) { try CanonicalValue(decoding: bytes) }
  }

  @Test("a key in two Unicode spellings is refused rather than collapsed")
  func unicodeKeys() {
    let composed: Bytes = [0x62, 0xc3, 0xa9, 0x01]
    let decomposed: Bytes = [0x63, 0x65, 0xcc, 0x81, 0x02]
    #expect(throws: DecodingFailure.self) {
      try CanonicalValue(decoding: [0xa2] + composed + decomposed)
    }
  }

  @Test("nesting beyond the limit is refused")
  func depth() {
    let deepest = Bytes(repeating: 0x81, count: CanonicalLimits.depthMax) + [0]
    #expect(throws: Never.self) { try CanonicalValue(decoding: deepest) }
    #expect(throws: DecodingFailure.self) { try CanonicalValue(decoding: [0x81] + deepest) }
  }

  static let sample = CanonicalValue.map([
    "amount": .bytes([0, 1, 2]), "list": .array([.unsigned(70_000), .bool(true), .null]),
    "link": .link([1, 0x55, 0x12, 0x20]), "name": .text("martlet"), "nested": .map(["x": .null]),
  ])

  @Test("every truncation is refused")
  func truncation() {
    let bytes = Self.sample.encoded()
    for length in 0..<bytes.count {
      #expect(throws: DecodingFailure.self) {
        try CanonicalValue(decoding: Bytes(bytes.prefix(length)))
      }
    }
  }

  @Test("a bit flip is refused or gives another value, and what is accepted is canonical")
  func bitFlips() {
    let bytes = Self.sample.encoded()
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      if let value = try? CanonicalValue(decoding: flipped) {
        #expect(value != Self.sample)
        #expect(value.encoded() == flipped)
      }
    }
  }

  @Test("fields that nobody asked for are refused")
  func unknownField() throws {
    var fields = try CanonicalFields(.map(["a": .unsigned(1), "b": .null]))
    #expect(try fields.unsigned("a") == 1)
    #expect(throws: DecodingFailure.unknownField("b")) { try fields.finish() }
    #expect(throws: DecodingFailure.missingField("c")) { try fields.unsigned("c") }
  }
}
