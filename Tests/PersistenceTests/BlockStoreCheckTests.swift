import ContentStore
import Cryptography
import Primitives
import Testing

@testable import Persistence

@Suite("The check of a block store")
struct BlockStoreCheckTests {
  @Test("a sound store is read whole and has no faults")
  func sound() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: Array(1...30))
    try await store.putPinned([tree.blocks])
    var check = BlockStoreCheck(store)
    var seen: [Int] = []
    var totals: Set<Int> = []
    let report = try check.runBlocking(progress: {
      seen.append($0)
      totals.insert($1)
    })
    #expect(totals == [tree.blocks.count])
    #expect(report.blockCount == tree.blocks.count && report.pinCount == 1)
    #expect(report.byteCount == tree.blocks.reduce(0) { $0 + UInt64($1.bytes.count) })
    #expect(report.faults.isEmpty && report.isWhole)
    #expect(seen.last == tree.blocks.count)
    store.close()
  }

  @Test("flipped bits are found and named as pinned content names the blocks, leaf and node alike")
  func flipped() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: Array(1...9))
    let loose = randomBlock(50, count: 400)
    try await store.putPinned([tree.blocks])
    try await store.put([loose])
    let node = tree.blocks.first { $0.cid.codec == .dagPB }!
    let damaged = [tree.blocks[2], node, loose]
    for block in damaged { try flipBit(of: block.cid.digest!, in: store) }
    var check = BlockStoreCheck(store)
    let report = try check.runBlocking()
    #expect(!report.isWhole)
    #expect(report.blockCount == tree.blocks.count + 1)
    #expect(Set(report.faults.map(\.digest)) == Set(damaged.map { $0.cid.digest! }))
    #expect(report.faults.allSatisfy { $0.fault == .damaged })
    let named = report.faults.first { $0.digest == node.cid.digest }
    #expect(named?.names == [node.cid] && named?.pins == [tree.root])
    #expect(report.faults.first { $0.digest == loose.cid.digest }?.names == [])
    store.close()
  }

  @Test(
    "damaged blocks are fetched by their names, verified and written anew; a liar mends nothing")
  func mended() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: Array(1...9))
    try await store.putPinned([tree.blocks])
    let damaged = [tree.blocks[0], tree.blocks[4], tree.blocks[8]]
    for block in damaged { try flipBit(of: block.cid.digest!, in: store) }
    var asked: [CID] = []
    var check = BlockStoreCheck(store)
    let report = try check.runBlocking(fetch: { cid in
      asked.append(cid)
      // One is lied about, one is not to be had.
      if cid == damaged[0].cid { return Bytes("something else".utf8) }
      if cid == damaged[1].cid { return nil }
      return tree.blocks.first { $0.cid == cid }?.bytes
    })
    #expect(Set(asked) == Set(damaged.map(\.cid)))
    #expect(report.faults.filter { $0.fault == .mended }.map(\.digest) == [damaged[2].cid.digest!])
    #expect(report.faults.count == 3 && !report.isWhole)
    #expect(try store.get(damaged[2].cid.digest!) == damaged[2].bytes)
    #expect(try store.references(of: damaged[2].cid.digest!) == 1)
    let rest = try check.runBlocking(fetch: { cid in tree.blocks.first { $0.cid == cid }?.bytes })
    #expect(rest.faults.count == 2 && rest.isWhole)
    #expect(try check.runBlocking().faults.isEmpty)
    store.close()
  }

  @Test("a block that a pin needs and the index lost is missing")
  func missing() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: [1, 2, 3])
    try await store.putPinned([tree.blocks])
    let lost = tree.blocks[1].cid
    try store.open().index.write { transaction throws(BlockStoreError) in
      try transaction.removeBlock(lost.digest!)
    }
    var check = BlockStoreCheck(store)
    let report = try check.runBlocking()
    #expect(report.faults.map(\.fault) == [.missing])
    #expect(report.faults[0].names == [lost] && report.faults[0].pins == [tree.root])
    store.close()
  }
}
