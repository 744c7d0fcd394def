import ContentStore
import Cryptography
import Glibc
import Primitives
import Telemetry
import Testing

@testable import Persistence

@Suite("Collection and compaction of the block store")
struct BlockStoreCollectionTests {
  /// Segments of some thirty small trees.
  private static var smallSegments: BlockStoreSettings {
    var settings = BlockStoreSettings()
    settings.segmentByteCountMax = 100_000
    return settings
  }

  private func expectWhole(_ tree: ContentTree, in store: BlockStore) throws {
    for block in tree.blocks { #expect(try store.get(block.cid.digest!) == block.bytes) }
  }

  @Test("what no pin holds is forgotten, and what one holds stays byte for byte")
  func collects() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path, settings: Self.smallSegments)
    let trees = (0..<100).map { ContentTree(leaves: [UInt64(3 * $0), UInt64(3 * $0 + 1)]) }
    try await store.putPinned(trees.map(\.blocks))
    let before = try store.status()
    for (number, tree) in trees.enumerated() where number % 10 != 0 {
      try store.unpinBlocking(tree.root)
    }
    #expect(try store.status().unreferencedCount == 270)
    let report = try store.collectBlocking()
    let after = try store.status()
    #expect(report.blockCount == 270)
    #expect(report.segmentCount == before.segmentCount)
    #expect(report.damagedSegments.isEmpty)
    #expect(after.blockCount == 30 && after.unreferencedCount == 0)
    #expect(after.segmentByteCount < before.segmentByteCount / 5)
    #expect(after.segmentByteCount - after.liveByteCount < 100)
    for (number, tree) in trees.enumerated() {
      if number % 10 == 0 {
        try expectWhole(tree, in: store)
      } else {
        #expect(try !store.contains(tree.root.digest!))
      }
    }
    store.close()
    let again = try BlockStore(path: directory.path, settings: Self.smallSegments)
    #expect(try again.status() == after)
    for tree in trees.enumerated() where tree.offset % 10 == 0 {
      try expectWhole(tree.element, in: again)
    }
    again.close()
  }

  @Test("a collection of a store without dead blocks changes nothing")
  func nothing() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: [1, 2])
    try await store.putPinned([tree.blocks])
    let before = try store.status()
    #expect(try store.collectBlocking() == BlockStoreCollection())
    #expect(try store.status() == before)
    store.close()
  }

  @Test("an add under way keeps what it stored and what it only met, however old that is")
  func underWay() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let old = ContentTree(leaves: [1, 2])
    try await store.put(old.blocks)
    let ticket = BlockStoreTicket(store.sequences)
    let new = ContentTree(leaves: [3])
    try await store.submit(
      .store(try BlockStore.records(of: old.blocks + new.blocks)), ticket: ticket)
    #expect(try store.collectBlocking().blockCount == 0)
    let pinned = PinnedBlocks(
      old.root, .recursive, holding: old.blocks.compactMap(\.cid.digest))
    try await store.submit(.store([], pinning: [pinned]), ticket: ticket)
    try expectWhole(old, in: store)
    try expectWhole(new, in: store)
    _ = consume ticket
    store.close()
  }

  @Test("what an add left behind is forgotten once it has ended")
  func abandoned() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    var upload: ContentUpload? = ContentUpload(store: store)
    try await upload?.append(randomBytes(seed: 1, count: 3 << 20))
    try await store.put([randomBlock(9, count: 10)])
    #expect(try store.collectBlocking().blockCount == 0)
    upload = nil
    #expect(try store.collectBlocking().blockCount == 4)
    #expect(try store.status().blockCount == 0)
    store.close()
  }

  @Test("adds, pins and reads go on while collections run, and nothing that is pinned is lost")
  func concurrent() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path, settings: Self.smallSegments)
    let kept = (0..<12).map { ContentTree(leaves: [UInt64(1_000 + $0), 2, 3], leafByteCount: 700) }
    try await store.putPinned(kept.map(\.blocks))
    let isDone = Lock(false)
    let collections = try await withThrowingTaskGroup(of: Int.self) { group in
      for adder in 0..<3 {
        group.addTask {
          for number in 0..<12 {
            // Trees share leaves with each other and with the kept ones.
            let tree = ContentTree(
              leaves: [UInt64(number % 7), 2, UInt64(10_000 * adder + number)], leafByteCount: 700)
            try await store.putPinned([tree.blocks])
            try expectWhole(tree, in: store)
            try store.unpinBlocking(tree.root)
          }
          return 0
        }
      }
      group.addTask {
        while !isDone.withLock({ $0 }) {
          for tree in kept { try expectWhole(tree, in: store) }
          await Task.yield()
        }
        return 0
      }
      group.addTask {
        var count = 0
        while !isDone.withLock({ $0 }) {
          count += try await store.collect(pace: .unlimited).blockCount
        }
        return count
      }
      for _ in 0..<3 { _ = try await group.next() }
      isDone.withLock { $0 = true }
      return try await group.reduce(0, +)
    }
    _ = try store.collectBlocking()
    #expect(collections > 0, "collections ran beside the adds")
    for tree in kept { try expectWhole(tree, in: store) }
    #expect(try store.status().blockCount == Set(kept.flatMap(\.blocks).map(\.cid)).count)
    store.close()
  }

  @Test("one collection runs at a time")
  func once() throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    store.isCollecting.withLock { $0 = true }
    #expect(throws: BlockStoreError.collectionRunning) { try store.collectBlocking() }
    store.isCollecting.withLock { $0 = false }
    _ = try store.collectBlocking()
    store.close()
  }

  @Test("a segment with a damaged record is kept, and its other blocks are moved")
  func damagedRecord() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path, settings: Self.smallSegments)
    let kept = ContentTree(leaves: [1, 2, 3])
    let dropped = (0..<40).map { ContentTree(leaves: [100 + UInt64($0)], leafByteCount: 2_000) }
    try await store.putPinned([kept.blocks] + dropped.map(\.blocks))
    let digest = kept.blocks[1].cid.digest!
    try flipBit(of: digest, in: store)
    for tree in dropped { try store.unpinBlocking(tree.root) }
    let report = try store.collectBlocking()
    #expect(report.damagedSegments == [0])
    #expect(throws: BlockStoreError.corrupt(digest)) { try store.get(digest) }
    #expect(try store.get(kept.blocks[2].cid.digest!) == kept.blocks[2].bytes)
    try await store.put([kept.blocks[1]])
    #expect(try store.collectBlocking().damagedSegments.isEmpty)
    try expectWhole(kept, in: store)
    #expect(
      TemporaryDirectory.names(in: "\(directory.path)/segments").first != "0000000000.segment")
    store.close()
  }

  @Test("a copy that a crash left behind its index is not indexed twice and is freed later")
  func copyBehindTheIndex() async throws {
    let directory = try TemporaryDirectory()
    let tree = ContentTree(leaves: [1, 2])
    let store = try BlockStore(path: directory.path)
    try await store.putPinned([tree.blocks])
    let live = try store.status().liveByteCount
    store.close()
    let record = SegmentRecord(digest: tree.root.digest!, payload: tree.blocks[2].bytes)
    let path = "\(directory.path)/segments/\(SegmentFile.name(0))"
    try appendBytes(record.encoded(), to: path)
    let again = try BlockStore(path: directory.path)
    #expect(try again.status().liveByteCount == live)
    #expect(try again.status().blockCount == 3)
    #expect(try again.references(of: tree.root.digest!) == 1)
    again.close()
  }

  @Test("an index of the first version is given the tables it lacks")
  func upgrade() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let (kept, loose) = (ContentTree(leaves: [1, 2]), randomBlock(77, count: 500))
    try await store.putPinned([kept.blocks])
    try await store.put([loose])
    let before = try store.status()
    store.close()
    let index = try BlockIndex(path: "\(directory.path)/index")
    try index.write { transaction throws(BlockStoreError) in
      try transaction.addLiveBytes([0: -Int64(before.liveByteCount)])
      try transaction.setReferenced(loose.cid.digest!)
      try transaction.set(formatVersion: 1)
    }
    try BlockIndexUpgrade(index: index).run()
    try index.read { transaction throws(BlockStoreError) in
      #expect(try transaction.liveByteCount() == before.liveByteCount)
      #expect(try transaction.unreferencedCount() == 1)
      #expect(try transaction.formatVersion() == 2)
    }
  }
}
