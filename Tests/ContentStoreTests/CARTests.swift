import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("Content archives (CAR)")
struct CARTests {
  private static func read(
    _ bytes: Bytes, piece: Int = .max, limit: UInt64 = 1 << 22
  ) throws -> [CARReader.Event] {
    var reader = CARReader(byteCountMax: limit)
    var events: [CARReader.Event] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      try reader.append(Bytes(rest.prefix(piece)), into: &events)
      rest = rest.dropFirst(piece)
    }
    try reader.finish()
    return events
  }

  private static func written(_ header: CARHeader, _ blocks: [ContentBlock]) -> Bytes {
    var writer = CARWriter(roots: header.roots)
    var bytes = writer.header.bytes
    for block in blocks { writer.append(block, to: &bytes) }
    #expect(writer.byteCount == UInt64(bytes.count))
    return bytes
  }

  private static func version2(_ blocks: [ContentBlock], padding: Int = 0) -> Bytes {
    var writer = CARWriter(roots: [blocks[0].cid], isIndexed: true)
    var data = writer.header.bytes
    for block in blocks { writer.append(block, to: &data) }
    return writer.version2Front + data + writer.version2Index()
  }

  private static let small = ["a", "bc", "def"].map {
    ContentBlock(hashing: Bytes($0.utf8), codec: .raw)
  }

  @Test("every fixture of gateway-conformance is read, checked and written the same")
  func fixtures() throws {
    var blockCount = 0
    for fixture in GatewayFixture.all {
      let content = try fixture.content()
      blockCount += content.blocks.count
      let header = CARHeader(roots: [content.root])
      #expect(Self.written(header, content.blocks) == fixture.bytes, "\(fixture)")
    }
    #expect(GatewayFixture.all.count == 26)
    #expect(blockCount == 397)
  }

  @Test("an archive may arrive in pieces of any size", arguments: [1, 2, 3, 7, 100, 1_000])
  func pieces(size: Int) throws {
    let fixture = GatewayFixture(name: GatewayFixture.mixed)
    let bytes = fixture.bytes
    #expect(try Self.read(bytes, piece: size) == Self.read(bytes))
    let second = Self.version2(Self.small)
    #expect(try Self.read(second, piece: size) == Self.read(second))
  }

  @Test("an archive that ends early is refused, and gives the blocks before the end")
  func truncation() throws {
    let bytes = GatewayFixture(name: GatewayFixture.mixed).bytes
    let whole = try Self.read(bytes)
    var ends: Set<Int> = []
    for length in 0..<bytes.count {
      var reader = CARReader(byteCountMax: 1 << 20)
      var events: [CARReader.Event] = []
      try reader.append(Bytes(bytes.prefix(length)), into: &events)
      #expect(Array(whole.prefix(events.count)) == events)
      if (try? reader.finish()) != nil { ends.insert(events.count) }
    }
    // It may end behind the header and behind each block but the last, which ends the whole.
    #expect(ends == Set(1..<whole.count))
    for length in 0..<Self.version2(Self.small).count {
      let cut = Bytes(Self.version2(Self.small).prefix(length))
      if let events = try? Self.read(cut) { #expect(events.count == 4, "only the index is cut") }
    }
  }

  @Test("no bit of a block or its CID can be changed unseen")
  func bitFlips() throws {
    let blocks = Self.small
    let bytes = Self.written(CARHeader(roots: [blocks[0].cid]), blocks)
    let whole = try Self.read(bytes)
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let events = try? Self.read(flipped) else { continue }
      // What is left to change is the root, and the codec under which a block is named.
      #expect(events != whole)
      for case .block(let block) in events {
        #expect(blocks.contains { $0.bytes == block.bytes })
      }
    }
  }

  @Test("version 2 is read around its padding and index, and its index finds every block")
  func version2() throws {
    let blocks =
      Self.small + [
        ContentBlock(hashing: Bytes("x".utf8), codec: .raw),
        try ContentBlock(verifying: [1], as: .v1(.raw, .identity([1]))),
        try ContentBlock(
          verifying: [2], as: .v1(.raw, .other(.sha512, HashFunction.sha512.hash([2])))),
      ]
    let bytes = Self.version2(blocks)
    #expect(try Self.read(bytes).count == 1 + blocks.count)
    #expect(CARWriter.version2FrontByteCount == 51)
    // The index of each width is (digest, offset) from the start of the data, sorted.
    let dataSize = bytes[35..<43].reversed().reduce(0) { $0 << 8 | Int($1) }
    let indexOffset = bytes[43..<51].reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(indexOffset == 51 + dataSize)
    let index = Bytes(bytes[indexOffset...])
    #expect(index.prefix(6) == [0x81, 0x08, 3, 0, 0, 0], "the format, and three hash functions")
    for block in blocks where block.cid.inlineBlock == nil {
      let digest = block.cid.multihash.digestBytes
      let at = try #require(
        (0..<index.count - digest.count).first { index[$0...].starts(with: digest) })
      let offset = index[(at + digest.count)...].prefix(8).reversed().reduce(0) {
        $0 << 8 | Int($1)
      }
      let section = bytes[(51 + offset)...]
      #expect(Int(section.first!) == block.cid.bytes.count + block.bytes.count)
      #expect(section.dropFirst().starts(with: block.cid.bytes + block.bytes))
    }
    // Padding in front of the data moves it.
    var padded = bytes
    padded.insert(contentsOf: [9, 9, 9], at: 51)
    padded[27] += 3
    padded[43] += 3
    #expect(try Self.read(padded) == Self.read(bytes))
  }

  @Test("the index has the bytes go-car writes for two blocks")
  func indexBytes() throws {
    // Layout of go-car v2's MultihashIndexSorted, written by hand.
    let digests = Self.small.prefix(2).map { $0.cid.multihash.digestBytes }
    var writer = CARWriter(roots: [], isIndexed: true)
    var data = writer.header.bytes
    var offsets: [UInt8] = []
    for block in Self.small.prefix(2) {
      offsets.append(UInt8(data.count))
      writer.append(block, to: &data)
    }
    var expected: Bytes = [0x81, 0x08, 1, 0, 0, 0, 0x12, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    expected += [40, 0, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0]
    let records = zip(digests, offsets).map { $0 + [$1, 0, 0, 0, 0, 0, 0, 0] }
    expected += records.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 }
    #expect(writer.version2Index() == expected)
  }

  @Test("a header that is none is refused")
  func headers() throws {
    let link = try Hex.decode("d82a4500015500" + "00")
    let refused: [Bytes] = [
      [0], [0x01, 0xa0], [0x01, 0x80], [0x80, 0x80], [0xff, 0xff, 0xff, 0x7f],
      [0x0a, 0xa1, 0x67] + Bytes("version".utf8) + [0x01],
      [0x0a, 0xa1, 0x67] + Bytes("version".utf8) + [0x03],
      [0x11, 0xa2, 0x65] + Bytes("roots".utf8) + [0x00, 0x67] + Bytes("version".utf8) + [0x01],
      [0x12, 0xa2, 0x65] + Bytes("roots".utf8) + [0x81, 0x00, 0x67] + Bytes("version".utf8) + [
        0x01
      ],
      [0x18, 0xa2, 0x65] + Bytes("roots".utf8) + [0x81] + link + [0x67] + Bytes("version".utf8)
        + [0x02],
    ]
    for bytes in refused {
      #expect(throws: ContentError.self, "\(bytes)") { try Self.read(bytes) }
    }
    let none = CARHeader(roots: [])
    #expect(try Self.read(none.bytes) == [.header(none)])
  }

  @Test("sections that are empty, too long, or of a wrong block are refused")
  func sections() throws {
    let header = CARHeader(roots: []).bytes
    let block = Self.small[0]
    let refused: [Bytes] = [
      [0], [0x80, 0], [1, 1], [5, 1, 0x55, 0, 3, 1], [2, 1, 0x55], [4, 2, 0x55, 0, 0],
      Varint.encode(UInt64(CARLimits.sectionByteCountMax + 1)),
      Bytes(repeating: 0xff, count: 9),
      Varint.encode(UInt64(block.cid.bytes.count + 1)) + block.cid.bytes + [0x62],
      Varint.encode(UInt64(4 + BlockLimits.byteCountMax + 1)) + [1, 0x55, 0, 0]
        + Bytes(repeating: 0, count: 300),
    ]
    for section in refused {
      #expect(throws: ContentError.self, "\(section.prefix(40))") {
        try Self.read(header + section)
      }
    }
  }

  @Test("version 2 fronts whose parts overlap, nest or end early are refused")
  func version2Fronts() throws {
    let bytes = Self.version2(Self.small)
    for (offset, value) in [(27, UInt8(50)), (27, 0), (34, 0xff), (42, 0xff), (43, 52)] {
      var wrong = bytes
      wrong[offset] = value
      #expect(throws: ContentError.self, "\(offset)") { try Self.read(wrong) }
    }
    var short = bytes
    short[35] -= 1
    #expect(throws: ContentError.self) { try Self.read(short) }
    // No data at all, with bytes behind it, must not be waited for without end.
    var none = bytes
    for offset in 35..<43 { none[offset] = 0 }
    #expect(throws: ContentError.self) { try Self.read(none) }
    let nested = Bytes(bytes.prefix(51)) + bytes
    #expect(throws: ContentError.self) { try Self.read(nested) }
  }

  @Test("an endless archive ends at the limit of its bytes")
  func limit() throws {
    let bytes = Self.written(CARHeader(roots: []), Self.small)
    #expect(try Self.read(bytes, limit: UInt64(bytes.count)).count == 4)
    #expect(throws: ContentError.self) { try Self.read(bytes, limit: UInt64(bytes.count) - 1) }
  }

  @Test("a block of the largest size goes through")
  func largest() throws {
    let block = ContentBlock(
      hashing: Bytes(repeating: 7, count: BlockLimits.byteCountMax), codec: .raw)
    let bytes = Self.written(CARHeader(roots: [block.cid]), [block])
    #expect(try Self.read(bytes, piece: 100_000).last == .block(block))
  }
}
