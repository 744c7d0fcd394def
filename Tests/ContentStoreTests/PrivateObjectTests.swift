import Cryptography
import Primitives
import Testing

@testable import ContentStore

/// Chunks of one repeated byte become that byte; all others stay.
private let repeats = ChunkCompression(
  compress: { chunk, max in
    guard let first = chunk.first, max > 0, chunk.allSatisfy({ $0 == first }) else { return nil }
    return [first]
  },
  decompress: { frame, count in
    frame.count == 1 ? Bytes(repeating: frame[0], count: count) : nil
  })

@Suite("Private objects")
struct PrivateObjectTests {
  private static let chunk = PrivateLimits.chunkByteCount

  private let author = try! SigningKey(seed: Bytes(repeating: 1, count: 32))
  private let reader = try! SigningKey(seed: Bytes(repeating: 2, count: 32))
  private let key = try! ObjectKey(bytes: Bytes(repeating: 9, count: 32))

  /// Seals `bytes` for the reader and returns the manifest's CID and all blocks.
  private func sealed(
    _ bytes: Bytes, compression: ChunkCompression? = nil
  ) throws -> (root: CID, source: MemorySource) {
    var source = MemorySource()
    var blocks: [ContentBlock] = []
    var builder = PrivateObjectBuilder(key, compression: compression)
    for start in stride(from: 0, to: bytes.count, by: 700_000) {
      builder.append(Bytes(bytes[start..<min(start + 700_000, bytes.count)]), into: &blocks)
    }
    let content = builder.finish(into: &blocks)
    #expect(content.byteCount == UInt64(bytes.count))
    #expect(content.digest == SHA256.hash(bytes))
    let header = PrivateHeader(
      author: author.publicKey, readers: [reader.publicKey], of: content, name: "object")
    let manifest = try PrivateManifest(
      header, content: content.content.cid, index: content.index?.cid, key: key,
      keys: [.wrapping(key, for: reader.publicKey)], salt: Bytes(repeating: 3, count: 16),
      signedBy: author)
    let root = try manifest.block()
    #expect(try PrivateManifest(decoding: root.bytes) == manifest)
    source.add(blocks + [root])
    return (root.cid, source)
  }

  private func read(
    _ root: CID, _ source: MemorySource, bytes: EntityBytes = .all
  ) throws -> Bytes {
    let object = try OpenedObject(
      root: root, block: source.block(root), reader: .peer(reader))
    var reader = try PrivateReader(object, source: source, compression: repeats, bytes: bytes)
    var content = Bytes()
    while let piece = try reader.next() { content += piece }
    return content
  }

  /// Random chunks with a compressible one among them.
  private func content(_ byteCount: Int) -> Bytes {
    var random = SplitMix64(seed: UInt64(byteCount))
    var bytes = (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for position in Self.chunk..<max(Self.chunk, min(2 * Self.chunk, byteCount)) {
      bytes[position] = 5
    }
    return bytes
  }

  @Test(
    "an object comes back, whatever its size, with chunks compressed or not",
    arguments: [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 77], [true, false])
  func roundTrip(byteCount: Int, isCompressed: Bool) throws {
    let bytes = content(byteCount)
    let (root, source) = try sealed(bytes, compression: isCompressed ? repeats : nil)
    #expect(try read(root, source) == bytes)
  }

  @Test("chunks that are not compressed are each one leaf of the published profile")
  func leaves() throws {
    let (root, source) = try sealed(content(2 * Self.chunk))
    let sizes = source.blocks.filter { $0.key.codec == .raw }.map(\.value.count)
    #expect(sizes == [1 << 20, 1 << 20])
    #expect(try PrivateManifest(decoding: source.block(root)).index == nil)
  }

  @Test("a part is read without the chunks beside it", arguments: [true, false])
  func ranges(isCompressed: Bool) throws {
    let bytes = content(3 * Self.chunk + 77)
    var (root, source) = try sealed(bytes, compression: isCompressed ? repeats : nil)
    let parts = [0..<10, Self.chunk - 1..<Self.chunk + 1, bytes.count - 5..<bytes.count]
    for part in parts {
      let asked = EntityBytes(offset: UInt64(part.lowerBound), count: UInt64(part.count))!
      #expect(try read(root, source, bytes: asked) == Bytes(bytes[part]))
    }
    // Without the first leaf the last bytes can still be read, and the first cannot.
    let first = try #require(source.blocks.first { $0.value.count == 1 << 20 && isFirst($0.value) })
    source.blocks[first.key] = nil
    let end = EntityBytes(first: -5, last: nil)
    #expect(try read(root, source, bytes: end) == Bytes(bytes.suffix(5)))
    #expect(throws: ContentError.missingBlock(first.key)) { try read(root, source) }
    #expect(throws: ContentError.rangeOutside(root, size: UInt64(bytes.count))) {
      try read(root, source, bytes: EntityBytes(offset: UInt64(bytes.count))!)
    }
  }

  /// Whether a leaf holds the first sealed chunk.
  private func isFirst(_ leaf: Bytes) -> Bool {
    PrivateStream(key: key.derived(for: .content)).open(
      Bytes(leaf.prefix(1 << 20)), number: 0, isLast: false, byteCount: Self.chunk,
      compression: nil) != nil
  }

  @Test("nobody else opens an object, and a block that is none is refused")
  func strangers() throws {
    let (root, source) = try sealed([1, 2, 3])
    #expect(throws: ContentError.noKey(root)) {
      try OpenedObject(root: root, block: source.block(root), reader: .peer(author))
    }
    #expect(throws: ContentError.noKey(root)) {
      try OpenedObject(
        root: root, block: source.block(root), reader: .passphrase(Bytes("x".utf8)))
    }
    let other = ContentBlock(hashing: try DagCBOR.encode(.map(IPLDMap([])!)), codec: .dagCBOR)
    #expect(throws: ContentError.self) {
      try OpenedObject(root: other.cid, block: other.bytes, reader: .peer(reader))
    }
  }

  @Test("every flipped bit and every cut of a manifest is found")
  func manifestDamage() throws {
    let (root, source) = try sealed([1, 2, 3])
    let block = try source.block(root)
    for position in block.indices {
      var damaged = block
      damaged[position] ^= 1 << UInt8(position % 8)
      // Under a name of its own, so that the manifest's checks alone stand.
      let renamed = ContentBlock(hashing: damaged, codec: .dagCBOR)
      #expect(throws: ContentError.self, "bit in byte \(position)") {
        try OpenedObject(root: renamed.cid, block: damaged, reader: .peer(reader))
      }
      #expect(throws: DecodingFailure.self) {
        try PrivateManifest(decoding: Bytes(block.prefix(position)))
      }
    }
  }

  @Test("sealed chunks that were moved, repeated, cut off or changed are found")
  func chunkDamage() throws {
    let stream = PrivateStream(key: key.derived(for: .content))
    let sealed = stream.seal([1, 2, 3], number: 4, isLast: false)
    func open(_ bytes: Bytes, _ number: Int, _ isLast: Bool, _ count: Int = 3) -> Bytes? {
      stream.open(bytes, number: number, isLast: isLast, byteCount: count, compression: repeats)
    }
    #expect(open(sealed, 4, false) == [1, 2, 3])
    #expect(open(sealed, 5, false) == nil)
    #expect(open(sealed, 4, true) == nil)
    #expect(open(sealed, 4, false, 2) == nil)
    for position in sealed.indices {
      var damaged = sealed
      damaged[position] ^= 1
      #expect(open(damaged, 4, false) == nil)
      #expect(open(Bytes(sealed.prefix(position)), 4, false) == nil)
    }
  }

  @Test("an object whose last chunk is missing is not taken for a shorter one")
  func cutOff() throws {
    let bytes = content(2 * Self.chunk)
    let (root, source) = try sealed(bytes)
    let object = try OpenedObject(root: root, block: source.block(root), reader: .peer(reader))
    // A reader that knows the key makes a manifest of the first chunk alone.
    var forged = source
    var blocks: [ContentBlock] = []
    var file = UnixFSBuilder()
    file.append(
      PrivateStream(key: key.derived(for: .content))
        .seal(Bytes(bytes.prefix(Self.chunk)), number: 0, isLast: false), into: &blocks)
    let content = file.finish(into: &blocks)
    forged.add(blocks)
    let header = PrivateHeader(
      author: reader.publicKey, readers: [], byteCount: UInt64(Self.chunk),
      digest: object.header.digest, name: "", mediaType: "", replacing: nil)
    let manifest = try PrivateManifest(
      header, content: content.cid, index: nil, key: key,
      keys: [.wrapping(key, for: reader.publicKey)], salt: Bytes(repeating: 4, count: 16),
      signedBy: reader
    ).block()
    forged.add([manifest])
    #expect(throws: ContentError.brokenSeal(manifest.cid)) { try read(manifest.cid, forged) }
  }

  @Test("a header that somebody else signed, or that is about other blocks, is refused")
  func foreignHeader() throws {
    let (root, source) = try sealed([1, 2, 3])
    let object = try OpenedObject(root: root, block: source.block(root), reader: .peer(reader))
    let encoded = try object.header.encoded(
      signedBy: author, content: object.manifest.content, index: nil)
    #expect(
      try PrivateHeader(decoding: encoded, content: object.manifest.content, index: nil)
        == object.header)
    #expect(throws: DecodingFailure.self) {
      try PrivateHeader(decoding: encoded, content: root, index: nil)
    }
    #expect(throws: DecodingFailure.self) {
      try PrivateHeader(decoding: encoded, content: object.manifest.content, index: root)
    }
  }

  @Test("a table of lengths that does not fit the object is refused")
  func lengths() throws {
    let size = UInt64(2 * Self.chunk)
    #expect(throws: DecodingFailure.self) { try SealedLengths(byteCount: size, table: [0, 0, 1]) }
    #expect(throws: DecodingFailure.self) {
      try SealedLengths(byteCount: size, table: [0, 0, 0, 1, 0, 0, 0, 0])
    }
    #expect(throws: DecodingFailure.self) {
      try SealedLengths(byteCount: size, table: [0, 0, 0, 1, 0, 0x10, 0, 1])
    }
    let lengths = try SealedLengths(byteCount: size, table: [0, 0, 0, 20, 0, 0x10, 0, 0])
    #expect(lengths.offset(of: 1) == 20)
    #expect(lengths.sealedByteCount(of: 1) == 1 << 20)
  }
}
