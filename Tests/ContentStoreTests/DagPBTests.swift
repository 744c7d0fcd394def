import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("dag-pb and UnixFS data")
struct DagPBTests {
  private static let cid = CID.v1(.raw, .sha256(SHA256.hash([1])))
  private static let node = DagPBNode(
    links: [DagPBLink(cid: cid, tsize: 1), DagPBLink(cid: .v0(.zero), name: [0x61], tsize: 300)],
    data: UnixFSData(kind: .file, fileSize: 301, blockSizes: [1, 300]).encoded())

  @Test("well-known nodes have their published bytes")
  func publishedBytes() {
    // The empty file and the empty directory of every IPFS node.
    let file = DagPBNode(data: UnixFSData(kind: .file, fileSize: 0).encoded())
    #expect(Hex.encode(file.encoded()) == "0a0408021800")
    let directory = DagPBNode(data: UnixFSData(kind: .directory, fileSize: nil).encoded())
    #expect(Hex.encode(directory.encoded()) == "0a020801")
  }

  @Test("the symbolic link of the gateway-conformance fixtures has its published CID")
  func symlink() {
    let data = UnixFSData(kind: .symlink, data: Bytes("foo".utf8), fileSize: nil)
    let block = ContentBlock(
      hashing: DagPBNode(data: data.encoded()).encoded(), codec: .dagPB, version: .v0)
    #expect(block.cid.text == "QmTB8BaCJdCH5H3k7GrxJsxgDNmNYGGR71C58ERkivXoj5")
  }

  @Test("links are written before the data and read on either side of it")
  func order() throws {
    let canonical = Self.node.encoded()
    #expect(canonical.first == 0x12)
    #expect(try DagPBNode(decoding: canonical, of: Self.cid) == Self.node)
    let links = DagPBNode(links: Self.node.links, data: nil).encoded()
    let data = DagPBNode(data: Self.node.data).encoded()
    #expect(try DagPBNode(decoding: data + links, of: Self.cid) == Self.node)
    #expect(throws: ContentError.self) {
      try DagPBNode(decoding: links + data + links, of: Self.cid)
    }
    #expect(throws: ContentError.self) { try DagPBNode(decoding: data + data, of: Self.cid) }
  }

  @Test("every truncation of a node is another node or refused, never a trap")
  func truncation() {
    let bytes = Self.node.encoded()
    for length in 0..<bytes.count {
      #expect((try? DagPBNode(decoding: Bytes(bytes.prefix(length)), of: Self.cid)) != Self.node)
    }
    let data = Self.node.data!
    for length in 0..<data.count {
      #expect(
        (try? UnixFSData(decoding: Bytes(data.prefix(length))).encoded()) != data)
    }
  }

  @Test("a bit flip in a node never passes unseen")
  func bitFlip() {
    let bytes = Self.node.encoded()
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << (bit % 8)
      #expect((try? DagPBNode(decoding: flipped, of: Self.cid)) != Self.node, "bit \(bit)")
    }
  }

  @Test(
    "nodes that Kubo would refuse are refused",
    arguments: [
      ("unknown field", "1a00"), ("a number for data", "0801"), ("fixed-size field", "0d00000000"),
      ("link without hash", "12021800"), ("name before hash", "120612000a020000"),
      (
        "name that is not UTF-8",
        "122b0a2401551220" + String(repeating: "00", count: 32) + "1201ff1800"
      ),
      ("length beyond the end", "0a05080218"), ("length of 63 bits", "0affffffffffffffff7f"),
      ("varint that is not minimal", "0a840008021800"),
    ])
  func refused(what: String, hex: String) throws {
    let bytes = try Hex.decode(hex)
    #expect(throws: ContentError.self) { try DagPBNode(decoding: bytes, of: Self.cid) }
  }

  @Test("packed and unpacked block sizes read the same")
  func packed() throws {
    let unpacked = try UnixFSData(decoding: Hex.decode("080218ad0220ac022001"))
    let packed = try UnixFSData(decoding: Hex.decode("080218ad022203ac0201"))
    #expect(unpacked == packed)
    #expect(packed.blockSizes == [300, 1])
  }

  @Test(
    "UnixFS data that means nothing is refused",
    arguments: ["", "1801", "0806", "08020802", "0802180118ff", "08024801", "080a"])
  func refusedData(hex: String) throws {
    let bytes = try Hex.decode(hex)
    #expect(throws: DecodingFailure.self) { try UnixFSData(decoding: bytes) }
  }
}
