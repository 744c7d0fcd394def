import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("Exports of DAGs")
struct DagExportTests {
  /// Written by `ipfs dag export`, so in the order of the walk.
  private static let exported = GatewayFixture.all.filter { $0.name != GatewayFixture.missing }

  @Test("exporting a fixture's root gives the fixture", arguments: exported)
  func wholeDAG(fixture: GatewayFixture) throws {
    let content = try fixture.content()
    let request = DagExport.Request(ContentPath(root: content.root))
    let blocks = try DagExport.blocks(of: request, from: content.source)
    #expect(blocks.map(\.cid) == content.blocks.map(\.cid))
  }

  @Test("an export ends where a block is missing")
  func missing() throws {
    let content = try GatewayFixture(name: GatewayFixture.missing).content()
    var export = try DagExport(DagExport.Request(ContentPath(root: content.root)))
    var count = 0
    while let cid = export.wanted, let bytes = content.source.blocks[cid] {
      _ = try export.supply(bytes)
      count += 1
    }
    #expect(export.wanted != nil)
    // The last block of the archive lies behind the gap.
    #expect(count == 2)
  }

  /// Blocks of the fixture with mixed files, by number: 0 root, 1 subdir, 2 ascii.txt, 3 hello.txt,
  /// 4 multiblock.txt of 1,026 bytes, 5 to 9 its leaves of 256 bytes and the last of 2.
  static let table: [(path: String, scope: DagScope, bytes: String, blocks: [Int])] = [
    ("", .block, "0:*", [0]), ("", .entity, "0:*", [0]),
    ("", .all, "0:*", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("/subdir", .block, "0:*", [0, 1]), ("/subdir", .entity, "0:*", [0, 1]),
    ("/subdir", .all, "0:*", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("/subdir/ascii.txt", .block, "0:*", [0, 1, 2]),
    ("/subdir/ascii.txt", .entity, "0:*", [0, 1, 2]),
    ("/subdir/ascii.txt", .entity, "3:5", [0, 1, 2]),
    ("/subdir/multiblock.txt", .block, "0:*", [0, 1, 4]),
    ("/subdir/multiblock.txt", .entity, "0:*", [0, 1, 4, 5, 6, 7, 8, 9]),
    ("/subdir/multiblock.txt", .all, "0:*", [0, 1, 4, 5, 6, 7, 8, 9]),
    ("/subdir/multiblock.txt", .all, "512:600", [0, 1, 4, 5, 6, 7, 8, 9]),
    ("/subdir/multiblock.txt", .entity, "512:1023", [0, 1, 4, 7, 8]),
    ("/subdir/multiblock.txt", .entity, "512:-257", [0, 1, 4, 7, 8]),
    ("/subdir/multiblock.txt", .entity, "512:*", [0, 1, 4, 7, 8, 9]),
    ("/subdir/multiblock.txt", .entity, "0:0", [0, 1, 4, 5]),
    ("/subdir/multiblock.txt", .entity, "255:256", [0, 1, 4, 5, 6]),
    ("/subdir/multiblock.txt", .entity, "-2:*", [0, 1, 4, 9]),
    ("/subdir/multiblock.txt", .entity, "-3:-3", [0, 1, 4, 8]),
    ("/subdir/multiblock.txt", .entity, "-9999999:-5", [0, 1, 4, 5, 6, 7, 8]),
    ("/subdir/multiblock.txt", .entity, "1024:9999999", [0, 1, 4, 9]),
    ("/subdir", .entity, "5:6", [0, 1]),
  ]

  @Test("scopes and byte ranges select what the trustless gateway's specification says")
  func scopes() throws {
    let content = try GatewayFixture(name: GatewayFixture.mixed).content()
    #expect(content.blocks.count == 10)
    for row in Self.table {
      for repeats in [false, true] {
        let request = DagExport.Request(
          try ContentPath(parsing: "/ipfs/\(content.root)\(row.path)"), scope: row.scope,
          bytes: try EntityBytes(parsing: row.bytes), repeatsBlocks: repeats)
        let blocks = try DagExport.blocks(of: request, from: content.source)
        #expect(blocks.map(\.cid) == row.blocks.map { content.blocks[$0].cid }, "\(row)")
      }
    }
  }

  @Test(
    "bytes outside the file are refused",
    arguments: ["1026:*", "9999:9999", "5:4", "-1:-2", "0:-1027", "9223372036854775807:*"])
  func outside(text: String) throws {
    let content = try GatewayFixture(name: GatewayFixture.mixed).content()
    let request = DagExport.Request(
      try ContentPath(parsing: "\(content.root)/subdir/multiblock.txt"), scope: .entity,
      bytes: try EntityBytes(parsing: text))
    #expect {
      try DagExport.blocks(of: request, from: content.source)
    } throws: {
      if case ContentError.rangeOutside(_, size: 1_026) = $0 { true } else { false }
    }
  }

  @Test(
    "entity-bytes that are no range are refused",
    arguments: [
      "", ":", "1", "1:", ":1", "a:b", "1:2:3", "*:1", "1:**", "9223372036854775808:1", "+1:2",
    ])
  func malformedRange(text: String) {
    #expect(throws: DecodingFailure.self) { try EntityBytes(parsing: text) }
  }

  @Test("the empty file has no bytes, and asking for all of them is no error")
  func emptyFile() throws {
    let cid = ContentBlock(hashing: [], codec: .raw).cid
    #expect(try EntityBytes.all.range(in: 0, of: cid) == 0..<0)
    #expect(throws: ContentError.self) {
      try EntityBytes(first: 1, last: nil).range(in: 0, of: cid)
    }
    #expect(EntityBytes(offset: 0, count: 0) == nil)
    #expect(try EntityBytes(offset: 3, count: 2)?.range(in: 10, of: cid) == 3..<5)
    #expect(try EntityBytes(offset: 3, count: .max)?.range(in: 10, of: cid) == 3..<10)
    #expect(try EntityBytes(offset: 3)?.range(in: 10, of: cid) == 3..<10)
  }

  @Test("a HAMT's entity is its shards, and the way to an entry only those on it")
  func hamt() throws {
    let fixture = GatewayFixture(
      name: "trustless_gateway_car-single-layer-hamt-with-multi-block-files")
    let content = try fixture.content()
    var walk = UnixFSDirectoryWalk(root: content.root)
    var entries: [UnixFSEntry] = []
    var shards: [CID] = []
    while let cid = walk.wanted {
      shards.append(cid)
      entries += try walk.supply(content.source.block(cid))
    }
    #expect(entries.count > 200)
    let entity = try DagExport.blocks(
      of: DagExport.Request(ContentPath(root: content.root), scope: .entity), from: content.source)
    #expect(entity.map(\.cid) == shards)
    let entry = try #require(entries.last)
    let path = ContentPath(root: content.root, segments: [entry.text])
    let one = try DagExport.blocks(
      of: DagExport.Request(path, scope: .block), from: content.source)
    #expect(one.last?.cid == entry.cid)
    #expect(one.count <= 3)
    #expect(one.dropLast().allSatisfy { shards.contains($0.cid) })
  }

  @Test("a block linked twice comes once, or wherever it is linked when that is asked for")
  func duplicates() throws {
    let leaf = ContentBlock(hashing: [1, 2, 3], codec: .raw)
    let file = DagPBNode(
      links: [leaf, leaf].map { DagPBLink(cid: $0.cid, tsize: 3) },
      data: UnixFSData(kind: .file, fileSize: 6, blockSizes: [3, 3]).encoded())
    let node = ContentBlock(hashing: file.encoded(), codec: .dagPB)
    let value = IPLDValue.list([.link(node.cid), .link(leaf.cid), .link(node.cid)])
    let root = ContentBlock(hashing: try DagCBOR.encode(value), codec: .dagCBOR)
    var source = MemorySource()
    source.add([leaf, node, root])
    func cids(_ scope: DagScope, _ segments: [String], _ repeats: Bool) throws -> [CID] {
      let path = ContentPath(root: root.cid, segments: segments)
      return try DagExport.blocks(
        of: DagExport.Request(path, scope: scope, repeatsBlocks: repeats), from: source
      ).map(\.cid)
    }
    #expect(try cids(.all, [], false) == [root, node, leaf].map(\.cid))
    #expect(
      try cids(.all, [], true)
        == [root, node, leaf, leaf, leaf, node, leaf, leaf].map(\.cid))
    #expect(try cids(.entity, ["0"], false) == [root, node, leaf].map(\.cid))
    #expect(try cids(.entity, ["2"], true) == [root, node, leaf, leaf].map(\.cid))
    #expect(try cids(.entity, [], true) == [root.cid])
  }

  @Test("inline blocks are followed and never wanted")
  func inline() throws {
    let leaf = ContentBlock(hashing: [9], codec: .raw)
    let inner = try DagCBOR.encode(.list([.link(leaf.cid), .link(.v1(.raw, .identity([1])))]))
    let cid = CID.v1(.dagCBOR, .identity(inner))
    var source = MemorySource()
    source.add([leaf])
    let blocks = try DagExport.blocks(
      of: DagExport.Request(ContentPath(root: cid)), from: source)
    #expect(blocks == [leaf])
    let path = ContentPath(root: cid, segments: ["0"])
    let export = try DagExport(DagExport.Request(path, scope: .block))
    #expect(export.wanted == leaf.cid)
    #expect(export.resolved?.cid == leaf.cid)
    let probe = try DagExport(DagExport.Request(ContentPath(parsing: "/ipfs/bafkqaaa")))
    #expect(probe.wanted == nil)
    let malformed = CID.v1(.dagCBOR, .identity([0xff]))
    #expect(throws: ContentError.self) {
      try DagExport(DagExport.Request(ContentPath(root: malformed)))
    }
  }

  @Test("a DAG that stands for endless blocks ends at the limits")
  func bombs() throws {
    var source = MemorySource()
    var child = ContentBlock(hashing: [0], codec: .raw)
    source.add([child])
    for _ in 0..<12 {
      let bytes = try DagCBOR.encode(.list(Array(repeating: .link(child.cid), count: 50)))
      child = ContentBlock(hashing: bytes, codec: .dagCBOR)
      source.add([child])
    }
    var request = DagExport.Request(ContentPath(root: child.cid), repeatsBlocks: true)
    request.limits.blocksMax = 1_000
    #expect(throws: ContentError.tooLarge(child.cid, limit: 1_000)) {
      try DagExport.blocks(of: request, from: source)
    }
    request.limits = DagLimits()
    request.limits.pendingMax = 100
    #expect(throws: ContentError.tooLarge(child.cid, limit: 100)) {
      try DagExport.blocks(of: request, from: source)
    }
    request.repeatsBlocks = false
    request.limits = DagLimits()
    #expect(try DagExport.blocks(of: request, from: source).count == 13)
  }

  @Test("a forged block is refused and the true one still wanted")
  func forged() throws {
    let content = try GatewayFixture(name: GatewayFixture.mixed).content()
    var export = try DagExport(DagExport.Request(ContentPath(root: content.root)))
    #expect(throws: ContentError.digestMismatch(content.root)) { try export.supply([1]) }
    #expect(export.wanted == content.root)
    #expect(try export.supply(content.blocks[0].bytes))
  }
}
