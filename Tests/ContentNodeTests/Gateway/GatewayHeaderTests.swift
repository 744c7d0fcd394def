import Networking
import Primitives
import Testing

@testable import ContentNode

@Suite("Fields of requests to a gateway")
struct GatewayHeaderTests {
  @Test(
    "media ranges come by weight, then by place",
    arguments: [
      ("text/html", ["text/html"]), ("a/b;q=0.1, c/d;q=0.9, e/f", ["e/f", "c/d", "a/b"]),
      ("a/b, c/d;q=1.000", ["a/b", "c/d"]), ("a/b;q=0, c/d", ["c/d"]), ("", []), ("nothing", []),
      ("A/B ; x=1", ["a/b"]), ("a/b;q=2, c/d;q=0.5", ["c/d"]), ("a/b;q=0.1234", []),
      ("a/b;x=\"y,z\", c/d", ["a/b", "c/d"]), (",,a/b,,", ["a/b"]), ("a/b;q=x", []),
    ])
  func accept(field: String, types: [String]) {
    #expect(AcceptField(field).ranges.map(\.mediaType) == types)
  }

  @Test("parameters of media ranges lose their quotes and keep their case")
  func parameters() {
    let range = AcceptField("application/vnd.ipld.car; Version=1; order=\"d\\\"fs\";q=0.5").ranges[
      0]
    #expect(range.parameters == ["version": "1", "order": "d\"fs"])
    #expect(range.weight == 500)
  }

  @Test("a crowd of media ranges is cut")
  func crowd() {
    let field = Array(repeating: "a/b", count: 10_000).joined(separator: ",")
    #expect(AcceptField(field).ranges.count == AcceptField.rangesMax)
  }

  @Test(
    "ranges of bytes are read or passed over",
    arguments: [
      ("bytes=0-0", ByteRange.from(0, through: 0)), ("bytes=5-", .from(5, through: nil)),
      ("bytes=-7", .last(7)), ("Bytes= 1 - 2 , 3-4", .from(1, through: 2)),
      ("bytes=99999999999999999999-", .from(.max, through: nil)),
      ("bytes=3-99999999999999999999999", .from(3, through: .max)), ("bytes=2-1", nil),
      ("bytes=-", nil), ("bytes=", nil), ("items=1-2", nil), ("bytes=a-b", nil), ("", nil),
      ("bytes=1-2-3", nil), ("bytes=+1-2", nil),
    ])
  func range(field: String, range: ByteRange?) { #expect(ByteRange(field) == range) }

  @Test("a range is cut at the end and is nothing behind it")
  func resolving() {
    #expect(ByteRange.from(2, through: 5).resolved(in: 10) == 2..<6)
    #expect(ByteRange.from(2, through: .max).resolved(in: 10) == 2..<10)
    #expect(ByteRange.from(2, through: nil).resolved(in: 10) == 2..<10)
    #expect(ByteRange.from(10, through: nil).resolved(in: 10) == nil)
    #expect(ByteRange.from(0, through: 0).resolved(in: 0) == nil)
    #expect(ByteRange.last(3).resolved(in: 10) == 7..<10)
    #expect(ByteRange.last(30).resolved(in: 10) == 0..<10)
    #expect(ByteRange.last(0).resolved(in: 10) == nil)
    #expect(ByteRange.from(0, through: .max).resolved(in: .max) == 0..<(.max))
  }

  @Test(
    "a tag is found in a list by the weak comparison",
    arguments: [
      ("\"x\"", true), ("W/\"x\"", true), ("\"a\", W/\"x\"", true), ("*", true), ("\"y\"", false),
      ("x", false), ("", false), ("\"a\",\"x", true), ("\"xx\"", false), (" , \"x\"", true),
      ("w/\"x\"", false),
    ])
  func tags(field: String, isFound: Bool) {
    #expect(EntityTag(text: "x").matches(anyOf: field) == isFound)
    #expect(EntityTag(text: "x", isWeak: true).matches(anyOf: field) == isFound)
  }

  @Test(
    "a file's type is told by its first bytes",
    arguments: [
      (Bytes("hello".utf8), "text/plain; charset=utf-8"), ([], "text/plain; charset=utf-8"),
      (Bytes("{\"a\":1}".utf8), "application/json"),
      (Bytes("{not json}".utf8), "text/plain; charset=utf-8"),
      (Bytes("[1] a note".utf8), "text/plain; charset=utf-8"),
      (Bytes("  <!DOCTYPE HTML><p>".utf8), "text/html; charset=utf-8"),
      (Bytes("<svg xmlns=\"x\"/>".utf8), "image/svg+xml"),
      (Bytes("BM are two letters".utf8), "text/plain; charset=utf-8"),
      ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0], "image/png"),
      ([0xFF, 0xD8, 0xFF, 0xE0, 0], "image/jpeg"), ([0x1F, 0x8B, 8, 0], "application/gzip"),
      (Bytes("RIFF\u{0}\u{0}\u{0}\u{0}WEBPVP8 ".utf8), "image/webp"),
      (Bytes("\u{0}\u{0}\u{0} ftypisom\u{0}".utf8), "video/mp4"),
      ([0, 1, 2, 3], "application/octet-stream"), ([0xFF, 0xFE, 0xFD], "application/octet-stream"),
    ])
  func sniffing(bytes: Bytes, type: String) {
    #expect(MediaType.sniffing(bytes, isWhole: true) == type)
  }

  @Test("a character that the first bytes cut does not make text binary")
  func cutCharacter() {
    let text = Bytes(String(repeating: "ü", count: 4_000).utf8)
    #expect(MediaType.sniffing(text, isWhole: true) == "text/plain; charset=utf-8")
    #expect(
      MediaType.sniffing(Bytes(text.prefix(101)), isWhole: false) == "text/plain; charset=utf-8")
    #expect(
      MediaType.sniffing(Bytes(text.prefix(101)), isWhole: true) == "application/octet-stream")
  }

  @Test("what a tape archive cannot say in its header stands before it")
  func tape() throws {
    let long = String(repeating: "directory/", count: 30) + "é"
    var tape = TarWriter.header(
      of: Bytes(long.utf8), .file(size: 3), mode: nil, modificationTime: nil)
    tape += Bytes("abc".utf8) + TarWriter.padding(after: 3)
    tape += TarWriter.header(
      of: Bytes("link".utf8), .symlink(target: Bytes(long.utf8)), mode: 0o777, modificationTime: 9)
    tape += TarWriter.header(of: Bytes("d".utf8), .directory, mode: 0o4755, modificationTime: -1)
    tape += TarWriter.end
    #expect(tape.count % TarWriter.blockByteCount == 0)
    #expect(try TarReading.lines(of: tape) == ["\(long): abc", "link: -> \(long)"].sorted())
    let huge = TarWriter.header(
      of: Bytes("f".utf8), .file(size: 1 << 40), mode: nil, modificationTime: nil)
    #expect(huge.count == 3 * TarWriter.blockByteCount)
    #expect(String(decoding: huge, as: UTF8.self).contains("size=1099511627776\n"))
  }

  @Test("requests that no one would send never trap and lead nowhere else")
  func hostileRequests() {
    let text = "/ipfs/bafkqaaa/a%2fb/%ff\nformat=car&dag-scope=all\na/b;q=1\nbytes=1-2"
    for end in 0...text.utf8.count { fuzzGatewayRequest(Bytes(text.utf8.prefix(end))) }
    for index in text.utf8.indices {
      for bit: UInt8 in 0..<8 {
        var bytes = Bytes(text.utf8)
        bytes[text.utf8.distance(from: text.utf8.startIndex, to: index)] ^= 1 << bit
        fuzzGatewayRequest(bytes)
      }
    }
  }
}
