import ContentStore
import Cryptography
import Primitives
import Testing

@testable import Persistence

@Suite("Space reserved for segments")
struct SegmentSpaceTests {
  private static let blocks = (0..<24).map { number in
    ContentBlock(hashing: Bytes(repeating: UInt8(number), count: 1 << 20), codec: .raw)
  }

  private static func reserved(_ directory: String) throws -> UInt64 {
    try SegmentFile.open(0, in: "\(directory)/segments", writing: false).reservedByteCount()
  }

  @Test("reserving leaves the size as it is, and what is not used is given back")
  func reserving() throws {
    let directory = try TemporaryDirectory()
    let file = try SegmentFile.create(1, in: directory.path)
    file.reserveSpace(from: try file.byteCount(), byteCount: 32 << 20)
    #expect(try file.reservedByteCount() > 31 << 20)
    #expect(try file.byteCount() == SegmentFile.headerByteCount)
    file.releaseSpace()
    #expect(try file.reservedByteCount() == 0)
    #expect(try file.byteCount() == SegmentFile.headerByteCount)
  }

  @Test("a long add has space ahead of it, and none is left when it is durable")
  func longAdd() throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let ticket = BlockStoreTicket(store.sequences)
    try store.submitBlocking(.store(try BlockStore.records(of: Self.blocks)), ticket: ticket)
    // Nobody waits for it yet, so it is written and not committed.
    while try Self.reserved(directory.path) < 8 << 20 { try #require(ticket.error == nil) }
    try store.commitBlocking(.store([]), ticket: ticket)
    ticket.end()
    for block in Self.blocks { #expect(try store.get(block.cid.digest!) == block.bytes) }
    store.close()
    #expect(try Self.reserved(directory.path) == 0)
  }

  @Test(
    "what a disk has no space for is not reserved, and the add still fits",
    .enabled(if: SmallDisk.isAvailable, "mounting a small tmpfs needs root"))
  func smallDisk() async throws {
    let disk = try SmallDisk(mebibytes: 27)
    let store = try BlockStore(path: "\(disk.path)/store")
    try await store.put(Self.blocks)
    for block in Self.blocks { #expect(try store.get(block.cid.digest!) == block.bytes) }
    store.close()
    #expect(try Self.reserved("\(disk.path)/store") == 0)
  }

  @Test("what a killed writer had reserved is given back by the next one")
  func killed() async throws {
    let directory = try TemporaryDirectory()
    let first = try BlockStore(path: directory.path)
    try await first.put([Self.blocks[0]])
    first.close()
    do {
      let file = try SegmentFile.open(0, in: "\(directory.path)/segments", writing: true)
      file.reserveSpace(from: try file.byteCount(), byteCount: 32 << 20)
    }
    #expect(try Self.reserved(directory.path) > 31 << 20)
    let store = try BlockStore(path: directory.path)
    #expect(try Self.reserved(directory.path) == 0)
    #expect(try store.get(Self.blocks[0].cid.digest!) == Self.blocks[0].bytes)
    store.close()
  }
}
