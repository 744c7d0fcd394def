import Networking
import Primitives
import Testing

@Suite("HTTP parser")
struct HTTPParserTests {
  static func parse(_ text: String, limits: HTTPLimits = HTTPLimits()) throws -> HTTPRequestHead? {
    var parser = HTTPHeadParser(limits: limits)
    return try Bytes(text.utf8).withUnsafeBytes { try parser.parse($0)?.head }
  }

  static func decode(_ text: String, piece: Int, max: Int = 1_000) throws -> (Bytes, Bool) {
    var decoder = HTTPBodyDecoder(framing: .chunked, bodyBytesMax: max)
    let bytes = Bytes(text.utf8)
    var payload = Bytes()
    for start in stride(from: 0, to: bytes.count, by: piece) {
      var rest = bytes[start..<min(start + piece, bytes.count)]
      while !rest.isEmpty, !decoder.isFinished {
        let current = Array(rest)
        let step = try current.withUnsafeBytes { try decoder.decode($0) }
        payload.append(contentsOf: current[step.payload])
        rest = rest.dropFirst(step.consumed)
      }
    }
    return (payload, decoder.isFinished)
  }

  @Test("a request line and its fields are read as sent")
  func plainRequest() throws {
    let head = try #require(
      try Self.parse(
        "POST /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nX-Name:  two words \r\ncontent-length: 5\r\n\r\n"))
    #expect(head.method == .post)
    #expect(head.path == "/a%20b")
    #expect(head.query == "x=1")
    #expect(head.headers["x-name"] == "two words")
    #expect(head.framing == .length(5))
    #expect(head.keepsAlive && head.isVersion11)
  }

  @Test("every prefix of a request is incomplete, and byte by byte gives the same head")
  func incremental() throws {
    let bytes = Bytes("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".utf8)
    var parser = HTTPHeadParser(limits: HTTPLimits())
    for count in 0..<bytes.count {
      #expect(try bytes.prefix(count).withUnsafeBytes { try parser.parse($0) } == nil)
    }
    let head = try #require(try bytes.withUnsafeBytes { try parser.parse($0) }?.head)
    #expect(head.path == "/x" && !head.keepsAlive)
  }

  static let refused: [(String, HTTPParseError, Int)] = [
    ("GET / HTTP/1.1\nHost: h\n\n", .bareLineFeed, 400),
    ("GET / HTTP/1.1\r\nHost: h\n\r\n", .bareLineFeed, 400),
    ("GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", .foldedField, 400),
    ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", .malformedField, 400),
    ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", .malformedField, 400),
    ("GET / HTTP/1.1\r\nHost: h\r\nNo colon\r\n\r\n", .malformedField, 400),
    ("GET / HTTP/1.1\r\nHost: h\r\nX: a\u{0}b\r\n\r\n", .malformedField, 400),
    ("GET / HTTP/1.1\r\n\r\n", .hostMissingOrRepeated, 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .hostMissingOrRepeated, 400),
    ("\r\n", .malformedRequestLine, 400),
    ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", .malformedRequestLine, 400),
    ("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", .malformedRequestLine, 400),
    ("GET x HTTP/1.1\r\nHost: h\r\n\r\n", .malformedRequestLine, 400),
    ("GET /\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n", .malformedRequestLine, 400),
    ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", .unsupportedVersion, 505),
    (
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      .repeatedContentLength, 400
    ),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", .malformedContentLength, 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", .malformedContentLength, 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", .malformedContentLength, 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", .malformedContentLength, 400),
    (
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999999999999\r\n\r\n",
      .bodyTooLarge(max: 64 << 30), 413
    ),
    (
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      .contentLengthWithTransferEncoding, 400
    ),
    (
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      .unsupportedTransferEncoding, 501
    ),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .unsupportedTransferEncoding, 501),
    ("POST / HTTP/1.1\r\nHost: h\r\nExpect: cake\r\n\r\n", .unsupportedExpectation, 417),
    (
      "GET /" + String(repeating: "a", count: 9_000) + " HTTP/1.1\r\nHost: h\r\n\r\n",
      .targetTooLong(max: 8_192), 414
    ),
    (
      "GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "a", count: 20_000),
      .headTooLarge(max: 16_384), 431
    ),
    (
      "GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 101) + "\r\n",
      .tooManyFields(max: 100), 431
    ),
  ]

  @Test("a request that two parsers could read differently is refused", arguments: refused)
  func refuses(text: String, error: HTTPParseError, status: Int) {
    #expect(throws: error) { try Self.parse(text) }
    #expect(error.status.code == status)
  }

  @Test("a chunked body is the same however it is cut", arguments: 1...20)
  func chunks(piece: Int) throws {
    let text = "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
    let (payload, isFinished) = try Self.decode(text, piece: piece)
    #expect(payload == Bytes("hello world".utf8))
    #expect(isFinished)
  }

  @Test(
    "a malformed chunk is refused",
    arguments: [
      "g\r\n", "\r\n", "5\nhello\r\n", "5\r\nhelloX\r\n", "5\r\nhello\n", "-5\r\n", "5 \r\n",
      "0x5\r\n", "1000000000000000\r\n", "5;a\u{1}\r\n", "0\r\nX: y\n",
    ])
  func badChunks(text: String) {
    #expect(throws: HTTPParseError.malformedChunk) { try Self.decode(text, piece: 64) }
  }

  @Test("a chunked body longer than the limit is refused before its bytes come")
  func chunkLimit() {
    #expect(throws: HTTPParseError.bodyTooLarge(max: 8)) {
      try Self.decode("5\r\nhello\r\n4\r\n", piece: 64, max: 8)
    }
  }

  @Test("flipping any bit of a request neither traps nor depends on its arrival")
  func bitFlips() {
    let text = Bytes(
      "\u{20}POST /p?q HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        .utf8)
    for index in text.indices {
      for bit in 0..<8 {
        var flipped = text
        flipped[index] ^= 1 << UInt8(bit)
        flipped.withUnsafeBytes { fuzzHTTPParser($0) }
      }
    }
    for count in text.indices {
      text.prefix(count).withUnsafeBytes { fuzzHTTPParser($0) }
    }
  }

  @Test("a field value cannot begin a new line")
  func noInjection() {
    let headers: HTTPHeaders = ["X": "a\r\nSet-Cookie: b"]
    #expect(headers["X"] == "a  Set-Cookie: b")
  }

  @Test(
    "dates have the form of RFC 9110",
    arguments: [
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
    ])
  func dates(seconds: Int64, text: String) {
    #expect(HTTPDate.text(secondsSince1970: seconds) == text)
  }
}
