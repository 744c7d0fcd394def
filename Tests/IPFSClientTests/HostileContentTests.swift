import ContentStore
import Primitives
import Testing

@testable import IPFSClient

@Suite("Content made to harm its reader")
struct HostileContentTests {
  /// A file's inner node over children of the sizes that it is made to declare.
  static func node(
    _ children: [(cid: CID, size: UInt64)], fileSize: UInt64? = nil
  ) -> ContentBlock {
    let sizes = children.map(\.size)
    let sum = sizes.reduce(0) { $0 &+ $1 }
    let data = UnixFSData(kind: .file, fileSize: fileSize ?? sum, blockSizes: sizes)
    let links = children.map { DagPBLink(cid: $0.cid, tsize: $0.size) }
    return ContentBlock(
      hashing: DagPBNode(links: links, data: data.encoded()).encoded(), codec: .dagPB)
  }

  static let leaf = ContentBlock(hashing: noise(1 << 20), codec: .raw)

  /// Reads a root through gateway and RPC, and expects the same error and no fault of the node.
  static func expect(
    _ blocks: [ContentBlock], _ isExpected: @escaping @Sendable (ContentError) -> Bool
  ) async throws {
    var kept = TestBlocks()
    for block in blocks { kept.add(block) }
    let root = try #require(blocks.last).cid
    for kind in ["gateway", "rpc"] {
      try await withNodes([TestNode(kept)]) { urls in
        try await withClient(["\(kind):\(urls[0])"]) { client in
          let result = await client.downloadContent(root.text)
          guard case .content(let error) = result.error else {
            Issue.record("\(kind): \(result.error as Any)")
            return
          }
          #expect(isExpected(error), "\(error)")
          #expect(client.nodeStatus()[0].lies == 0)
        }
      }
    }
  }

  @Test("a child of another size than its parent says ends the read, and is not the node's lie")
  func lyingSizes() async throws {
    let root = Self.node([(Self.leaf.cid, 4 << 20), (Self.leaf.cid, 1 << 20)])
    try await Self.expect([Self.leaf, root]) {
      $0 == .sizeMismatch(Self.leaf.cid, declared: 4 << 20, found: 1 << 20)
    }
  }

  @Test("a tree that is too deep is left")
  func depth() async throws {
    var blocks = [Self.leaf, Self.node([(Self.leaf.cid, 1 << 20), (Self.leaf.cid, 1 << 20)])]
    for _ in 0..<40 { blocks.append(Self.node([(blocks[blocks.count - 1].cid, 2 << 20)])) }
    try await Self.expect(blocks) { if case .tooDeep = $0 { true } else { false } }
  }

  @Test("a few blocks that stand for a petabyte are refused before they are followed")
  func fanOut() async throws {
    var blocks = [Self.leaf]
    var size: UInt64 = 1 << 20
    for _ in 0..<3 {
      let child = blocks[blocks.count - 1].cid
      blocks.append(Self.node(Array(repeating: (child, size), count: 1_024)))
      size *= 1_024
    }
    let root = blocks[blocks.count - 1].cid
    try await Self.expect(blocks) {
      $0 == .tooLarge(root, limit: UInt64(ByteCount.gibibytes(1).bytes))
    }
  }

  @Test("sizes whose sum overflows are refused")
  func overflow() async throws {
    let root = Self.node(
      Array(repeating: (Self.leaf.cid, UInt64(Int64.max)), count: 3), fileSize: 8)
    try await Self.expect([Self.leaf, root]) { if case .tooLarge = $0 { true } else { false } }
  }

  @Test("an archive is given no byte before its block is checked, at every truncation and flip")
  func archives() throws {
    let content = noise(5_000)
    let layout = try UnixFSLayout(
      chunkByteCount: 1_024, linksPerNodeMax: 3, hasRawLeaves: true, cidVersion: .v1)
    var (builder, built) = (UnixFSBuilder(layout), [ContentBlock]())
    builder.append(content, into: &built)
    let root = builder.finish(into: &built).cid
    var writer = CARWriter(roots: [root])
    var archive = writer.header.bytes
    var walk = UnixFSWalk(root: root)
    while let wanted = walk.wanted, let block = built.first(where: { $0.cid == wanted }) {
      writer.append(block, to: &archive)
      _ = try walk.supply(block)
    }
    func read(_ bytes: Bytes) -> (Bytes, isWhole: Bool) {
      var file = ArchivedFile(root: root, from: 0, limits: UnixFSWalkLimits())
      var (given, blocks): ([Bytes], [ContentBlock]) = ([], [])
      let isGood = (try? file.append(bytes, into: &given, &blocks)) != nil
      return (given.reduce(into: Bytes()) { $0 += $1 }, isGood && file.isWhole)
    }
    #expect(read(archive) == (content, true))
    for count in 0..<archive.count {
      let (given, isWhole) = read(Bytes(archive.prefix(count)))
      #expect(content.starts(with: given) && !isWhole)
    }
    let header = writer.header.bytes.count
    for place in stride(from: header, to: archive.count, by: 7) {
      var damaged = archive
      damaged[place] ^= 1
      let (given, isWhole) = read(damaged)
      #expect(content.starts(with: given) && !isWhole)
    }
  }
}
