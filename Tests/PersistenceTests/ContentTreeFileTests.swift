import ContentStore
import Cryptography
import Glibc
import Primitives
import Testing

@testable import Persistence

@Suite("Directories in and out of the block store")
struct ContentTreeFileTests {
  /// A tree with one of everything: files of no, few and many bytes, links, an empty directory.
  private func makeSite(in directory: TemporaryDirectory) throws -> String {
    let root = "\(directory.path)/site"
    for folder in ["", "/a", "/a/b", "/empty"] { mkdir(root + folder, 0o755) }
    try writeFile(Bytes("hello".utf8), to: "\(root)/z.txt")
    try writeFile([], to: "\(root)/a/nothing")
    try writeFile(Bytes("ä".utf8), to: "\(root)/a/b/ä.txt")
    try writeFile(Bytes("hidden".utf8), to: "\(root)/.secret")
    try writeFile(randomBytes(seed: 5, count: 1_500_000), to: "\(root)/big")
    symlink("../z.txt", "\(root)/a/link")
    symlink("/etc/passwd", "\(root)/outside")
    return root
  }

  private func paths(below root: String) -> [String] {
    TemporaryDirectory.names(in: root).flatMap { name -> [String] in
      var status = stat()
      lstat("\(root)/\(name)", &status)
      guard status.st_mode & S_IFMT == S_IFDIR else { return [name] }
      return [name] + paths(below: "\(root)/\(name)").map { "\(name)/\($0)" }
    }
  }

  private func linkTarget(_ path: String) -> String {
    var buffer = Bytes(repeating: 0, count: 256)
    let count = buffer.withUnsafeMutableBytes {
      readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }

  @Test("a tree is added in order, the root last, and comes back byte for byte")
  func roundTrip() throws {
    let directory = try TemporaryDirectory()
    let root = try makeSite(in: directory)
    let store = try BlockStore(path: "\(directory.path)/store")
    var entries: [AddedEntry] = []
    let added = try ContentTreeAdder(ContentAdder(store: store)).addBlocking(path: root) {
      entries.append($0)
    }
    #expect(
      entries.map(\.path) == [
        "site/a/b/ä.txt", "site/a/b", "site/a/link", "site/a/nothing", "site/a", "site/big",
        "site/empty", "site/outside", "site/z.txt", "site",
      ])
    #expect(
      entries.map(\.kind) == [
        .file, .directory, .symlink, .file, .directory, .file, .directory, .symlink, .file,
        .directory,
      ])
    #expect(entries.last == added)
    #expect(try store.pins().map(\.cid) == [added.file.cid])
    let output = "\(directory.path)/output"
    let written = try ContentTreeExport(store: store).writeBlocking(added.file.cid, to: output)
    #expect(written == ExportedTree(entryCount: 10, byteCount: 1_500_007))
    #expect(paths(below: output) == paths(below: root).filter { !$0.hasPrefix(".") })
    #expect(try readFile("\(output)/big") == readFile("\(root)/big"))
    #expect(try readFile("\(output)/a/b/ä.txt") == Bytes("ä".utf8))
    #expect(linkTarget("\(output)/a/link") == "../z.txt")
    #expect(linkTarget("\(output)/outside") == "/etc/passwd")
    _ = try store.collectBlocking()
    #expect(try store.status().unreferencedCount == 0)
    store.close()
  }

  @Test(
    "only-hash names the same tree, and so does adding it again", arguments: UnixFSProfile.allCases)
  func onlyHash(profile: UnixFSProfile) throws {
    let directory = try TemporaryDirectory()
    let root = try makeSite(in: directory)
    let store = try BlockStore(path: "\(directory.path)/store")
    func add(_ store: BlockStore?) throws -> AddedEntry {
      try ContentTreeAdder(
        ContentAdder(store: store, layout: profile.layout),
        directoryLayout: profile.directoryLayout
      ).addBlocking(path: root)
    }
    let named = try add(nil)
    #expect(try add(store) == named)
    let before = try store.status()
    #expect(try add(store) == named)
    #expect(try store.status().blockCount == before.blockCount)
    #expect(try store.references(of: named.file.cid.digest!) == 1)
    store.close()
  }

  @Test("hidden files are added when asked for")
  func hidden() throws {
    let directory = try TemporaryDirectory()
    let root = try makeSite(in: directory)
    var paths: [String] = []
    _ = try ContentTreeAdder(ContentAdder(store: nil), includesHidden: true)
      .addBlocking(path: root) { paths.append($0.path) }
    #expect(paths.first == "site/.secret")
  }

  @Test("a thousand small files over several threads have the CIDs of one thread")
  func manyFiles() throws {
    let directory = try TemporaryDirectory()
    let root = "\(directory.path)/many"
    mkdir(root, 0o755)
    var expected = UnixFSDirectoryBuilder()
    for number in 0..<1_000 {
      let bytes = randomBytes(seed: UInt64(number), count: number % 300)
      try writeFile(bytes, to: "\(root)/\(number)")
      let leaf = UnixFSProfile.v1In2025.layout.leaf(bytes)
      try expected.add(UnixFSEntry(name: "\(number)", UnixFSFile(leaf.subtree)))
    }
    var blocks: [ContentBlock] = []
    let file = try expected.finish(into: &blocks)
    let store = try BlockStore(path: "\(directory.path)/store")
    var count = 0
    let added = try ContentTreeAdder(ContentAdder(store: store)).addBlocking(path: root) { _ in
      count += 1
    }
    #expect(added.file == file && count == 1_001)
    store.close()
  }

  @Test("a pipe in a tree is refused by name and nothing waits for it")
  func pipe() throws {
    let directory = try TemporaryDirectory()
    let root = try makeSite(in: directory)
    mkfifo("\(root)/a/pipe", 0o600)
    #expect(throws: BlockStoreError.notAFile(path: "\(root)/a/pipe")) {
      try ContentTreeAdder(ContentAdder(store: nil)).addBlocking(path: root)
    }
  }

  @Test("a file is added by the same call, and a missing path is an error")
  func single() throws {
    let directory = try TemporaryDirectory()
    let root = try makeSite(in: directory)
    let adder = ContentAdder(store: nil)
    let entry = try ContentTreeAdder(adder).addBlocking(path: "\(root)/z.txt")
    #expect(entry.path == "z.txt" && entry.kind == .file)
    #expect(try adder.addBlocking(path: "\(root)/z.txt") == entry.file)
    #expect(throws: BlockStoreError.self) {
      try ContentTreeAdder(adder).addBlocking(path: "\(root)/missing")
    }
  }

  // MARK: - Hostile trees

  /// A directory block with any names.
  private func folder(_ links: [(String, CID)]) -> ContentBlock {
    let node = DagPBNode(
      links: links.map { DagPBLink(cid: $0.1, name: Bytes($0.0.utf8), tsize: 0) },
      data: UnixFSData(kind: .directory, fileSize: nil).encoded())
    return ContentBlock(hashing: node.encoded(), codec: .dagPB)
  }

  @Test(
    "a name that leads out of the target is refused, and nothing half stays behind",
    arguments: ["..", ".", "", "a/b", "/etc/x", "a\0b"])
  func traversal(name: String) async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: "\(directory.path)/store")
    let leaf = randomBlock(1, count: 10)
    let root = folder([("good", leaf.cid), (name, leaf.cid)])
    try await store.put([leaf, root])
    mkdir("\(directory.path)/out", 0o755)
    #expect(throws: (any Error).self) {
      try ContentTreeExport(store: store).writeBlocking(
        root.cid, to: "\(directory.path)/out/target")
    }
    #expect(TemporaryDirectory.names(in: "\(directory.path)/out").isEmpty)
    store.close()
  }

  @Test("a link and a directory of one name cannot lead a file out of the target")
  func linkThenDirectory() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: "\(directory.path)/store")
    mkdir("\(directory.path)/out", 0o755)
    mkdir("\(directory.path)/victim", 0o755)
    let leaf = randomBlock(1, count: 10)
    let link = UnixFSProfile.v1In2025.directoryLayout.symlink(
      to: Bytes("\(directory.path)/victim".utf8))
    let inner = folder([("file", leaf.cid)])
    let root = folder([("x", link.block.cid), ("x", inner.cid)])
    try await store.put([leaf, link.block, inner, root])
    #expect(throws: (any Error).self) {
      try ContentTreeExport(store: store).writeBlocking(
        root.cid, to: "\(directory.path)/out/target")
    }
    #expect(TemporaryDirectory.names(in: "\(directory.path)/victim").isEmpty)
    #expect(TemporaryDirectory.names(in: "\(directory.path)/out").isEmpty)
    store.close()
  }

  @Test("a few blocks that stand for very many entries end at the limit")
  func bomb() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: "\(directory.path)/store")
    var level = randomBlock(1, count: 10)
    try await store.put([level])
    for _ in 0..<12 {
      let cid = level.cid
      level = folder((0..<10).map { ("\($0)", cid) })
      try await store.put([level])
    }
    var limits = ContentTreeExportLimits()
    limits.entriesMax = 100
    #expect(throws: ContentError.self) {
      try ContentTreeExport(store: store, limits: limits).writeBlocking(
        level.cid, to: "\(directory.path)/out")
    }
    #expect(!TemporaryDirectory.names(in: directory.path).contains("out"))
    limits.entriesMax = 1 << 20
    limits.byteCountMax = 55
    #expect(throws: ContentError.self) {
      try ContentTreeExport(store: store, limits: limits).writeBlocking(
        level.cid, to: "\(directory.path)/out")
    }
    store.close()
  }

  @Test("a directory with something in it is not written over")
  func occupied() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: "\(directory.path)/store")
    let leaf = randomBlock(1, count: 10)
    let root = folder([("x", leaf.cid)])
    try await store.put([leaf, root])
    let target = "\(directory.path)/target"
    mkdir(target, 0o755)
    #expect(try ContentTreeExport(store: store).writeBlocking(root.cid, to: target).entryCount == 2)
    #expect(throws: BlockStoreError.exists(path: target)) {
      try ContentTreeExport(store: store).writeBlocking(root.cid, to: target)
    }
    #expect(try readFile("\(target)/x") == leaf.bytes)
    store.close()
  }

  @Test("a listing names kinds and sizes, and says nothing of blocks that are not stored")
  func listing() async throws {
    let directory = try TemporaryDirectory()
    let store = try BlockStore(path: "\(directory.path)/store")
    let root = try makeSite(in: directory)
    let added = try ContentTreeAdder(ContentAdder(store: store)).addBlocking(path: root)
    var lines: [String] = []
    try store.listBlocking(added.file.cid) {
      lines.append("\($0.entry.text) \($0.kind?.word ?? "?") \($0.entry.tsize)")
    }
    #expect(
      lines.map { $0.split(separator: " ").prefix(2).joined(separator: " ") } == [
        "a directory", "big file", "empty directory", "outside symlink", "z.txt file",
      ])
    #expect(lines.last == "z.txt file 5")
    let absent = ContentBlock(
      hashing: DagPBNode(data: UnixFSData(kind: .directory, fileSize: nil).encoded()).encoded(),
      codec: .dagPB, version: .v0)
    let partial = folder([("there", randomBlock(8, count: 3).cid), ("not", absent.cid)])
    try store.unpinBlocking(added.file.cid)
    _ = try store.collectBlocking()
    try await store.put([partial])
    var kinds: [ContentKind?] = []
    try store.listBlocking(partial.cid) { kinds.append($0.kind) }
    #expect(kinds == [nil, nil])
    store.close()
  }
}
