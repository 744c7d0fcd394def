import ContentNode
import Primitives
import Testing

@Suite("Multipart uploads")
struct MultipartTests {
  static let boundary = "4f1f"

  /// The body of RFC 7578's example, with what Kubo's clients put into it.
  static let upload = [
    "preamble\r\n--4f1f  \r\nContent-Disposition: form-data; name=\"file\"; ",
    "filename=\"a%2Fb+c.txt\"\r\nContent-Type: application/octet-stream\r\n\r\n",
    "one\r\n--4f1\r\n\r\n--4f1f\r\ncontent-disposition: form-data; filename=dir\r\n",
    "Content-Type: Application/X-Directory; charset=x\r\n\r\n\r\n",
    "--4f1f\r\nContent-Type: application/symlink\r\n\r\ntarget\r\n",
    "--4f1f\r\nContent-Disposition: form-data; name=\"\\\"\"; filename=\"50%\"\r\n\r\n",
    "--4f1f--\r\nepilogue",
  ].joined()

  /// Parts and their contents.
  struct Outcome: Equatable {
    var parts: [MultipartPart] = []
    var contents: [String] = []
  }

  static func read(_ text: Bytes, piece: Int) throws -> Outcome {
    var machine = MultipartMachine(boundary: boundary)
    var outcome = Outcome()
    for start in stride(from: 0, to: text.count, by: piece) {
      var events: [MultipartMachine.Event] = []
      try machine.append(Bytes(text[start..<min(start + piece, text.count)]), into: &events)
      for event in events {
        switch event {
        case .part(let part):
          outcome.parts.append(part)
          outcome.contents.append("")
        case .bytes(let bytes):
          outcome.contents[outcome.contents.count - 1] += String(decoding: bytes, as: UTF8.self)
        case .endOfPart: continue
        }
      }
    }
    try machine.finish()
    return outcome
  }

  @Test("parts are read alike however they arrive", arguments: [1, 2, 3, 7, 64, 4_096])
  func pieces(piece: Int) throws {
    let outcome = try Self.read(Bytes(Self.upload.utf8), piece: piece)
    #expect(outcome.parts.map(\.fileName) == ["a/b c.txt", "dir", nil, "50%"])
    #expect(outcome.parts.map(\.name) == ["file", nil, nil, "\""])
    #expect(outcome.parts.map(\.kind) == [.file, .directory, .symlink, .file])
    #expect(outcome.contents == ["one\r\n--4f1\r\n", "", "target", ""])
  }

  @Test("an upload that is cut short anywhere is refused")
  func truncation() {
    let whole = Bytes(Self.upload.utf8)
    let end = whole.count - "\r\nepilogue".utf8.count
    for length in 0..<end {
      #expect(throws: MultipartError.self, "\(length)") {
        try Self.read(Bytes(whole[..<length]), piece: 16)
      }
    }
  }

  @Test("a flipped bit is an error or another upload, never a trap")
  func bitFlips() {
    let whole = Bytes(Self.upload.utf8)
    for index in whole.indices {
      for bit in 0..<8 {
        var flipped = whole
        flipped[index] ^= 1 << bit
        _ = try? Self.read(flipped, piece: 5)
      }
    }
  }

  @Test("content types without a usable boundary are refused")
  func types() throws {
    for type in [
      nil, "", "text/plain", "multipart/form-data", "multipart/form-data; boundary=",
      "multipart/form-data; boundary=\"open",
      "multipart/form-data; boundary=\(String(repeating: "b", count: 71))",
    ] {
      #expect(throws: MultipartError.self, "\(type ?? "nil")") {
        try MultipartMachine(contentType: type)
      }
    }
    _ = try MultipartMachine(contentType: "Multipart/Form-Data; charset=x; Boundary=\"a b\"")
  }

  @Test("headers and preambles are bounded")
  func bounds() {
    let header = "--4f1f\r\nA: \(String(repeating: "a", count: 33 << 10))\r\n\r\n"
    #expect(throws: MultipartError.headerTooLarge(limit: MultipartLimits.headerByteCountMax)) {
      try Self.read(Bytes(header.utf8), piece: 4_096)
    }
    let preamble = String(repeating: "x", count: 5_000)
    #expect(throws: MultipartError.preambleTooLarge(limit: MultipartLimits.preambleByteCountMax)) {
      try Self.read(Bytes(preamble.utf8), piece: 512)
    }
  }
}
