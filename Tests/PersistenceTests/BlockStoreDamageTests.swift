import ContentStore
import Cryptography
import Glibc
import Primitives
import Testing

@testable import Persistence

@Suite("A damaged block store")
struct BlockStoreDamageTests {
  private static let blocks = (0..<8).map { randomBlock($0, count: 3_000 + $0) }

  /// A store with eight acknowledged blocks, closed; returns the path of its only segment.
  private func filledStore(in directory: TemporaryDirectory) async throws -> String {
    let store = try BlockStore(path: directory.path)
    try await store.put(Self.blocks)
    store.close()
    return "\(directory.path)/segments/\(SegmentFile.name(0))"
  }

  private func expectAcknowledged(_ store: BlockStore) throws {
    for block in Self.blocks { #expect(try store.get(block.cid.digest!) == block.bytes) }
  }

  @Test("whole records behind the index are recovered, and the torn one is cut off")
  func tornTail() async throws {
    let directory = try TemporaryDirectory()
    let segment = try await filledStore(in: directory)
    let whole = record(100)
    let torn = record(101)
    try appendBytes(whole.encoded() + torn.encoded().dropLast(), to: segment)
    let store = try BlockStore(path: directory.path)
    try expectAcknowledged(store)
    #expect(try store.get(whole.digest) == whole.payload)
    #expect(throws: BlockStoreError.notFound(torn.digest)) { try store.get(torn.digest) }
    try await store.put([randomBlock(101, count: 5_000)])
    #expect(try store.get(torn.digest) == torn.payload)
    store.close()
  }

  @Test("a tail with a flipped bit is cut off where the damage begins", arguments: 0..<24)
  func flippedTail(number: Int) async throws {
    let directory = try TemporaryDirectory()
    let segment = try await filledStore(in: directory)
    let (first, second, third) = (record(100), record(101), record(102))
    var bytes = second.encoded()
    // The places walk over magic, length, digest, payload and checksum.
    bytes[number * (bytes.count - 1) / 23] ^= 1 << (number % 8)
    try appendBytes(first.encoded() + bytes + third.encoded(), to: segment)
    let store = try BlockStore(path: directory.path)
    try expectAcknowledged(store)
    #expect(try store.get(first.digest) == first.payload)
    #expect(try !store.contains(second.digest))
    #expect(try store.status().blockCount == Self.blocks.count + 1)
    store.close()
  }

  @Test("a lost index is rebuilt from the segments")
  func lostIndex() async throws {
    let directory = try TemporaryDirectory()
    _ = try await filledStore(in: directory)
    for name in ["data.mdb", "lock.mdb"] { remove("\(directory.path)/index/\(name)") }
    let store = try BlockStore(path: directory.path)
    try expectAcknowledged(store)
    store.close()
  }

  @Test("a damaged block is reported, never returned, and putting it again mends it")
  func flippedBlock() async throws {
    let directory = try TemporaryDirectory()
    let segment = try await filledStore(in: directory)
    try flipBit(at: 16 + SegmentRecord.headerByteCount + 10, of: segment)
    let store = try BlockStore(path: directory.path)
    let digest = Self.blocks[0].cid.digest!
    try store.pinBlocking(Self.blocks[0].cid)
    #expect(throws: BlockStoreError.corrupt(digest)) { try store.get(digest) }
    await #expect(throws: BlockStoreError.corrupt(digest)) { try await store.read(digest) }
    try await store.put([Self.blocks[0]])
    try expectAcknowledged(store)
    #expect(try store.references(of: digest) == 1)
    store.close()
  }

  @Test("a segment cut below the index loses only what was cut, and is never written over")
  func cutSegment() async throws {
    let directory = try TemporaryDirectory()
    let segment = try await filledStore(in: directory)
    truncate(segment, 16 + 3_044 + 5)
    let store = try BlockStore(path: directory.path)
    #expect(try store.get(Self.blocks[0].cid.digest!) == Self.blocks[0].bytes)
    for block in Self.blocks.dropFirst() {
      #expect(throws: BlockStoreError.corrupt(block.cid.digest!)) {
        try store.get(block.cid.digest!)
      }
    }
    try await store.put(Self.blocks)
    try expectAcknowledged(store)
    #expect(try store.status().segmentCount == 2)
    store.close()
    let again = try BlockStore(path: directory.path)
    try expectAcknowledged(again)
    again.close()
  }

  @Test("a missing segment makes its blocks damaged, not the store unusable")
  func missingSegment() async throws {
    let directory = try TemporaryDirectory()
    let segment = try await filledStore(in: directory)
    remove(segment)
    let store = try BlockStore(path: directory.path)
    let digest = Self.blocks[3].cid.digest!
    #expect(throws: BlockStoreError.corrupt(digest)) { try store.get(digest) }
    try await store.put(Self.blocks.reversed())
    for block in Self.blocks where block != Self.blocks[3] {
      _ = try? store.get(block.cid.digest!)
    }
    try await store.put(Self.blocks)
    try expectAcknowledged(store)
    store.close()
  }

  @Test("a file that is not a segment of this format is refused by name")
  func foreignSegment() async throws {
    let directory = try TemporaryDirectory()
    let segment = try await filledStore(in: directory)
    try flipBit(at: 8, of: segment)
    #expect(throws: BlockStoreError.unsupportedFormat(path: segment)) {
      try BlockStore(path: directory.path)
    }
  }

  // MARK: - Tools

  private func record(_ number: Int) -> SegmentRecord {
    let block = randomBlock(number, count: 5_000)
    return SegmentRecord(digest: block.cid.digest!, payload: block.bytes)
  }
}
