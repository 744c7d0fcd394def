import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("HAMT directories of strangers")
struct HAMTTests {
  private static let leaf = ContentBlock(hashing: Bytes("x".utf8), codec: .raw)

  /// A shard with the given bits and link names.
  private static func shard(
    bits: Bytes, names: [String], child: CID = leaf.cid, fanout: UInt64? = 256,
    hashType: UInt64? = 0x22
  ) -> ContentBlock {
    var data = UnixFSData(kind: .hamtShard, data: bits, fileSize: nil)
    data.fanout = fanout
    data.hashType = hashType
    let links = names.map { DagPBLink(cid: child, name: Bytes($0.utf8), tsize: 1) }
    return ContentBlock(
      hashing: DagPBNode(links: links, data: data.encoded()).encoded(), codec: .dagPB)
  }

  /// Bit `slot` of a field of 256 bits, leading zero bytes stripped.
  private static func bits(_ slots: Int...) -> Bytes {
    var bits = Bytes(repeating: 0, count: 32)
    for slot in slots { bits[31 - slot / 8] |= 1 << UInt8(slot % 8) }
    return Bytes(bits.drop { $0 == 0 })
  }

  private static func listed(_ root: CID, _ blocks: [ContentBlock]) throws -> [String] {
    var source = MemorySource()
    source.add(blocks)
    var walk = UnixFSDirectoryWalk(root: root)
    var names: [String] = []
    while let cid = walk.wanted { names += try walk.supply(source.block(cid)).map(\.text) }
    return names
  }

  @Test("murmur3 gives the published hashes")
  func murmur() throws {
    let row = try #require(
      DirectoryVector.document["vectors"]?.elements?
        .first { $0["kind"]?.text == "murmur3-x64-64" })
    let cases = try #require(row["cases"]?.members)
    #expect(cases.count == 5)
    for member in cases {
      let hash = Murmur3.first64(Bytes(member.name.utf8))
      let hex = String(hash, radix: 16)
      let padded = String(repeating: "0", count: 16 - hex.count) + hex
      #expect(padded == member.value.text, "\(member.name)")
    }
  }

  // The hash of `a` is 85555565f6597889, that of `hello world` 533f6046eb7f610e.
  @Test("a small shard is listed, and wider or narrower ones by their own slots")
  func shapes() throws {
    let usual = Self.shard(bits: Self.bits(0x53, 0x85), names: ["53hello world", "85a"])
    #expect(try Self.listed(usual.cid, [usual]) == ["hello world", "a"])
    let narrow = Self.shard(bits: [1 << 4], names: ["4a"], fanout: 8)
    #expect(try Self.listed(narrow.cid, [narrow]) == ["a"])
    var wideBits = Bytes(repeating: 0, count: 128)
    wideBits[127 - 0x215 / 8] = 1 << (0x215 % 8)
    let wide = Self.shard(bits: wideBits, names: ["215a"], fanout: 1_024)
    #expect(try Self.listed(wide.cid, [wide]) == ["a"])
    let empty = Self.shard(bits: [], names: [])
    #expect(try Self.listed(empty.cid, [empty]).isEmpty)
  }

  @Test("shards that contradict themselves are refused")
  func contradictions() {
    let bit = Self.bits(0x85)
    let wrong = [
      Self.shard(bits: bit, names: []), Self.shard(bits: [], names: ["85a"]),
      Self.shard(bits: bit, names: ["85a", "85a"]), Self.shard(bits: bit, names: ["84a"]),
      Self.shard(bits: bit, names: ["8"]), Self.shard(bits: bit, names: [""]),
      Self.shard(bits: Self.bits(0x53, 0x85), names: ["85a", "53hello world"]),
      Self.shard(bits: Self.bits(0x53), names: ["53a"]),
      Self.shard(bits: bit, names: ["85a"], hashType: nil),
      Self.shard(bits: bit, names: ["85a"], hashType: 0x12),
      Self.shard(bits: Bytes(repeating: 1, count: 33), names: ["85a"]),
    ]
    for block in wrong {
      #expect(throws: ContentError.self, "\(block)") { try Self.listed(block.cid, [block]) }
    }
    for fanout: UInt64? in [nil, 0, 1, 4, 7, 255, 2_048, 1 << 40] {
      let block = Self.shard(bits: bit, names: ["85a"], fanout: fanout)
      #expect(throws: ContentError.self) { try Self.listed(block.cid, [block]) }
    }
  }

  @Test("a shard below another must continue it")
  func children() throws {
    let good = Self.shard(bits: Self.bits(0x55), names: ["55a"])
    let root = Self.shard(bits: Self.bits(0x85), names: ["85"], child: good.cid)
    #expect(try Self.listed(root.cid, [root, good]) == ["a"])
    let wrong = [
      Self.shard(bits: Self.bits(0x56), names: ["56a"]),
      Self.shard(bits: [1 << 2], names: ["2a"], fanout: 8),
      Self.shard(bits: Self.bits(0x3f), names: ["3fhello world"]),
      ContentBlock(
        hashing: DagPBNode(data: UnixFSData(kind: .directory, fileSize: nil).encoded()).encoded(),
        codec: .dagPB),
      Self.leaf,
    ]
    for child in wrong {
      let root = Self.shard(bits: Self.bits(0x85), names: ["85"], child: child.cid)
      #expect(throws: ContentError.self) { try Self.listed(root.cid, [root, child]) }
      var lookup = UnixFSLookup(root: root.cid, name: Bytes("a".utf8))
      #expect(throws: ContentError.self) {
        try lookup.supply(root.bytes)
        try lookup.supply(child.bytes)
      }
    }
  }

  @Test("shards deeper than the hash is long are refused")
  func depth() {
    var blocks = [Self.shard(bits: Self.bits(0x85), names: ["85a"])]
    for _ in 0..<8 {
      blocks.append(Self.shard(bits: Self.bits(0x85), names: ["85"], child: blocks.last!.cid))
    }
    #expect(throws: ContentError.self) { try Self.listed(blocks.last!.cid, blocks) }
  }

  @Test("a trie of shared shards ends at the limit of entries or blocks")
  func bomb() throws {
    let root = Self.shard(bits: Self.bits(0x53, 0x85), names: ["53hello world", "85a"])
    for keyPath in [\UnixFSDirectoryLimits.entriesMax, \.blocksMax] {
      var limits = UnixFSDirectoryLimits()
      limits[keyPath: keyPath] = keyPath == \.entriesMax ? 1 : 0
      var walk = UnixFSDirectoryWalk(root: root.cid, limits: limits)
      #expect(throws: ContentError.self) { try walk.supply(root.bytes) }
    }
  }

  @Test("every truncation and bit flip of a shard is refused or another shard, never a trap")
  func damaged() {
    let root = Self.shard(bits: Self.bits(0x53, 0x85), names: ["53hello world", "85a"])
    for length in 0..<root.bytes.count {
      let block = ContentBlock(hashing: Bytes(root.bytes.prefix(length)), codec: .dagPB)
      #expect(throws: ContentError.self) { try Self.listed(block.cid, [block]) }
    }
    for bit in 0..<root.bytes.count * 8 {
      var flipped = root.bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      let block = ContentBlock(hashing: flipped, codec: .dagPB)
      var walk = UnixFSDirectoryWalk(root: block.cid)
      guard let entries = try? walk.supply(flipped), walk.wanted == nil else { continue }
      // A flip may fall into the CID or size of an entry, or make a plain directory of the shard;
      // names and slots it cannot change.
      let names = entries.map(\.text)
      #expect(names == ["hello world", "a"] || names == ["53hello world", "85a"])
    }
    var walk = UnixFSDirectoryWalk(root: root.cid)
    #expect(throws: ContentError.digestMismatch(root.cid)) { try walk.supply([]) }
  }

  @Test("a directory that names an entry twice is refused, and what is no directory is named")
  func plain() throws {
    let link = DagPBLink(cid: Self.leaf.cid, name: [0x61], tsize: 1)
    let data = UnixFSData(kind: .directory, fileSize: nil).encoded()
    let twice = ContentBlock(
      hashing: DagPBNode(links: [link, link], data: data).encoded(), codec: .dagPB)
    #expect(throws: ContentError.duplicateName("a")) { try Self.listed(twice.cid, [twice]) }
    let file = ContentBlock(
      hashing: DagPBNode(data: UnixFSData(kind: .file, fileSize: 0).encoded()).encoded(),
      codec: .dagPB)
    #expect(throws: ContentError.notADirectory(file.cid, found: "a file")) {
      try Self.listed(file.cid, [file])
    }
    #expect(throws: ContentError.notADirectory(Self.leaf.cid, found: "a file")) {
      try Self.listed(Self.leaf.cid, [Self.leaf])
    }
    let bare = ContentBlock(hashing: DagPBNode(data: nil).encoded(), codec: .dagPB)
    #expect(
      throws: ContentError.notADirectory(bare.cid, found: "a dag-pb node without UnixFS data")
    ) { try Self.listed(bare.cid, [bare]) }
  }
}
