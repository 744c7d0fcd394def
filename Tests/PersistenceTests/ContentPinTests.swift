import ContentStore
import Cryptography
import Primitives
import Testing

@testable import Persistence

@Suite("Pins")
struct ContentPinTests {
  private func references(_ store: BlockStore, _ block: ContentBlock) throws -> Int {
    try store.references(of: block.cid.digest!)
  }

  @Test("a recursive pin holds each block below it once, and gives all references back")
  func recursive() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: [1, 2, 3, 1, 1, 4, 5])
    try await store.put(tree.blocks)
    let pin = try store.pinBlocking(tree.root, name: "model")
    #expect(pin.blockCount == Set(tree.blocks.map(\.cid)).count)
    #expect(pin.name == "model" && pin.kind == .recursive)
    for block in tree.blocks { #expect(try references(store, block) == 1) }
    try store.unpinBlocking(tree.root)
    for block in tree.blocks { #expect(try references(store, block) == 0) }
    #expect(try store.pin(of: tree.root) == nil)
    #expect(throws: BlockStoreError.notPinned(tree.root)) { try store.unpinBlocking(tree.root) }
    store.close()
  }

  @Test("pinning twice counts once and only changes the name")
  func twice() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: [1, 2])
    try await store.putPinned([tree.blocks, tree.blocks])
    try store.pinBlocking(tree.root, name: "second")
    try store.pinBlocking(tree.root)
    #expect(try store.pin(of: tree.root)?.name == "second")
    #expect(try references(store, tree.blocks[0]) == 1)
    store.close()
  }

  @Test("a block that two pins hold stays until both are gone")
  func shared() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let (one, two) = (ContentTree(leaves: [1, 2]), ContentTree(leaves: [2, 3]))
    try await store.putPinned([one.blocks, two.blocks])
    #expect(try references(store, one.blocks[1]) == 2)
    try store.unpinBlocking(one.root)
    #expect(try references(store, one.blocks[1]) == 1)
    #expect(try store.collectBlocking().blockCount == 2)
    for block in two.blocks { #expect(try store.get(block.cid.digest!) == block.bytes) }
    store.close()
  }

  @Test("a direct pin holds one block, gives way to a recursive one and never replaces it")
  func direct() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: [1, 2])
    try await store.put(tree.blocks)
    try store.pinBlocking(tree.root, .direct)
    #expect(try references(store, tree.blocks[2]) == 1)
    #expect(try references(store, tree.blocks[0]) == 0)
    try store.pinBlocking(tree.root)
    for block in tree.blocks { #expect(try references(store, block) == 1) }
    #expect(throws: BlockStoreError.pinnedRecursively(tree.root)) {
      try store.pinBlocking(tree.root, .direct)
    }
    #expect(try store.pins().count == 1)
    store.close()
  }

  @Test("pins and their names survive a restart and are listed page by page")
  func listed() async throws {
    let directory = try TemporaryDirectory()
    let first = try BlockStore(path: directory.path)
    let trees = (0..<20).map { ContentTree(leaves: [UInt64($0)]) }
    try await first.putPinned(trees.map(\.blocks))
    try first.pinBlocking(trees[3].root, name: "größe")
    first.close()
    let store = try BlockStore(path: directory.path)
    var found: [ContentPin] = []
    while case let page = try store.pins(after: found.last?.cid, limit: 7), !page.isEmpty {
      found += page
    }
    #expect(found.map(\.cid) == trees.map(\.root).sorted())
    #expect(found.filter { $0.name == "größe" }.map(\.cid) == [trees[3].root])
    #expect(try store.status().pinCount == 20)
    try store.unpinBlocking(trees[3].root)
    #expect(try references(store, trees[3].blocks[0]) == 0)
    store.close()
  }

  @Test("what is not stored whole is not pinned, and no reference is counted")
  func missing() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: [1, 2, 3, 4, 5])
    #expect(throws: ContentError.missingBlock(tree.root)) { try store.pinBlocking(tree.root) }
    let leaf = tree.blocks[1].cid
    try await store.put(tree.blocks.filter { $0.cid != leaf })
    #expect(throws: ContentError.missingBlock(leaf)) { try store.pinBlocking(tree.root) }
    #expect(try references(store, tree.blocks[0]) == 0)
    #expect(try store.pins().isEmpty)
    store.close()
  }

  @Test("content inside its own CID is pinned without any block")
  func inline() throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let cid = CID.v1(.raw, .identity(Bytes("hello".utf8)))
    #expect(try store.pinBlocking(cid).blockCount == 0)
    #expect(try store.pins().map(\.cid) == [cid])
    try store.unpinBlocking(cid)
    #expect(try store.pins().isEmpty)
    store.close()
  }

  @Test("a name longer than the limit is refused")
  func longName() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: [1])
    try await store.put(tree.blocks)
    #expect(throws: BlockStoreError.pinNameTooLong(size: 256, limit: 255)) {
      try store.pinBlocking(tree.root, name: String(repeating: "n", count: 256))
    }
    store.close()
  }

  @Test("a damaged node is named where a pin needs its links")
  func damaged() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let tree = ContentTree(leaves: [1, 2])
    try await store.put(tree.blocks)
    let digest = tree.root.digest!
    try flipBit(of: digest, in: store)
    #expect(throws: BlockStoreError.corrupt(digest)) { try store.pinBlocking(tree.root) }
    try await store.put(tree.blocks)
    try store.pinBlocking(tree.root)
    store.close()
  }

  @Test("a block under another hash function is stored, pinned, read and collected by that name")
  func otherHash() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let bytes = randomBytes(seed: 3, count: 400)
    let function = HashFunction.blake2b(byteCount: 32)
    let leaf = CID.v1(.raw, .other(function, function.hash(bytes)))
    let node = ContentBlock(
      hashing: DagPBNode(
        links: [DagPBLink(cid: leaf, tsize: 400)],
        data: UnixFSData(kind: .file, fileSize: 400, blockSizes: [400]).encoded()
      ).encoded(), codec: .dagPB)
    try await store.put([node])
    #expect(throws: ContentError.missingBlock(leaf)) { try store.pinBlocking(node.cid) }
    #expect(throws: ContentError.missingBlock(leaf)) { try store.pinBlocking(leaf, .direct) }
    try await store.put([try ContentBlock(verifying: bytes, as: leaf)])
    let digest = try #require(try store.digest(of: leaf))
    #expect(digest == bytes.withUnsafeBytes { SHA256.hash($0) })
    try store.pinBlocking(leaf, .direct)
    try store.pinBlocking(leaf)
    try store.pinBlocking(node.cid)
    #expect(try store.references(of: digest) == 2)
    #expect(try store.block(leaf) == bytes)
    try store.unpinBlocking(leaf)
    #expect(try store.collectBlocking().blockCount == 0)
    var reader = UnixFSReader(root: node.cid, source: store)
    #expect(try reader.readAll(byteCountMax: 1_000) == bytes)
    try store.unpinBlocking(node.cid)
    #expect(try store.collectBlocking().blockCount == 2)
    #expect(try store.digest(of: leaf) == nil)
    #expect(throws: ContentError.missingBlock(leaf)) { try store.block(leaf) }
    store.close()
  }
}
