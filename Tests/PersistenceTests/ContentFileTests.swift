import ContentStore
import Cryptography
import Glibc
import Primitives
import Testing

@testable import Persistence

@Suite("Files in and out of the block store")
struct ContentFileTests {
  private static let layouts = [UnixFSProfile.v1In2025.layout, UnixFSProfile.v0In2015.layout]

  private func built(_ bytes: Bytes, _ layout: UnixFSLayout) -> UnixFSFile {
    var builder = UnixFSBuilder(layout)
    var blocks: [ContentBlock] = []
    builder.append(bytes, into: &blocks)
    return builder.finish(into: &blocks)
  }

  @Test(
    "a file has one CID however it is added, and comes back byte for byte",
    arguments: [0, 1, 262_144, 262_145, 1_048_576, 5_000_001], layouts)
  func roundTrip(count: Int, layout: UnixFSLayout) async throws {
    let directory = try TemporaryDirectory()
    let input = "\(directory.path)/input"
    let bytes = randomBytes(seed: UInt64(count), count: count)
    try writeFile(bytes, to: input)
    let expected = built(bytes, layout)
    let store = try BlockStore(path: "\(directory.path)/store")
    #expect(try ContentAdder(store: nil, layout: layout).addBlocking(path: input) == expected)
    #expect(try await ContentAdder(store: store, layout: layout).add(path: input) == expected)
    let output = "\(directory.path)/output"
    #expect(
      try ContentExport(store: store).writeBlocking(expected.cid, to: output) == UInt64(count))
    #expect(try readFile(output) == bytes)
    store.close()
  }

  @Test("an upload in pieces has the CID of the file, and its root is pinned")
  func upload() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let layout = UnixFSProfile.v0In2015.layout
    let bytes = randomBytes(seed: 5, count: 1_000_000)
    let upload = ContentUpload(store: store, layout: layout)
    for start in stride(from: 0, to: bytes.count, by: 70_000) {
      try await upload.append(Bytes(bytes[start..<min(bytes.count, start + 70_000)]))
    }
    let file = try await upload.finish()
    #expect(file == built(bytes, layout))
    #expect(try store.references(of: file.cid.digest!) == 1)
    let download = ContentDownload(store: store, cid: file.cid)
    var content = Bytes()
    while let piece = try await download.next() { content += piece }
    #expect(content == bytes)
    #expect(download.fileSize == UInt64(bytes.count))
    store.close()
  }

  @Test("a download of what is not stored or not a file is a named error")
  func notDownloaded() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: directory.path)
    let block = randomBlock(1, count: 10)
    await #expect(throws: ContentError.missingBlock(block.cid)) {
      try await ContentDownload(store: store, cid: block.cid).next()
    }
    let folder = ContentBlock(
      hashing: DagPBNode(data: UnixFSData(kind: .directory, fileSize: nil).encoded()).encoded(),
      codec: .dagPB)
    try await store.put([folder])
    await #expect(throws: ContentError.notAFile(folder.cid, found: "a directory")) {
      try await ContentDownload(store: store, cid: folder.cid).next()
    }
    store.close()
  }

  @Test("adding a file twice stores its blocks once and pins it once")
  func twice() async throws {
    let directory = try TemporaryDirectory()
    let input = "\(directory.path)/input"
    try writeFile(Bytes(repeating: 0, count: 3 << 20), to: input)
    let store = try BlockStore(path: "\(directory.path)/store")
    let adder = ContentAdder(store: store)
    let file = try await adder.add(path: input)
    let leaf = UnixFSProfile.v1In2025.layout.leaf(Bytes(repeating: 0, count: 1 << 20)).block
    #expect(try store.references(of: leaf.cid.digest!) == 1)
    #expect(try await adder.add(path: input) == file)
    #expect(try store.references(of: leaf.cid.digest!) == 1)
    #expect(try store.pins().map(\.cid) == [file.cid])
    #expect(try store.status().blockCount == 2)
    store.close()
  }

  @Test("a directory or a missing file is a named error")
  func notAFile() async throws {
    let directory = try TemporaryDirectory()
    let adder = ContentAdder(store: nil)
    #expect(throws: BlockStoreError.notAFile(path: directory.path)) {
      try adder.addBlocking(path: directory.path)
    }
    let missing = "\(directory.path)/missing"
    #expect(
      throws: BlockStoreError.system(operation: "opening", path: missing, errno: ENOENT)
    ) { try adder.addBlocking(path: missing) }
  }

  @Test("a file with a damaged or missing block is not written, and nothing half stays behind")
  func nothingHalf() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: "\(directory.path)/store")
    let layout = UnixFSProfile.v0In2015.layout
    var builder = UnixFSBuilder(layout)
    var blocks: [ContentBlock] = []
    builder.append(randomBytes(seed: 1, count: 600_000), into: &blocks)
    let file = builder.finish(into: &blocks)
    let missing = blocks[1]
    try await store.put(blocks.filter { $0 != missing })
    mkdir("\(directory.path)/out", 0o700)
    let output = "\(directory.path)/out/file"
    try writeFile([1, 2, 3], to: output)
    #expect(throws: ContentError.missingBlock(missing.cid)) {
      try ContentExport(store: store).writeBlocking(file.cid, to: output)
    }
    #expect(try readFile(output) == [1, 2, 3])
    #expect(TemporaryDirectory.names(in: "\(directory.path)/out") == ["file"])
    store.close()
  }

  @Test("a small file inside its CID needs no store")
  func inlineFile() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: "\(directory.path)/store")
    let cid = CID.v1(.raw, .identity(Bytes("hello".utf8)))
    let output = "\(directory.path)/output"
    #expect(try ContentExport(store: store).writeBlocking(cid, to: output) == 5)
    #expect(try readFile(output) == Bytes("hello".utf8))
    store.close()
  }
}
