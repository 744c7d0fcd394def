import ContentStore
import Cryptography
import Glibc
import Primitives
import Testing

@testable import Persistence

/// The objects of Tests/References/private_object.py, an independent writer.
private struct ReferenceObjects: BlockSource {
  let json: JSONValue

  init() throws {
    let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    json = try JSONValue(parsing: readFile("/\(tests)/References/private_object.json"))
  }

  func root(_ name: String) throws -> CID { try CID(parsing: json[name]?.text ?? "") }

  func block(_ cid: CID) throws -> Bytes { try Hex.decode(json["blocks"]?["\(cid)"]?.text ?? "") }

  func read(_ name: String, _ reader: PrivateReaderKey) throws -> (PrivateHeader, Bytes) {
    let root = try root(name)
    let object = try OpenedObject(root: root, block: block(root), reader: reader)
    var reader = try PrivateReader(
      object, source: self, compression: PrivateContent.zstandard)
    var content = Bytes()
    while let piece = try reader.next() { content += piece }
    return (object.header, content)
  }
}

@Suite("Private objects in a store")
struct PrivateContentTests {
  private let author = try! SigningKey(seed: Bytes(0..<32))
  private let reader = try! SigningKey(seed: Bytes(32..<64))
  private let stranger = try! SigningKey(seed: Bytes(64..<96))

  @Test("objects that another implementation sealed are opened")
  func reference() throws {
    let objects = try ReferenceObjects()
    for key in [author, reader] {
      let (header, content) = try objects.read("plain", .peer(key))
      #expect(content == Bytes("for your eyes only".utf8))
      #expect(header.name == "note.txt")
      #expect(header.readers == [author.publicKey, reader.publicKey])
    }
    let (header, content) = try objects.read("packed", .passphrase(Bytes("correct horse".utf8)))
    #expect(content.count == 2_560_000 && content.starts(with: Bytes("0123456789abcdef012".utf8)))
    #expect(header.author == author.publicKey)
    #expect(throws: ContentError.noKey(try objects.root("packed"))) {
      try objects.read("packed", .passphrase(Bytes("correct horsf".utf8)))
    }
  }

  /// A store, a file of `bytes` in it for the reader, and what was asked to read it.
  private func withObject(
    _ bytes: Bytes, _ body: (TemporaryDirectory, BlockStore, CID) throws -> Void
  ) throws {
    let directory = try TemporaryDirectory()
    let input = "\(directory.path)/input"
    try writeFile(bytes, to: input)
    let store = try BlockStore(path: "\(directory.path)/store")
    defer { store.close() }
    let root = try PrivateContent(store: store, author: author).addBlocking(
      path: input, for: PrivateReaders(peers: [author.publicKey, reader.publicKey]),
      as: PrivateDescription(name: "input"), pinName: "mine")
    try body(directory, store, root.cid)
  }

  private func read(
    _ root: CID, _ store: BlockStore, by key: SigningKey, in directory: TemporaryDirectory
  ) throws -> Bytes {
    let content = PrivateContent(store: store, author: key)
    let output = "\(directory.path)/output"
    _ = try content.writeBlocking(#require(try content.opened(root)), to: output)
    return try readFile(output)
  }

  @Test("a file is sealed, pinned whole, and opened by its readers alone")
  func roundTrip() throws {
    let bytes = randomBytes(seed: 1, count: 2_500_000) + Bytes(repeating: 3, count: 1_500_000)
    try withObject(bytes) { directory, store, root in
      #expect(try read(root, store, by: author, in: directory) == bytes)
      #expect(try read(root, store, by: reader, in: directory) == bytes)
      #expect(try PrivateContent(store: store, author: stranger).opened(root) == nil)
      #expect(try PrivateContent.isPrivate(root, in: store))
      let pin = try #require(try store.pin(of: root))
      #expect(pin.name == "mine" && pin.kind == .recursive)
      let status = try store.status()
      #expect(status.unreferencedCount == 0 && status.blockCount == Int(pin.blockCount))
      #expect(status.liveByteCount < 2_700_000, "what repeats is compressed before it is sealed")
    }
  }

  @Test("what is stored has nothing of the file in it")
  func secrecy() throws {
    let bytes = Bytes("a secret that must not be found ".utf8)
    try withObject(bytes + bytes) { directory, store, root in
      let found = try Self.files(below: "\(directory.path)/store").filter { path in
        let content = try readFile(path)
        return content.indices.contains { content[$0...].starts(with: bytes.prefix(16)) }
      }
      #expect(found == [])
    }
  }

  private static func files(below path: String) throws -> [String] {
    guard let folder = opendir(path) else { return [path] }
    defer { closedir(folder) }
    var paths: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { paths += try files(below: "\(path)/\(name)") }
    }
    return paths
  }

  @Test("sharing lets one more read under a new name, without new sealed bytes")
  func sharing() throws {
    try withObject(randomBytes(seed: 2, count: 1_200_000)) { directory, store, root in
      let content = PrivateContent(store: store, author: author)
      let before = try store.status().blockCount
      let shared = try content.shareBlocking(
        #require(try content.opened(root)), with: PrivateReaders(peers: [stranger.publicKey])
      ).cid
      #expect(try store.status().blockCount == before + 1)
      let bytes = try read(root, store, by: reader, in: directory)
      #expect(try read(shared, store, by: stranger, in: directory) == bytes)
      #expect(try read(shared, store, by: reader, in: directory) == bytes)
      let header = try #require(
        try PrivateContent(store: store, author: stranger).opened(shared)
      ).header
      #expect(header.replaced == root && header.readers.count == 3)
    }
  }

  @Test("a passphrase stays when an object is shared")
  func passphrase() throws {
    try withObject([1, 2, 3]) { directory, store, root in
      let content = PrivateContent(store: store, author: author)
      let words = Bytes("correct horse".utf8)
      let first = try content.shareBlocking(
        #require(try content.opened(root)), with: PrivateReaders(peers: [], passphrase: words)
      ).cid
      let second = try content.shareBlocking(
        #require(try content.opened(first)), with: PrivateReaders(peers: [stranger.publicKey])
      ).cid
      #expect(try #require(try content.opened(second, passphrase: words)).header.byteCount == 3)
    }
  }

  @Test("rotation seals other bytes under another key, for those alone who are named")
  func rotation() throws {
    try withObject(randomBytes(seed: 3, count: 1_200_000)) { directory, store, root in
      let content = PrivateContent(store: store, author: author)
      let old = try #require(try content.opened(root))
      let rotated = try content.rotateBlocking(
        old, for: PrivateReaders(peers: [author.publicKey])
      ).cid
      let new = try #require(try content.opened(rotated))
      #expect(new.key != old.key && new.manifest.content != old.manifest.content)
      #expect(new.header.digest == old.header.digest && new.header.replaced == root)
      #expect(try PrivateContent(store: store, author: reader).opened(rotated) == nil)
    }
  }

  @Test("a part of an object is written without the rest")
  func parts() throws {
    let bytes = randomBytes(seed: 4, count: 2_500_000)
    try withObject(bytes) { directory, store, root in
      let content = PrivateContent(store: store, author: author)
      let path = "\(directory.path)/part"
      let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
      defer { close(descriptor) }
      let asked = try #require(EntityBytes(offset: 1_048_000, count: 2_000))
      let size = try content.writeBlocking(
        #require(try content.opened(root)), bytes: asked, to: descriptor, path: path)
      #expect(size == 2_000)
      #expect(try readFile(path) == Bytes(bytes[1_048_000..<1_050_000]))
    }
  }
}
