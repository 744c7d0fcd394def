import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("CIDs")
struct CIDTests {
  private static let hello = SHA256.hash(Bytes("hello world".utf8))

  /// The multicodec and multibase examples of the CID specification's tables, and Kubo's texts for
  /// the files of the vector file.
  private static let examples: [(CID, String)] = [
    (.v1(.raw, .sha256(hello)), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"),
    (.v1(.raw, .identity([])), "bafkqaaa"),
    (
      .v0(SHA256.hash([0x0a, 0x04, 0x08, 0x02, 0x18, 0x00])),
      "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"
    ),
    (
      .v1(.dagPB, .sha256(SHA256.hash([0x0a, 0x02, 0x08, 0x01]))),
      "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
    ),
  ]

  @Test("a CID has its published text and is read back from it", arguments: examples)
  func publishedText(cid: CID, text: String) throws {
    #expect(cid.text == text)
    #expect(try CID(parsing: text) == cid)
    #expect(try CID(decoding: cid.bytes) == cid)
  }

  @Test("every multibase spells a CID that is read back", arguments: Multibase.allCases)
  func multibases(base: Multibase) throws {
    for codec in CID.Codec.allCases {
      for multihash in [Multihash.sha256(Self.hello), .identity([0, 1, 2])] {
        let cid = CID.v1(codec, multihash)
        #expect(try CID(parsing: cid.text(in: base)) == cid)
      }
    }
  }

  @Test("every truncation of a CID is refused")
  func truncation() {
    for cid in [CID.v0(Self.hello), .v1(.raw, .sha256(Self.hello)), .v1(.raw, .identity([7, 7]))] {
      for length in 0..<cid.bytes.count {
        #expect(throws: ContentError.self) { try CID(decoding: Bytes(cid.bytes.prefix(length))) }
      }
      #expect(throws: ContentError.self) { try CID(decoding: cid.bytes + [0]) }
      for length in 0..<cid.text.count where length != cid.text.count {
        let text = String(cid.text.prefix(length))
        if let other = try? CID(parsing: text) { #expect(other != cid) }
      }
    }
  }

  @Test("a bit flip in a CID gives another CID or none")
  func bitFlip() {
    let cid = CID.v1(.raw, .sha256(Self.hello))
    for bit in 0..<cid.bytes.count * 8 {
      var bytes = cid.bytes
      bytes[bit / 8] ^= 1 << (bit % 8)
      #expect((try? CID(decoding: bytes)) != cid)
    }
  }

  @Test("what this program does not know is named in the error")
  func unknown() {
    let multihash: Bytes = [0x12, 0x20] + Self.hello.bytes
    #expect(throws: ContentError.unsupportedVersion(2)) {
      try CID(decoding: [2, 0x55] + multihash)
    }
    #expect(throws: ContentError.unsupportedCodec(0x71 + 0x100)) {
      try CID(decoding: [1, 0xf1, 0x02] + multihash)
    }
    #expect(throws: ContentError.unsupportedHash(0x1e)) {
      try CID(decoding: [1, 0x55, 0x1e, 0x20] + Self.hello.bytes)
    }
    #expect(throws: ContentError.unsupportedMultibase("p")) { try CID(parsing: "pAVUSIA") }
    #expect(throws: ContentError.self) { try CID(parsing: "") }
    #expect(throws: ContentError.self) { try CID(parsing: "not a cid") }
  }

  @Test("a CID has one spelling: no prefix on version 0, no mixed case, no long varint")
  func oneSpelling() {
    let v0 = CID.v0(Self.hello)
    #expect(throws: ContentError.self) { try CID(parsing: "z" + v0.text) }
    #expect(throws: ContentError.self) { try CID(parsing: "b" + Base32.encode(v0.bytes)) }
    let v1 = CID.v1(.raw, .sha256(Self.hello))
    #expect(throws: ContentError.self) { try CID(parsing: "b" + v1.text.dropFirst().uppercased()) }
    #expect(throws: ContentError.self) { try CID(parsing: "B" + v1.text.dropFirst()) }
    #expect(throws: ContentError.self) {
      try CID(parsing: "f" + v1.text(in: .base16).dropFirst().uppercased())
    }
    #expect(throws: ContentError.self) { try CID(decoding: [0x81, 0x00] + v1.bytes.dropFirst()) }
  }

  @Test("an identity digest or a text beyond the limit is refused")
  func limits() {
    let longest = CID.v1(.raw, .identity(Bytes(repeating: 1, count: 128)))
    #expect((try? CID(parsing: longest.text)) == longest)
    let longer = CID.v1(.raw, .identity(Bytes(repeating: 1, count: 129)))
    #expect(throws: ContentError.self) { try CID(decoding: longer.bytes) }
    #expect(throws: ContentError.self) { try CID(parsing: String(repeating: "b", count: 10_000)) }
  }

  @Test("a block is checked against its CID")
  func verification() throws {
    let cid = CID.v1(.raw, .sha256(Self.hello))
    try cid.verify(Bytes("hello world".utf8))
    #expect(throws: ContentError.digestMismatch(cid)) { try cid.verify(Bytes("hello worlD".utf8)) }
    let inline = CID.v1(.raw, .identity([1, 2]))
    try inline.verify([1, 2])
    #expect(throws: ContentError.digestMismatch(inline)) { try inline.verify([1, 3]) }
  }
}
