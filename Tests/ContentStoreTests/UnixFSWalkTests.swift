import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("Walking a file's tree")
struct UnixFSWalkTests {
  private static func node(
    _ kind: UnixFSData.Kind, _ data: Bytes = [], children: [(CID, UInt64)] = [],
    fileSize: UInt64? = nil
  ) -> ContentBlock {
    let size = fileSize ?? UInt64(data.count) + children.reduce(0) { $0 &+ $1.1 }
    let content = UnixFSData(
      kind: kind, data: data, fileSize: size, blockSizes: children.map(\.1))
    let links = children.map { DagPBLink(cid: $0.0, tsize: 0) }
    return ContentBlock(
      hashing: DagPBNode(links: links, data: content.encoded()).encoded(), codec: .dagPB)
  }

  private static func raw(_ text: String) -> ContentBlock {
    ContentBlock(hashing: Bytes(text.utf8), codec: .raw)
  }

  private func read(_ root: ContentBlock, _ blocks: [ContentBlock]) throws -> String {
    var source = MemorySource()
    source.add(blocks + [root])
    var reader = UnixFSReader(root: root.cid, source: source)
    return String(decoding: try reader.readAll(byteCountMax: 1 << 20), as: UTF8.self)
  }

  @Test("a trickle tree with bytes in its inner nodes is read in file order")
  func trickle() throws {
    let (b, c, e) = (Self.raw("b"), Self.node(.raw, Bytes("c".utf8)), Self.raw("e"))
    let d = Self.node(.file, Bytes("d".utf8), children: [(e.cid, 1)])
    let root = Self.node(
      .file, Bytes("a".utf8), children: [(b.cid, 1), (c.cid, 1), (d.cid, 2), (b.cid, 1)])
    #expect(try read(root, [b, c, d, e]) == "abcdeb")
  }

  @Test("a child that is not as long as its parent says is refused")
  func childSize() {
    let leaf = Self.raw("four")
    let root = Self.node(.file, children: [(leaf.cid, 5)])
    #expect(throws: ContentError.sizeMismatch(leaf.cid, declared: 5, found: 4)) {
      try read(root, [leaf])
    }
  }

  @Test("a node whose sizes do not add up is refused")
  func nodeSize() {
    let leaf = Self.raw("four")
    let wrong = Self.node(.file, children: [(leaf.cid, 4)], fileSize: 5)
    #expect(throws: ContentError.sizeMismatch(wrong.cid, declared: 5, found: 4)) {
      try read(wrong, [leaf])
    }
    let overflow = Self.node(
      .file,
      children: [
        (leaf.cid, 1 << 62), (leaf.cid, 1 << 62), (leaf.cid, 1 << 62),
        (leaf.cid, 1 << 62),
      ], fileSize: 0)
    #expect(throws: ContentError.self) { try read(overflow, [leaf]) }
  }

  @Test(
    "what is not a file is named",
    arguments: [UnixFSData.Kind.directory, .hamtShard, .symlink, .metadata])
  func notAFile(kind: UnixFSData.Kind) {
    let root = Self.node(kind)
    #expect {
      try read(root, [])
    } throws: {
      if case ContentError.notAFile(root.cid, _) = $0 { true } else { false }
    }
  }

  @Test("a value of another codec is not a file")
  func otherCodec() throws {
    let value = ContentBlock(hashing: [0xa0], codec: .dagCBOR)
    #expect(throws: ContentError.notAFile(value.cid, found: "a dag-cbor value")) {
      try read(value, [])
    }
  }

  @Test("a forged block is refused")
  func forged() {
    let leaf = Self.raw("true")
    var walk = UnixFSWalk(root: leaf.cid)
    #expect(throws: ContentError.digestMismatch(leaf.cid)) { try walk.supply(Bytes("fals".utf8)) }
    #expect(walk.wanted == leaf.cid, "the true block may still come from elsewhere")
  }

  @Test("a tree deeper than the limit is refused")
  func depth() {
    var blocks = [Self.raw("x")]
    for _ in 0..<32 {
      blocks.append(Self.node(.file, children: [(blocks.last!.cid, 1)]))
    }
    let root = blocks.removeLast()
    #expect {
      try read(root, blocks)
    } throws: {
      if case ContentError.tooDeep(_, limit: 32) = $0 { true } else { false }
    }
  }

  @Test("a small tree that stands for endless empty blocks ends at the limit")
  func emptyBomb() throws {
    var limits = UnixFSWalkLimits()
    limits.blocksMax = 1_000
    var source = MemorySource()
    var child = Self.raw("")
    source.add([child])
    for _ in 0..<20 {
      let parent = Self.node(.file, children: Array(repeating: (child.cid, 0), count: 100))
      source.add([parent])
      child = parent
    }
    var reader = UnixFSReader(root: child.cid, source: source, limits: limits)
    #expect {
      _ = try reader.next()
    } throws: {
      if case ContentError.tooLarge(_, limit: 1_000) = $0 { true } else { false }
    }
  }

  @Test("a file larger than the limit is refused by its first block")
  func tooLarge() {
    let leaf = Self.raw("four")
    let root = Self.node(.file, children: [(leaf.cid, 1 << 41)])
    #expect(throws: ContentError.tooLarge(root.cid, limit: 1 << 40)) { try read(root, [leaf]) }
  }

  @Test("a layout that no block can hold is refused", arguments: [(0, 2), (2 << 20, 2), (1, 1)])
  func layout(chunk: Int, width: Int) {
    #expect(throws: ContentError.self) {
      try UnixFSLayout(
        chunkByteCount: chunk, linksPerNodeMax: width, hasRawLeaves: true, cidVersion: .v1)
    }
  }

  @Test("narrow trees of every small size are read back", arguments: [2, 3])
  func narrow(width: Int) throws {
    let layout = try UnixFSLayout(
      chunkByteCount: 1, linksPerNodeMax: width, hasRawLeaves: false, cidVersion: .v0)
    for count in 0..<70 {
      let bytes = (0..<count).map { UInt8($0) }
      var builder = UnixFSBuilder(layout)
      var blocks: [ContentBlock] = []
      builder.append(bytes, into: &blocks)
      let file = builder.finish(into: &blocks)
      var source = MemorySource()
      source.add(blocks)
      var reader = UnixFSReader(root: file.cid, source: source)
      #expect(try reader.readAll(byteCountMax: 100) == bytes)
      #expect(file.tsize == UInt64(blocks.reduce(0) { $0 + $1.bytes.count }))
    }
  }
}
