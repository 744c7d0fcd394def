import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("CIDs in every multibase and hash function")
struct MultibaseTests {
  /// Tests/Vectors/cid-texts.json names its sources.
  private static let document = TestFile.json("Vectors/cid-texts.json")

  @Test("every multibase spells the published texts and reads them back")
  func publishedTexts() throws {
    let cid = try CID(decoding: Hex.decode(#require(Self.document["cid"]?.text)))
    let rows = try #require(Self.document["bases"]?.elements)
    #expect(rows.count == Multibase.allCases.count)
    for row in rows {
      let prefix = try #require(row["prefix"]?.text?.unicodeScalars.first)
      let base = try #require(Multibase(rawValue: prefix), "\(prefix)")
      #expect(cid.text(in: base) == row["cid"]?.text)
      #expect(try CID(parsing: cid.text(in: base)) == cid)
      for (name, bytes) in [
        ("yes", Bytes("yes mani !".utf8)), ("zeros", [0, 0] + Bytes("yes mani !".utf8)),
      ] {
        let text = try #require(row[name]?.text)
        #expect(String(prefix) + base.encode(bytes) == text)
        #expect(try base.decode(String(text.unicodeScalars.dropFirst())) == bytes)
      }
    }
  }

  @Test("each base refuses what is not its alphabet, wrong padding and left-over bits")
  func strict() {
    let refused: [(Multibase, String)] = [
      (.base2, "0101"), (.base2, "00000002"), (.base8, "8"), (.base10, "a"), (.base16, "F0"),
      (.base16, "f"), (.base16Upper, "f0"), (.base32, "b"), (.base32, "bb"), (.base32Padded, "aa"),
      (.base32Padded, "aa====="), (.base32Padded, "aa======="), (.base32Padded, "========"),
      (.base32Upper, "aa"), (.base32Hex, "w0"), (.base32Z, "l0"), (.base36, "K"),
      (.base36Upper, "k"), (.base58BTC, "0"), (.base58Flickr, "l"), (.base64, "AA=="),
      (.base64, "_w"), (.base64URL, "/w"), (.base64Padded, "AA"), (.base64Padded, "AA="),
      (.base64Padded, "AA==="), (.base64Padded, "=AA="), (.base64Padded, "AB=="),
      (.base256Emoji, "a"), (.base256Emoji, "🚀\u{200d}"),
    ]
    for (base, text) in refused {
      #expect(throws: DecodingFailure.self, "\(base) \(text)") { try base.decode(text) }
    }
  }

  @Test("every hash function checks a block and refuses another")
  func hashFunctions() throws {
    let rows = try #require(Self.document["hashes"]?.elements)
    #expect(rows.count == 16)
    for row in rows {
      let text = try #require(row["cid"]?.text)
      let cid = try CID(parsing: text)
      #expect(cid.text == text)
      try cid.verify(Bytes("hello world".utf8))
      #expect(throws: ContentError.digestMismatch(cid), "\(row)") {
        try cid.verify(Bytes("hello worle".utf8))
      }
    }
  }

  @Test("digests too short to trust, too long for their function or of an unknown one are refused")
  func refusedDigests() {
    let short: Bytes = [1, 0x55, 0x12, 19] + Bytes(repeating: 1, count: 19)
    let long: Bytes = [1, 0x55, 0x11, 21] + Bytes(repeating: 1, count: 21)
    let v0: Bytes = [0x12, 20] + Bytes(repeating: 1, count: 20)
    for bytes in [short, long, v0] {
      #expect(throws: ContentError.self) { try CID(decoding: bytes) }
    }
    #expect(throws: ContentError.unsupportedHash(0xb241)) {
      try CID(decoding: [1, 0x55, 0xc1, 0xe4, 0x02, 32] + Bytes(repeating: 1, count: 32))
    }
  }

  @Test("a version 0 CID becomes version 1 and comes back; other CIDs have no version 0")
  func versions() {
    let digest = SHA256.hash([1])
    let v0 = CID.v0(digest)
    #expect(v0.asVersion1 == .v1(.dagPB, .sha256(digest)))
    #expect(v0.asVersion1.asVersion0 == v0)
    #expect(CID.v1(.raw, .sha256(digest)).asVersion0 == nil)
    #expect(CID.v1(.dagPB, .identity([])).asVersion0 == nil)
  }
}
