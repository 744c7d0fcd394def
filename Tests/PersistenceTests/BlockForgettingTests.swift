import ContentStore
import Persistence
import Primitives
import Testing

@Suite("Forgetting single blocks")
struct BlockForgettingTests {
  @Test("a block that nothing holds is forgotten at once, one that a pin holds is not")
  func forgetting() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    defer { store.close() }
    let loose = ContentBlock(hashing: Bytes("loose".utf8), codec: .raw)
    let kept = ContentBlock(hashing: Bytes("kept".utf8), codec: .raw)
    try await store.put([loose, kept])
    try store.pinBlocking(kept.cid)
    let (looseDigest, keptDigest) = (try #require(loose.cid.digest), try #require(kept.cid.digest))
    #expect(throws: BlockStoreError.inUse(keptDigest)) { try store.forgetBlocking(keptDigest) }
    #expect(try store.forgetBlocking(looseDigest))
    #expect(throws: BlockStoreError.notFound(looseDigest)) {
      try store.forgetBlocking(looseDigest)
    }
    #expect(try store.digests() == [keptDigest])
  }

  @Test("a block that an add under way has stored stays")
  func protection() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    defer { store.close() }
    let block = ContentBlock(hashing: Bytes("new".utf8), codec: .raw)
    let digest = try #require(block.cid.digest)
    let session = ContentSession(store: store, isPinning: false)
    try session.store([block])
    try session.finish()
    #expect(try !store.forgetBlocking(digest))
    #expect(try store.contains(digest))
    withExtendedLifetime(session) {}
  }

  @Test("a collection says what it forgets")
  func collection() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    defer { store.close() }
    let blocks = (0..<3_000).map { ContentBlock(hashing: Bytes("\($0)".utf8), codec: .raw) }
    try await store.put(blocks)
    var forgotten = 0
    let report = try store.collectBlocking { forgotten += $0.count }
    #expect(forgotten == 3_000)
    #expect(report.blockCount == 3_000)
    #expect(try store.digests().isEmpty)
  }
}
