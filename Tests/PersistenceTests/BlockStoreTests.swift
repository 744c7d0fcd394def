import ContentStore
import Cryptography
import Glibc
import Primitives
import Testing

@testable import Persistence

@Suite("The block store")
struct BlockStoreTests {
  @Test("what was put is read back, also after the store was closed and opened again")
  func roundTrip() async throws {
    let directory = try TemporaryDirectory()
    let blocks = (0..<50).map { randomBlock($0, count: $0 * 4_099) }
    let first = try BlockStore(path: directory.path)
    try await first.put(blocks)
    for block in blocks { #expect(try first.get(block.cid.digest!) == block.bytes) }
    #expect(try await first.read(blocks[7].cid.digest!) == blocks[7].bytes)
    first.close()
    let store = try BlockStore(path: directory.path)
    for block in blocks { #expect(try store.get(block.cid.digest!) == block.bytes) }
    #expect(try store.status().blockCount == 50)
    store.close()
  }

  @Test("a block that was never put is not found")
  func notFound() throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let digest = randomBlock(1, count: 10).cid.digest!
    #expect(try !store.contains(digest))
    #expect(throws: BlockStoreError.notFound(digest)) { try store.get(digest) }
    #expect(throws: ContentError.self) {
      try store.block(.v1(.raw, .sha256(digest)))
    }
    store.close()
  }

  @Test("one block under two names is stored once")
  func storedOnce() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let bytes = randomBytes(seed: 3, count: 100_000)
    let raw = ContentBlock(hashing: bytes, codec: .raw)
    let node = ContentBlock(hashing: bytes, codec: .dagPB, version: .v0)
    try await store.put([raw, node, raw])
    try await store.put([node])
    #expect(try store.status().blockCount == 1)
    #expect(try store.status().segmentByteCount < 110_000)
    store.close()
  }

  @Test("a full segment is followed by the next, and all of them are read")
  func segments() async throws {
    let directory = try TemporaryDirectory()
    var settings = BlockStoreSettings()
    settings.segmentByteCountMax = 300_000
    let store = try BlockStore(path: directory.path, settings: settings)
    let blocks = (0..<20).map { randomBlock($0, count: 70_000 + $0) }
    try await store.put(blocks)
    #expect(try store.status().segmentCount == 5)
    for block in blocks { #expect(try store.get(block.cid.digest!) == block.bytes) }
    store.close()
  }

  @Test("the index grows when its map is full, while others read")
  func mapGrowth() async throws {
    let directory = try TemporaryDirectory()
    var settings = BlockStoreSettings()
    settings.mapLimits = BlockIndex.MapLimits(initialByteCount: 64 << 10, byteCountMax: 1 << 24)
    let store = try BlockStore(path: directory.path, settings: settings)
    let blocks = (0..<2_000).map { randomBlock($0, count: 8) }
    try await store.put([blocks[0]])
    await withTaskGroup(of: Bool.self) { group in
      for start in stride(from: 0, to: blocks.count, by: 100) {
        let part = Array(blocks[start..<start + 100])
        group.addTask {
          do {
            try await store.put(part)
            return try store.get(blocks[0].cid.digest!) == blocks[0].bytes
          } catch { return false }
        }
      }
      for await wasRead in group { #expect(wasRead) }
    }
    #expect(try store.status().blockCount == 2_000)
    store.close()
  }

  @Test("a second process is told who has the store open")
  func lock() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/LOCK"
    let store = try BlockStore(path: directory.path)
    #expect(throws: BlockStoreError.locked(path: path, pid: getpid(), address: nil)) {
      try BlockStore(path: directory.path)
    }
    try store.announce(address: "http://127.0.0.1:5001")
    let error = BlockStoreError.locked(
      path: path, pid: getpid(), address: "http://127.0.0.1:5001")
    #expect(throws: error) { try BlockStore(path: directory.path) }
    #expect(
      error.description.hasSuffix("process \(getpid()), which answers at http://127.0.0.1:5001"))
    store.close()
  }

  @Test("a closed store refuses requests")
  func closed() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    store.close()
    await #expect(throws: BlockStoreError.closed) {
      try await store.put([randomBlock(1, count: 1)])
    }
    await #expect(throws: BlockStoreError.closed) {
      try await store.read(randomBlock(1, count: 1).cid.digest!)
    }
  }

  @Test("a block larger than any peer accepts is refused")
  func tooLarge() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let block = randomBlock(1, count: BlockLimits.byteCountMax + 1)
    await #expect(
      throws: BlockStoreError.blockTooLarge(
        size: BlockLimits.byteCountMax + 1, limit: BlockLimits.byteCountMax)
    ) { try await store.put([block]) }
    store.close()
  }

  @Test("a directory nobody may write is a permission error", .enabled(if: getuid() != 0))
  func permission() throws {
    #expect(throws: BlockStoreError.permissionDenied(path: "/martlet-store")) {
      try BlockStore(path: "/martlet-store")
    }
  }
}
