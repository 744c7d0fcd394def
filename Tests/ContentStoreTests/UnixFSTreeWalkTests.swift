import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("Trees of files that are written out")
struct UnixFSTreeWalkTests {
  private static func steps(
    _ root: CID, _ source: MemorySource, limits: UnixFSTreeLimits = UnixFSTreeLimits()
  ) throws -> [UnixFSTreeWalk.Step] {
    var walk = UnixFSTreeWalk(root: root, limits: limits)
    var steps: [UnixFSTreeWalk.Step] = []
    while let cid = walk.wanted {
      try walk.supply(cid.inlineBlock ?? source.block(cid), into: &steps)
    }
    return steps
  }

  /// Each step in a few words.
  private static func summary(_ steps: [UnixFSTreeWalk.Step]) -> [String] {
    func text(_ path: [Bytes]) -> String {
      "/" + path.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    }
    return steps.map {
      switch $0 {
      case .directory(let path, _): "directory \(text(path))"
      case .file(let path, let size, _): "file \(text(path)) \(size)"
      case .bytes(let bytes): "\(bytes.count)"
      case .endOfFile: "end"
      case .symlink(let path, let target):
        "symlink \(text(path)) \(String(decoding: target, as: UTF8.self))"
      }
    }
  }

  /// A directory whose names nobody checked.
  private static func directory(_ entries: [(String, CID)]) -> ContentBlock {
    let links = entries.map { DagPBLink(cid: $0.1, name: Bytes($0.0.utf8), tsize: 0) }
    let data = UnixFSData(kind: .directory, fileSize: nil).encoded()
    return ContentBlock(hashing: DagPBNode(links: links, data: data).encoded(), codec: .dagPB)
  }

  private static let leaf = ContentBlock(hashing: Bytes("x".utf8), codec: .raw)

  @Test("directories, files and their bytes come in the order of the tree")
  func mixed() throws {
    let content = try GatewayFixture(name: GatewayFixture.mixed).content()
    #expect(
      try Self.summary(Self.steps(content.root, content.source)) == [
        "directory /", "directory /subdir", "file /subdir/ascii.txt 31", "31", "end",
        "file /subdir/hello.txt 12", "12", "end", "file /subdir/multiblock.txt 1026", "256",
        "256", "256", "256", "2", "end",
      ])
  }

  @Test("symbolic links come with their targets, and a lone file or link is a tree too")
  func symlinks() throws {
    let content = try GatewayFixture(name: "path_gateway_unixfs-symlink").content()
    let steps = Self.summary(try Self.steps(content.root, content.source))
    #expect(steps == ["directory /", "symlink /bar foo", "file /foo 8", "8", "end"])
    #expect(
      try Self.summary(Self.steps(content.blocks[1].cid, content.source)) == ["symlink / foo"])
    #expect(
      try Self.summary(Self.steps(.v1(.raw, .identity([1, 2])), content.source))
        == ["file / 2", "2", "end"])
  }

  @Test("a HAMT is written out whole")
  func hamt() throws {
    let fixture = GatewayFixture(
      name: "trustless_gateway_car-single-layer-hamt-with-multi-block-files")
    let content = try fixture.content()
    let steps = try Self.steps(content.root, content.source)
    let files = steps.filter { if case .file = $0 { true } else { false } }
    let ends = steps.filter { $0 == .endOfFile }
    #expect(files.count > 200)
    #expect(files.count == ends.count)
  }

  @Test(
    "names that lead out of the tree are refused",
    arguments: ["", ".", "..", "../x", "/x", "a/b", "a\0b", String(repeating: "x", count: 256)])
  func traversal(name: String) throws {
    let root = Self.directory([("good", Self.leaf.cid), (name, Self.leaf.cid)])
    var source = MemorySource()
    source.add([root, Self.leaf])
    #expect {
      try Self.steps(root.cid, source)
    } throws: {
      if case ContentError.unsafeName = $0 { true } else { false }
    }
  }

  @Test(
    "the fixtures with relative names are refused",
    arguments: ["path_gateway_tar-inside-root", "path_gateway_tar-outside-root"])
  func relativeNames(name: String) throws {
    let content = try GatewayFixture(name: name).content()
    #expect {
      try Self.steps(content.root, content.source)
    } throws: {
      if case ContentError.unsafeName = $0 { true } else { false }
    }
  }

  @Test("a small DAG that stands for an endless tree ends at each limit")
  func bombs() throws {
    var source = MemorySource()
    source.add([Self.leaf])
    var root = Self.leaf
    for _ in 0..<20 {
      root = Self.directory((0..<50).map { ("\($0)", root.cid) })
      source.add([root])
    }
    var limits = UnixFSTreeLimits()
    limits.blocksMax = 2_000
    #expect(throws: ContentError.tooLarge(root.cid, limit: 2_000)) {
      try Self.steps(root.cid, source, limits: limits)
    }
    limits = UnixFSTreeLimits()
    limits.entriesMax = 2_000
    #expect(throws: ContentError.tooLarge(root.cid, limit: 2_000)) {
      try Self.steps(root.cid, source, limits: limits)
    }
    limits = UnixFSTreeLimits()
    limits.byteCountMax = 30
    #expect(throws: ContentError.self) { try Self.steps(root.cid, source, limits: limits) }
    limits = UnixFSTreeLimits()
    limits.depthMax = 10
    #expect {
      try Self.steps(root.cid, source, limits: limits)
    } throws: {
      if case ContentError.tooDeep(_, limit: 10) = $0 { true } else { false }
    }
    limits = UnixFSTreeLimits()
    limits.pathByteCountMax = 9
    #expect {
      try Self.steps(root.cid, source, limits: limits)
    } throws: {
      if case ContentError.unsafeName = $0 { true } else { false }
    }
  }

  @Test("what has no place in a tree of files is refused")
  func others() throws {
    var target = UnixFSData(kind: .symlink, data: Bytes("a\0b".utf8), fileSize: nil)
    let zero = ContentBlock(hashing: DagPBNode(data: target.encoded()).encoded(), codec: .dagPB)
    target.data = Bytes(repeating: 0x61, count: 4_097)
    let long = ContentBlock(hashing: DagPBNode(data: target.encoded()).encoded(), codec: .dagPB)
    let value = ContentBlock(hashing: [0xa0], codec: .dagCBOR)
    let metadata = UnixFSData(kind: .metadata, fileSize: nil).encoded()
    let meta = ContentBlock(hashing: DagPBNode(data: metadata).encoded(), codec: .dagPB)
    for block in [zero, long, value, meta] {
      let root = Self.directory([("x", block.cid)])
      var source = MemorySource()
      source.add([root, block])
      #expect(throws: ContentError.self) { try Self.steps(root.cid, source) }
    }
  }

  @Test("modes and times are handed on")
  func attributes() throws {
    var data = UnixFSData(kind: .file, data: [1], fileSize: 1)
    data.mode = 0o755
    data.modificationTime = UnixFSTime(seconds: 5)
    let block = ContentBlock(hashing: DagPBNode(data: data.encoded()).encoded(), codec: .dagPB)
    var source = MemorySource()
    source.add([block])
    var attributes = UnixFSTreeWalk.Attributes()
    (attributes.mode, attributes.modificationTime) = (0o755, UnixFSTime(seconds: 5))
    #expect(
      try Self.steps(block.cid, source)
        == [.file(path: [], size: 1, attributes), .bytes([1]), .endOfFile])
  }
}
