import ContentStore
import Cryptography
import Glibc
import Primitives
import Testing

@testable import Persistence

@Suite("Content archives in and out of the block store")
struct ContentArchiveTests {
  private let tree = ContentTree(leaves: [1, 2, 3, 1, 4, 5, 6])

  @Test("what is exported from one store is imported into another, pinned, and gives the same file")
  func roundTrip() async throws {
    let directory = try TemporaryDirectory()
    let archive = "\(directory.path)/tree.car"
    let first = try BlockStore(path: "\(directory.path)/first")
    try await first.putPinned([tree.blocks])
    let exported = try ContentArchive(store: first).exportBlocking(tree.root, to: archive)
    #expect(exported.root == tree.root)
    #expect(exported.blockCount == Set(tree.blocks.map(\.cid)).count)
    #expect(exported.byteCount == UInt64(try readFile(archive).count))
    first.close()
    let second = try BlockStore(path: "\(directory.path)/second")
    let imported = try ContentArchive(store: second).importBlocking(path: archive, pinName: "tree")
    #expect(imported.roots == [ImportedArchive.Root(cid: tree.root, missing: nil)])
    #expect(imported.blockCount == exported.blockCount)
    #expect(try second.pin(of: tree.root)?.name == "tree")
    _ = try second.collectBlocking()
    for block in tree.blocks { #expect(try second.get(block.cid.digest!) == block.bytes) }
    second.close()
  }

  private func archive(_ blocks: [ContentBlock], in directory: TemporaryDirectory) throws -> String
  {
    var writer = CARWriter(roots: [tree.root])
    var bytes = writer.header.bytes
    for block in blocks { writer.append(block, to: &bytes) }
    let path = "\(directory.path)/some.car"
    try writeFile(bytes, to: path)
    return path
  }

  @Test("an archive without a block below its root is stored but not pinned, and names the block")
  func partial() throws {
    let directory = try TemporaryDirectory()
    let node = tree.blocks.dropLast().first { $0.cid.codec == .dagPB }!
    for lost in [node, tree.blocks[1]] { try expectNotPinned(without: lost, in: directory) }
  }

  private func expectNotPinned(
    without node: ContentBlock, in directory: TemporaryDirectory
  ) throws {
    let path = try archive(tree.blocks.filter { $0 != node }, in: directory)
    let store = try BlockStore(path: "\(directory.path)/store")
    _ = try store.collectBlocking()
    let imported = try ContentArchive(store: store).importBlocking(path: path)
    #expect(imported.roots == [ImportedArchive.Root(cid: tree.root, missing: node.cid)])
    #expect(try store.pins().isEmpty)
    #expect(try store.contains(tree.root.digest!))
    store.close()
  }

  @Test("an archive that is cut short, or lies, pins nothing", arguments: [0, 1, 40, 200])
  func damaged(place: Int) throws {
    let directory = try TemporaryDirectory()
    let path = try archive(tree.blocks, in: directory)
    let whole = try readFile(path)
    let store = try BlockStore(path: "\(directory.path)/store")
    try writeFile(Bytes(whole.dropLast(place + 1)), to: path)
    #expect(throws: ContentError.self) {
      try ContentArchive(store: store).importBlocking(path: path)
    }
    try writeFile(whole, to: path)
    try flipBit(at: whole.count - 1 - place, of: path)
    #expect(throws: ContentError.self) {
      try ContentArchive(store: store).importBlocking(path: path)
    }
    #expect(try store.pins().isEmpty)
    _ = try store.collectBlocking()
    #expect(try store.status().blockCount == 0)
    store.close()
  }

  @Test("an export that meets a missing or damaged block leaves the target as it was")
  func notExported() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: "\(directory.path)/store")
    mkdir("\(directory.path)/out", 0o755)
    let path = "\(directory.path)/out/tree.car"
    try writeFile([1, 2, 3], to: path)
    try await store.put(tree.blocks)
    let leaf = tree.blocks[1].cid.digest!
    try flipBit(of: leaf, in: store)
    #expect(throws: BlockStoreError.corrupt(leaf)) {
      try ContentArchive(store: store).exportBlocking(tree.root, to: path)
    }
    #expect(try readFile(path) == [1, 2, 3])
    #expect(TemporaryDirectory.names(in: "\(directory.path)/out") == ["tree.car"])
    store.close()
  }
}
