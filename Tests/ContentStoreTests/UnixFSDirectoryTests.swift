import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("UnixFS directories")
struct UnixFSDirectoryTests {
  private static let vectors = DirectoryVector.all.filter { !$0.isOfOldKubo }

  private static func list(
    _ root: CID, _ source: MemorySource, limits: UnixFSDirectoryLimits = UnixFSDirectoryLimits()
  ) throws -> [UnixFSEntry] {
    var walk = UnixFSDirectoryWalk(root: root, limits: limits)
    var entries: [UnixFSEntry] = []
    while let cid = walk.wanted { entries += try walk.supply(source.block(cid)) }
    #expect(walk.entriesGiven == entries.count)
    return entries
  }

  /// Returns the entry and how many blocks were read.
  private static func find(
    _ name: Bytes, in root: CID, _ source: MemorySource
  ) throws -> (UnixFSEntry?, Int) {
    var lookup = UnixFSLookup(root: root, name: name)
    var count = 0
    while let cid = lookup.wanted {
      try lookup.supply(source.block(cid))
      count += 1
    }
    return (lookup.entry, count)
  }

  private static func sorted(_ names: [Bytes]) -> [Bytes] {
    names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  @Test("the vector file holds all directory vectors")
  func complete() {
    #expect(DirectoryVector.all.count == 9)
    #expect(Self.vectors.count == 8)
  }

  @Test("a directory has the published CID and cumulative size", arguments: vectors)
  func publishedCID(vector: DirectoryVector) throws {
    let (root, blocks) = try vector.built()
    #expect(root.cid.text == vector.cid)
    #expect(root.tsize == vector.tsize)
    #expect(blocks.last?.cid == root.cid)
  }

  @Test("a directory that was built is listed and searched", arguments: vectors)
  func readBack(vector: DirectoryVector) throws {
    let (root, blocks) = try vector.built()
    var source = MemorySource()
    source.add(blocks)
    let entries = try Self.list(root.cid, source)
    #expect(Self.sorted(entries.map(\.name)) == Self.sorted(vector.names))
    for name in vector.names.prefix(20) {
      let (entry, _) = try Self.find(name, in: root.cid, source)
      #expect(entry?.name == name)
      #expect(entry?.cid == blocks[0].cid)
      #expect(try Self.find(name + [0x21], in: root.cid, source).0 == nil)
    }
  }

  @Test(
    "one byte above the threshold a directory is a HAMT, whose lookups read only the way",
    arguments: vectors.filter { (1_000...5_000).contains($0.names.count) })
  func sharded(vector: DirectoryVector) throws {
    let (plain, plainBlocks) = try vector.built()
    #expect(plainBlocks.count == 2, "at the threshold it is one block")
    let (root, blocks) = try vector.built(longer: true)
    #expect(root.cid != plain.cid)
    #expect(blocks.count > 250)
    var source = MemorySource()
    source.add(blocks)
    var names = vector.names
    names[names.count - 1].append(UInt8(ascii: "x"))
    #expect(try Self.sorted(Self.list(root.cid, source).map(\.name)) == Self.sorted(names))
    var most = 0
    for name in names.suffix(60) {
      let (entry, count) = try Self.find(name, in: root.cid, source)
      #expect(entry?.name == name)
      most = max(most, count)
    }
    #expect((2...8).contains(most), "\(most) blocks for one name")
    // Every block but the leaf once, and the leaf as often as it is linked.
    let shards = blocks.dropFirst().reduce(0) { $0 + UInt64($1.bytes.count) }
    #expect(root.tsize == shards + UInt64(names.count) * UInt64(blocks[0].bytes.count == 1 ? 1 : 9))
  }

  @Test("Kubo 0.22 sharded at the threshold itself; its directory is read")
  func oldKubo() throws {
    let vector = try #require(DirectoryVector.all.first { $0.isOfOldKubo })
    let (file, directory) = vector.profileLayouts
    let (leaf, subtree) = file.leaf(Bytes("x".utf8))
    // A HAMT of the same names is what lies below the threshold when nothing else is sharded.
    var builder = UnixFSDirectoryBuilder(directory)
    for name in vector.names {
      try builder.add(UnixFSEntry(name: name, cid: subtree.cid, tsize: subtree.tsize))
    }
    var blocks = [leaf]
    let root = try builder.finish(into: &blocks, sharded: true)
    #expect(root.cid.text == vector.cid)
    #expect(root.tsize == vector.tsize)
    var source = MemorySource()
    source.add(blocks)
    #expect(try Self.list(root.cid, source).count == vector.names.count)
  }

  @Test("the order in which entries are added changes nothing")
  func anyOrder() throws {
    let vector = Self.vectors[2]
    let (_, subtree) = vector.profileLayouts.file.leaf(Bytes("x".utf8))
    let longer = vector.names + [Bytes("one more name of a certain length".utf8)]
    var roots: Set<CID> = []
    for names in [longer, longer.reversed(), Self.sorted(longer)] {
      var builder = UnixFSDirectoryBuilder(vector.profileLayouts.directory)
      for name in names {
        try builder.add(UnixFSEntry(name: name, cid: subtree.cid, tsize: subtree.tsize))
      }
      var blocks: [ContentBlock] = []
      roots.insert(try builder.finish(into: &blocks).cid)
    }
    #expect(roots.count == 1)
  }

  @Test("every directory of the fixtures is written the same from its entries")
  func fixtures() throws {
    var (plainCount, shardedCount) = (0, 0)
    for fixture in GatewayFixture.all where !fixture.name.contains("tar-") {
      let content = try fixture.content()
      for block in content.blocks where block.cid.codec == .dagPB {
        let node = try UnixFSNode(decoding: block.bytes, of: block.cid)
        guard [.directory, .hamtShard].contains(node.data.kind) else { continue }
        var builder = UnixFSDirectoryBuilder(
          UnixFSDirectoryLayout(cidVersion: block.cid.version, sizeEstimate: .block))
        let isSharded = node.data.kind == .hamtShard
        // A shard below another is not a directory of its own.
        guard !isSharded || block.cid == content.root else { continue }
        for entry in try Self.list(block.cid, content.source).reversed() { try builder.add(entry) }
        var blocks: [ContentBlock] = []
        let root = try builder.finish(into: &blocks, sharded: isSharded)
        #expect(root.cid == block.cid, "\(fixture)")
        if isSharded { shardedCount += 1 } else { plainCount += 1 }
      }
    }
    #expect(plainCount > 40)
    #expect(shardedCount == 1)
  }

  @Test("a symbolic link has the published CID")
  func symlink() throws {
    let vector = try #require(
      DirectoryVector.document["vectors"]?.elements?.first { $0["kind"]?.text == "symlink" })
    let target = try #require(vector["recipe"]?["target"]?.text)
    let (block, file) = UnixFSProfile.v0In2015.directoryLayout.symlink(to: Bytes(target.utf8))
    #expect(file.cid.text == vector["cid"]?.text)
    #expect(block.cid == file.cid)
  }

  @Test(
    "names that have no place in a directory are refused",
    arguments: [
      "", ".", "..", "a/b", "/", "../x", "a\0", String(repeating: "n", count: 256),
    ])
  func unsafeNames(name: String) {
    var builder = UnixFSDirectoryBuilder()
    let entry = UnixFSEntry(name: Bytes(name.utf8), cid: .v1(.raw, .identity([])), tsize: 0)
    #expect(throws: ContentError.self) { try builder.add(entry) }
  }

  @Test("names that are not UTF-8, that repeat, or sizes beyond any sum are refused")
  func refusedEntries() throws {
    let cid = CID.v1(.raw, .identity([]))
    var builder = UnixFSDirectoryBuilder()
    #expect(throws: ContentError.self) {
      try builder.add(UnixFSEntry(name: [0xff], cid: cid, tsize: 0))
    }
    #expect(throws: ContentError.self) {
      try builder.add(UnixFSEntry(name: [0x61], cid: cid, tsize: .max))
    }
    try builder.add(UnixFSEntry(name: [0x61], cid: cid, tsize: 1 << 62))
    #expect(throws: ContentError.self) {
      try builder.add(UnixFSEntry(name: [0x62], cid: cid, tsize: 1))
    }
    try builder.add(UnixFSEntry(name: [0x61], cid: cid, tsize: 0))
    var blocks: [ContentBlock] = []
    #expect(throws: ContentError.duplicateName("a")) { try builder.finish(into: &blocks) }
    #expect(throws: ContentError.duplicateName("a")) {
      try builder.finish(into: &blocks, sharded: true)
    }
  }
}
