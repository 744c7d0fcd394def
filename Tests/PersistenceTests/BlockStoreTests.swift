import ContentStore
import Cryptography
import Glibc
import Persistence
import Primitives
import Testing

@Suite("The block store")
struct BlockStoreTests {
  @Test("what was put is read back, also after the store was closed and opened again")
  func roundTrip() async throws {
    let directory = try TemporaryDirectory()
    let blocks = (0..<50).map { randomBlock($0, count: $0 * 4_099) }
    do {
      let store = try BlockStore(path: directory.path)
      try await store.put(blocks)
      for block in blocks { #expect(try store.get(block.cid.digest!) == block.bytes) }
      #expect(try await store.read(blocks[7].cid.digest!) == blocks[7].bytes)
      store.close()
    }
    let store = try BlockStore(path: directory.path)
    for block in blocks { #expect(try store.get(block.cid.digest!) == block.bytes) }
    #expect(try store.status().blockCount == 50)
    store.close()
  }
}
