import ContentStore
import Primitives
import Testing

@Suite("Files as blocks in the order of a walk")
struct FileBlocksTests {
  /// Small leaves and narrow nodes: a kilobyte has three levels.
  static func layout() throws -> UnixFSLayout {
    try UnixFSLayout(chunkByteCount: 64, linksPerNodeMax: 3, hasRawLeaves: true, cidVersion: .v1)
  }

  static func content(_ count: Int) -> Bytes {
    Bytes((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 64) })
  }

  static func assembled(_ file: FileBlocks, max: Int = 1 << 20) throws -> FileAssembly {
    var assembly = FileAssembly(root: file.cid, byteCountMax: max)
    for block in file.blocks { try assembly.take(block) }
    return assembly
  }

  @Test("a file comes back from its blocks", arguments: [1, 63, 64, 65, 192, 193, 1_000])
  func back(count: Int) throws {
    let content = Self.content(count)
    let file = try FileBlocks(of: content, layout: Self.layout())
    let assembly = try Self.assembled(file)
    #expect(assembly.isWhole)
    #expect(assembly.content == content)
    #expect(file.fileSize == count)
  }

  @Test("the root is the CID that an adder gives, and repeated leaves are sent for each place")
  func root() throws {
    let content = Bytes(repeating: 9, count: 3 << 20)
    let file = try FileBlocks(of: content)
    var builder = UnixFSBuilder()
    var blocks: [ContentBlock] = []
    builder.append(content, into: &blocks)
    #expect(builder.finish(into: &blocks).cid == file.cid)
    #expect(file.blocks.count == 4)
    #expect(try Self.assembled(file, max: 3 << 20).content == content)
  }

  @Test("a file is not whole before its last block, and takes none behind it")
  func length() throws {
    let file = try FileBlocks(of: Self.content(1_000), layout: Self.layout())
    var assembly = FileAssembly(root: file.cid, byteCountMax: 1_000)
    for block in file.blocks {
      #expect(!assembly.isWhole)
      try assembly.take(block)
    }
    #expect(assembly.isWhole)
    #expect(throws: ContentError.sizeMismatch(file.cid, declared: 1_000, found: 1_001)) {
      try assembly.take([1])
    }
  }

  @Test("no block with a flipped bit, cut short, or out of order is taken")
  func wrongBlocks() throws {
    let file = try FileBlocks(of: Self.content(400), layout: Self.layout())
    var assembly = FileAssembly(root: file.cid, byteCountMax: 1 << 10)
    for (index, block) in file.blocks.enumerated() {
      for bit in 0..<block.count * 8 {
        var wrong = block
        wrong[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(throws: ContentError.self) { try assembly.take(wrong) }
      }
      for length in 0..<block.count {
        #expect(throws: ContentError.self) { try assembly.take(Bytes(block.prefix(length))) }
      }
      if index + 1 < file.blocks.count {
        #expect(throws: ContentError.self) { try assembly.take(file.blocks[index + 1]) }
      }
      try assembly.take(block)
    }
    #expect(assembly.content == Self.content(400))
  }

  @Test("a file above the limit is refused at its root")
  func tooLarge() throws {
    let file = try FileBlocks(of: Self.content(1_000), layout: Self.layout())
    var assembly = FileAssembly(root: file.cid, byteCountMax: 999)
    #expect(throws: ContentError.tooLarge(file.cid, limit: 999)) {
      try assembly.take(file.blocks[0])
    }
    #expect(assembly.content.isEmpty)
  }

  @Test("a file in blocks of single bytes is given up after a bounded number of them")
  func crumbs() throws {
    let crumbs = try UnixFSLayout(
      chunkByteCount: 1, linksPerNodeMax: 2, hasRawLeaves: true, cidVersion: .v1)
    let file = try FileBlocks(of: Self.content(2_000), layout: crumbs)
    #expect(throws: ContentError.self) { try Self.assembled(file) }
  }
}
