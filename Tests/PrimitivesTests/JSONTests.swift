import Primitives
import Testing

@Suite struct JSONTests {
  @Test(
    "documents survive a round trip",
    arguments: [
      #"{"b":1,"a":[true,false,null,-2,1.5],"t":"é\n\"\\"}"#, "[]", "{}", #""😀""#,
      "9223372036854775807", #"[[["x"]]]"#,
    ])
  func roundTrip(text: String) throws {
    let value = try JSONValue(parsing: Bytes(text.utf8))
    #expect(value.text() == text)
    #expect(try JSONValue(parsing: value.encoded(indented: true)) == value)
  }

  @Test("escapes and surrogate pairs are read")
  func escapes() throws {
    let value = try JSONValue(parsing: Bytes(#""\u00e9\ud83d\ude00\/\b""#.utf8))
    #expect(value == .string("é😀/\u{8}"))
  }

  /// Cases of the kind that nst/JSONTestSuite calls `n_`.
  @Test(
    "documents that are not JSON are refused",
    arguments: [
      "", " ", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "-", "+1", "1e", "NaN", "nul",
      "\"\u{1}\"", #""\x""#, #""\ud800""#, #""\ude00""#, "[1", "{\"a\"", "1 2", "{\"a\":1,\"a\":2}",
      "[1}", "1e999", "'a'",
    ])
  func refused(text: String) {
    #expect(throws: DecodingFailure.self) { try JSONValue(parsing: Bytes(text.utf8)) }
  }

  @Test("text that is not UTF-8, too deep or too long is refused")
  func hostile() {
    #expect(throws: DecodingFailure.self) { try JSONValue(parsing: [0x22, 0xff, 0x22]) }
    let deep = Bytes(repeating: UInt8(ascii: "["), count: 10_000)
    #expect(throws: DecodingFailure.self) { try JSONValue(parsing: deep) }
    #expect(throws: DecodingFailure.self) { try JSONValue(parsing: deep, bytesMax: 100) }
  }

  @Test("the line of a mistake is named")
  func line() {
    #expect(throws: DecodingFailure.malformed(what: "JSON", reason: "expected a value on line 3")) {
      try JSONValue(parsing: Bytes("{\n\"a\":\n?}".utf8))
    }
  }

  @Test("every truncation of a document is refused")
  func truncation() {
    let bytes = Bytes(#"{"a":[1,"xé",{"b":null}]}"#.utf8)
    for length in 0..<bytes.count {
      #expect(throws: DecodingFailure.self) { try JSONValue(parsing: Bytes(bytes.prefix(length))) }
    }
  }
}
