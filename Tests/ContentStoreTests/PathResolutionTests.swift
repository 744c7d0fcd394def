import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("Paths to content")
struct PathResolutionTests {
  private static func resolve(
    _ segments: [String], in content: GatewayFixture.Content
  ) throws -> (ResolvedPath, PathResolution) {
    var resolution = PathResolution(ContentPath(root: content.root, segments: segments))
    while let cid = resolution.wanted { try resolution.supply(content.source.block(cid)) }
    return (try #require(resolution.resolved), resolution)
  }

  @Test("a path is read in each of its spellings and written in one")
  func spellings() throws {
    let cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
    for prefix in ["/ipfs/", "ipfs/", "ipfs://", "", "/"] {
      for suffix in ["/a/b", "//a///b/", "/a/b/"] {
        let path = try ContentPath(parsing: prefix + cid + suffix)
        #expect(path == ContentPath(root: try CID(parsing: cid), segments: ["a", "b"]))
        #expect(path.description == "/ipfs/\(cid)/a/b")
      }
    }
    #expect(try ContentPath(parsing: cid).segments.isEmpty)
    // A slash and a combining mark are one character, and two bytes of a path.
    #expect(
      try ContentPath(parsing: "\(cid)/a/\u{301}b/\u{FE0F}").segments
        == ["a", "\u{301}b", "\u{FE0F}"])
    #expect(throws: ContentError.self) { try ContentPath(parsing: "\(cid)/\u{301}/../b") }
  }

  @Test(
    "what is no path is refused",
    arguments: [
      "", "/", "/ipfs/", "/ipns/example.org", "ipfs", "/ipfs/nothing", "bafkqaaa/..",
      "bafkqaaa/../a", "bafkqaaa/./a", "bafkqaaa/a\0",
      "bafkqaaa/" + String(repeating: "a", count: 8_192),
      "bafkqaaa" + String(repeating: "/a", count: 257),
    ])
  func refused(text: String) {
    #expect(throws: ContentError.self) { try ContentPath(parsing: text) }
  }

  @Test("names lead through directories to files")
  func directories() throws {
    let content = try GatewayFixture(name: GatewayFixture.mixed).content()
    let (file, resolution) = try Self.resolve(["subdir", "multiblock.txt"], in: content)
    #expect(file.cid == content.blocks[4].cid)
    #expect(file.entry?.text == "multiblock.txt")
    #expect(resolution.roots == [0, 1, 4].map { content.blocks[$0].cid })
    let (root, _) = try Self.resolve([], in: content)
    #expect(root.cid == content.root)
    #expect(root.entry == nil)
    let errors: [([String], ContentError)] = [
      (["nothing"], .noSuchEntry(content.root, name: "nothing")),
      (["subdir", "nothing"], .noSuchEntry(content.blocks[1].cid, name: "nothing")),
      (
        ["subdir", "ascii.txt", "x"],
        .notADirectory(content.blocks[2].cid, found: "a file")
      ),
      (
        ["subdir", "multiblock.txt", "x"],
        .notADirectory(content.blocks[4].cid, found: "a file")
      ),
    ]
    for (segments, error) in errors {
      #expect(throws: error) { try Self.resolve(segments, in: content) }
    }
  }

  @Test("names are told apart by their bytes")
  func bytes() throws {
    let content = try GatewayFixture(name: "dir_listing-fixtures").content()
    let (file, _) = try Self.resolve(
      ["\u{105}", "\u{119}", "file-\u{17a}\u{142}.txt"], in: content)
    #expect(file.cid == content.blocks.last?.cid)
    #expect(throws: ContentError.self) { try Self.resolve(["a\u{328}"], in: content) }
  }

  @Test("a symbolic link is not followed")
  func symlink() throws {
    let content = try GatewayFixture(name: "path_gateway_unixfs-symlink").content()
    let (link, _) = try Self.resolve(["bar"], in: content)
    #expect(throws: ContentError.notADirectory(link.cid, found: "a symbolic link")) {
      try Self.resolve(["bar", "x"], in: content)
    }
  }

  @Test(
    "names lead through dag-cbor and dag-json maps and links",
    arguments: ["path_gateway_dag-dag-cbor-traversal", "path_gateway_dag-dag-json-traversal"])
  func values(name: String) throws {
    let content = try GatewayFixture(name: name).content()
    let (linked, _) = try Self.resolve(["foo", "link"], in: content)
    #expect(linked.cid == content.blocks[1].cid)
    #expect(linked.remainder.isEmpty)
    let (hello, resolution) = try Self.resolve(["foo", "link", "bar", "hello"], in: content)
    #expect(hello.cid == content.blocks[2].cid)
    #expect(hello.remainder == ["hello"])
    #expect(hello.value == .text("this is not a link"))
    #expect(resolution.roots == content.blocks.map(\.cid))
    #expect(throws: ContentError.noSuchEntry(content.root, name: "nope")) {
      try Self.resolve(["foo", "nope"], in: content)
    }
    #expect(throws: ContentError.noSuchEntry(content.blocks[2].cid, name: "x")) {
      try Self.resolve(["foo", "link", "bar", "hello", "x"], in: content)
    }
  }

  @Test("lists are entered by index, in one spelling")
  func lists() throws {
    let value = IPLDValue.list([.integer(7), .list([.text("x")])])
    let block = ContentBlock(hashing: try DagCBOR.encode(value), codec: .dagCBOR)
    var content = GatewayFixture.Content(root: block.cid, blocks: [block])
    content.source.add([block])
    #expect(try Self.resolve(["1", "0"], in: content).0.value == .text("x"))
    for name in ["2", "-1", "+1", "01", "1 ", "", "99999999999999999999"] {
      #expect(throws: ContentError.self) { try Self.resolve([name], in: content) }
    }
  }

  @Test("a dag-pb node that is no UnixFS is entered by the names of its links")
  func plainNode() throws {
    let leaf = ContentBlock(hashing: [1], codec: .raw)
    for data: Bytes? in [nil, [], [0xff]] {
      let node = DagPBNode(
        links: [DagPBLink(cid: leaf.cid, name: Bytes("x".utf8), tsize: 1)], data: data)
      let block = ContentBlock(hashing: node.encoded(), codec: .dagPB)
      var content = GatewayFixture.Content(root: block.cid, blocks: [block])
      content.source.add([block])
      #expect(try Self.resolve(["x"], in: content).0.cid == leaf.cid)
      #expect(throws: ContentError.self) { try Self.resolve(["y"], in: content) }
    }
  }

  @Test("plain CBOR and JSON blocks are not entered")
  func plainValues() throws {
    for name in ["path_gateway_dag-plain-cbor", "path_gateway_dag-plain-json"] {
      let content = try GatewayFixture(name: name).content()
      #expect(throws: ContentError.self) { try Self.resolve(["test"], in: content) }
    }
  }

  @Test("a dag-pb block as dag-json is what the fixture says")
  func dagPBAsJSON() throws {
    let content = try GatewayFixture(name: "path_gateway_dag-dag-pb").content()
    let block = content.blocks[0]
    let value = try DagPBNode(decoding: block.bytes, of: block.cid).value
    let json = TestFile.bytes("Vectors/gateway-conformance/dag-pb.json")
    #expect(try DagJSON.decode(json) == value)
  }

  @Test("a file is read in part, and only the blocks of that part are wanted")
  func ranges() throws {
    let content = try GatewayFixture(name: GatewayFixture.mixed).content()
    let root = content.blocks[4].cid
    var whole = Bytes()
    for leaf in content.blocks[5...] { whole += leaf.bytes }
    for (first, last) in [
      (0, 0), (0, 255), (0, 256), (255, 256), (300, 800), (1_024, 1_025), (0, 1_025),
    ] {
      var walk = UnixFSWalk(
        root: root, bytes: EntityBytes(first: Int64(first), last: Int64(last)))
      var bytes = Bytes()
      var count = 0
      while let cid = walk.wanted {
        bytes += try walk.supply(content.source.block(cid))
        count += 1
      }
      #expect(bytes == Bytes(whole[first...last]))
      #expect(walk.bytesGiven == UInt64(bytes.count))
      #expect(count == 1 + last / 256 - first / 256 + 1)
    }
  }
}
