import ContentStore
import Primitives
import Testing

@Suite("Requests for archives")
struct ArchiveRequestTests {
  private static let leaves = (0..<6).map {
    ContentBlock(hashing: Bytes("leaf \($0)".utf8), codec: .raw)
  }

  private static func node(_ blocks: [ContentBlock]) -> ContentBlock {
    let links = blocks.map { DagPBLink(cid: $0.cid, tsize: 1) }
    return ContentBlock(hashing: DagPBNode(links: links, data: nil).encoded(), codec: .dagPB)
  }

  private static let left = node(Array(leaves[..<3]))
  private static let right = node(Array(leaves[3...]))
  private static let root = node([left, right])

  /// The blocks that a walk puts into an archive.
  private static func blocks(_ walk: DagExport) throws -> [CID] {
    var walk = walk
    let all = Dictionary(
      uniqueKeysWithValues: (leaves + [left, right, root]).map { ($0.cid, $0.bytes) })
    var given: [CID] = []
    while let cid = walk.wanted {
      let bytes = try #require(all[cid])
      if try walk.supply(bytes) { given.append(cid) }
    }
    return given
  }

  private static var everything: ArchiveRequest {
    ArchiveRequest(
      ContentPath(root: root.cid, segments: ["a", "b"]), scope: .entity,
      bytes: EntityBytes(first: -9, last: 400), held: [left.cid], skipped: 12)
  }

  @Test("a request comes back as it was")
  func roundTrip() throws {
    #expect(try ArchiveRequest(decoding: Self.everything.encoded()) == Self.everything)
    let plain = ArchiveRequest(subtrees: [Self.left.cid, Self.right.cid], skipped: 1)
    #expect(try ArchiveRequest(decoding: plain.encoded()) == plain)
    for refusal in ArchiveAnswer.Refusal.allCases {
      let answer = ArchiveAnswer.refused(refusal)
      #expect(try ArchiveAnswer(decoding: answer.encoded()) == answer)
    }
    #expect(try ArchiveAnswer(decoding: ArchiveAnswer.archive.encoded()) == .archive)
  }

  @Test("truncations and flipped bits are refused, or another request in its one spelling")
  func hostile() {
    let bytes = Self.everything.encoded()
    for length in 0..<bytes.count {
      #expect((try? ArchiveRequest(decoding: Bytes(bytes.prefix(length)))) == nil)
    }
    for index in bytes.indices {
      var flipped = bytes
      flipped[index] ^= 0x10
      if let read = try? ArchiveRequest(decoding: flipped) { #expect(read.encoded() == flipped) }
    }
  }

  @Test("several roots go with neither names nor another scope")
  func roots() {
    var request = ArchiveRequest(subtrees: [Self.left.cid, Self.right.cid])
    request.scope = .block
    #expect(throws: DecodingFailure.self) { try ArchiveRequest(decoding: request.encoded()) }
    request.scope = .all
    request.names = ["a"]
    #expect(throws: DecodingFailure.self) { try ArchiveRequest(decoding: request.encoded()) }
    request.names = []
    request.roots = []
    #expect(throws: DecodingFailure.self) { try ArchiveRequest(decoding: request.encoded()) }
  }

  @Test("what is held is left out with all that is below it")
  func held() throws {
    let request = ArchiveRequest(ContentPath(root: Self.root.cid), held: [Self.left.cid])
    #expect(
      try Self.blocks(request.walk())
        == [Self.root.cid, Self.right.cid] + Self.leaves[3...].map(\.cid))
  }

  @Test("subtrees come one after the other")
  func subtrees() throws {
    let request = ArchiveRequest(subtrees: [Self.right.cid, Self.leaves[0].cid])
    #expect(
      try Self.blocks(request.walk())
        == [Self.right.cid] + Self.leaves[3...].map(\.cid) + [Self.leaves[0].cid])
  }

  @Test("a walk says what it will want, and passes over leaves without their bytes")
  func upcoming() throws {
    var walk = try ArchiveRequest(ContentPath(root: Self.root.cid)).walk()
    #expect(walk.upcoming(9) == [Self.root.cid])
    #expect(try walk.supply(verified: Self.root))
    #expect(walk.upcoming(9) == [Self.left.cid, Self.right.cid])
    #expect(try walk.supply(verified: Self.left))
    #expect(walk.upcoming(2) == Self.leaves[..<2].map(\.cid))
    for _ in 0..<3 { try walk.passOverLeaf() }
    #expect(walk.wanted == Self.right.cid)
    #expect(throws: ContentError.digestMismatch(Self.right.cid)) {
      try walk.supply(verified: Self.left)
    }
  }
}
