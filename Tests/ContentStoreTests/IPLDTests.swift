import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("IPLD values in dag-cbor and dag-json")
struct IPLDTests {
  /// Tests/Vectors/ipld-values.json names its sources.
  private static let document = TestFile.json("Vectors/ipld-values.json")
  private static let rows = document["values"]!.elements!

  private static func cbor(_ row: JSONValue) throws -> Bytes {
    try Hex.decode(#require(row["dag-cbor"]?.text))
  }

  private static func json(_ row: JSONValue) throws -> Bytes {
    try Bytes(#require(row["dag-json"]?.text).utf8)
  }

  @Test("every value has the published bytes in both codecs and is the same in both")
  func published() throws {
    #expect(Self.rows.count == 81)
    for row in Self.rows {
      let (cbor, json) = (try Self.cbor(row), try Self.json(row))
      let value = try DagCBOR.decode(cbor)
      #expect(try DagCBOR.encode(value) == cbor, "\(row)")
      #expect(try DagJSON.decode(json, .canonical) == value, "\(row)")
      #expect(try DagJSON.encode(value) == json, "\(row)")
      #expect(try DagCBOR.decode(cbor, .readable) == value, "\(row)")
    }
  }

  @Test("different values are different")
  func distinct() throws {
    let values = try Self.rows.map { try DagCBOR.decode(Self.cbor($0)) }
    for (index, value) in values.enumerated() {
      for other in values.dropFirst(index + 1) { #expect(value != other) }
    }
    #expect(IPLDValue.text("e\u{301}") != .text("\u{e9}"))
    let (composed, split) = (IPLDMap([.init("\u{e9}", .null)]), IPLDMap([.init("e\u{301}", .null)]))
    #expect(composed != split)
    #expect(IPLDMap([.init("\u{e9}", .null), .init("e\u{301}", .null)]) != nil)
    #expect(IPLDMap([.init("a", .null), .init("a", .null)]) == nil)
  }

  @Test("every truncation is refused and no bit flip passes unseen")
  func damaged() throws {
    for row in Self.rows {
      let cbor = try Self.cbor(row)
      let value = try DagCBOR.decode(cbor)
      for length in 0..<cbor.count {
        #expect(throws: DecodingFailure.self) { try DagCBOR.decode(Bytes(cbor.prefix(length))) }
      }
      for bit in 0..<min(cbor.count, 300) * 8 {
        var flipped = cbor
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let other = try? DagCBOR.decode(flipped) else { continue }
        #expect(other != value)
        #expect(try DagCBOR.encode(other) == flipped, "a second spelling: \(flipped)")
      }
      let json = try Self.json(row)
      for length in 0..<min(json.count, 300) {
        if let other = try? DagJSON.decode(Bytes(json.prefix(length))) { #expect(other != value) }
      }
      for bit in 0..<min(json.count, 150) * 8 {
        var flipped = json
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let other = try? DagJSON.decode(flipped, .canonical) else { continue }
        #expect(other != value, "\(row)")
      }
    }
  }

  @Test("what dag-cbor forbids is refused; what old writers wrote is readable")
  func refusedCBOR() throws {
    let rows = try #require(Self.document["refused dag-cbor"]?.elements)
    #expect(rows.count == 43)
    for row in rows {
      let bytes = try Hex.decode(#require(row["hex"]?.text))
      #expect(throws: DecodingFailure.self, "\(row)") { try DagCBOR.decode(bytes) }
      let isReadable = (try? DagCBOR.decode(bytes, .readable)) != nil
      #expect(isReadable == row["readable"]?.bool, "\(row)")
    }
    #expect(try DagCBOR.decode([0xf9, 0xc4, 0x00], .readable) == .float(-4))
    #expect(try DagCBOR.decode([0xf9, 0x00, 0x01], .readable) == .float(5.960464477539063e-8))
    #expect(try DagCBOR.decode([0xf9, 0x7b, 0xff], .readable) == .float(65_504))
  }

  @Test(
    "what dag-json forbids is refused",
    arguments: [
      "", " ", "nul", "[1,]", "{\"a\":1,}", "{a:1}", "[1 2]", "01", "-", "1.", ".5", "1e", "+1",
      "\"\u{1}\"", "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "{\"a\":1,\"a\":2}",
      "{\"a\":1,\"\\u0061\":2}", "18446744073709551616", "-18446744073709551617", "1e999", "[1]2",
      "{\"/\":1}", "{\"/\":null}", "{\"/\":\"not a cid\"}", "{\"/\":{}}", "{\"/\":{\"bytes\":1}}",
      "{\"/\":{\"bytes\":\"=\"}}", "{\"/\":{\"bytes\":\"AB\",\"x\":1}}", "{\"/\":{\"byte\":\"\"}}",
      "{\"/\":\"bafkqaaa\",\"a\":1}", "{\"a\":1,\"/\":\"bafkqaaa\"}", "NaN", "Infinity",
      "\u{feff}1", "[[[[",
    ])
  func refusedJSON(text: String) {
    #expect(throws: DecodingFailure.self) { try DagJSON.decode(Bytes(text.utf8)) }
  }

  @Test("JSON of other writers is read, but is not canonical")
  func readableJSON() throws {
    let spellings: [(String, IPLDValue)] = [
      (" [ 1 , 2 ]\n", .list([.integer(1), .integer(2)])), ("\"\\u0061\\/\"", .text("a/")),
      ("1e2", .float(100)),
      ("{\"b\":1,\"a\":2}", .map(IPLDMap([.init("a", .integer(2)), .init("b", .integer(1))])!)),
      ("\"\\ud83d\\ude00\"", .text("\u{1f600}")), ("-0", .integer(0)),
      ("{ \"/\" : \"bafkqaaa\" }", .link(.v1(.raw, .identity([])))),
    ]
    for (text, value) in spellings {
      #expect(try DagJSON.decode(Bytes(text.utf8)) == value)
      #expect(throws: DecodingFailure.self) { try DagJSON.decode(Bytes(text.utf8), .canonical) }
    }
  }

  @Test("nesting ends at the limit, and values without a spelling are not written")
  func limits() throws {
    let depth = IPLDLimits.depthMax
    func nested(_ depth: Int) -> (Bytes, Bytes) {
      (
        Bytes(repeating: 0x81, count: depth) + [0x01],
        Bytes(
          (String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth)).utf8)
      )
    }
    #expect(try DagCBOR.decode(nested(depth).0) == DagJSON.decode(nested(depth).1))
    #expect(throws: DecodingFailure.self) { try DagCBOR.decode(nested(depth + 1).0) }
    #expect(throws: DecodingFailure.self) { try DagJSON.decode(nested(depth + 1).1) }
    #expect(throws: DecodingFailure.self) { try DagCBOR.decode(nested(1 << 20).0) }
    let unwritable: [IPLDValue] = [
      .integer(1 << 64), .integer(-(1 << 64) - 1), .float(.nan), .float(.infinity),
    ]
    for value in unwritable {
      #expect(throws: DecodingFailure.self) { try DagCBOR.encode(.list([value])) }
      #expect(throws: DecodingFailure.self) { try DagJSON.encode(.list([value])) }
    }
    let reserved = IPLDValue.map(IPLDMap([.init("/", .null)])!)
    #expect(try DagCBOR.decode(DagCBOR.encode(reserved)) == reserved)
    #expect(throws: DecodingFailure.self) { try DagJSON.encode(reserved) }
    let large = Bytes(repeating: 0x20, count: BlockLimits.byteCountMax + 1)
    #expect(throws: DecodingFailure.self) { try DagCBOR.decode(large) }
    #expect(throws: DecodingFailure.self) { try DagJSON.decode(large) }
  }

  @Test("a block's links come in its order, repeated ones too, and by its codec")
  func links() throws {
    let (a, b) = (CID.v1(.raw, .identity([1])), CID.v0(SHA256.hash([2])))
    let value = IPLDValue.list([.link(a), .map(IPLDMap([.init("x", .link(b))])!), .link(a)])
    for codec in [CID.Codec.dagCBOR, .dagJSON] {
      let bytes = try codec == .dagCBOR ? DagCBOR.encode(value) : DagJSON.encode(value)
      #expect(try ContentBlock(hashing: bytes, codec: codec).links() == [a, b, a])
    }
    for codec in [CID.Codec.raw, .cbor, .json, .libp2pKey] {
      #expect(try ContentBlock(hashing: DagCBOR.encode(value), codec: codec).links().isEmpty)
    }
    let node = DagPBNode(
      links: [DagPBLink(cid: b, tsize: 0), DagPBLink(cid: a, tsize: 0)], data: nil)
    #expect(try ContentBlock(hashing: node.encoded(), codec: .dagPB).links() == [b, a])
    for codec in [CID.Codec.dagCBOR, .dagJSON, .dagPB] {
      let junk = ContentBlock(hashing: [0xff], codec: codec)
      #expect(throws: ContentError.self) { try junk.links() }
    }
  }
}
