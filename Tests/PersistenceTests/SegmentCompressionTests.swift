import ContentStore
import Cryptography
import Primitives
import Testing

@testable import Persistence

@Suite("Compression at rest")
struct SegmentCompressionTests {
  private static let text = Bytes(
    (0..<20_000).flatMap { "the \($0)th line of a text\n".utf8 })

  private func record(_ block: Bytes) -> SegmentRecord {
    SegmentRecord(compressing: block, digest: block.withUnsafeBytes { SHA256.hash($0) })
  }

  @Test("text is compressed and comes back byte for byte")
  func text() throws {
    let record = record(Self.text)
    #expect(record.encoding == .zstandard)
    #expect(record.payload.count < Self.text.count / 3)
    #expect(record.block == Self.text)
    let read = try #require(SegmentRecord(decoding: record.encoded()))
    #expect(read == record && read.block == Self.text)
  }

  @Test(
    "what does not compress, or is tiny, stays as it is", arguments: [0, 1, 255, 4_096, 1 << 20])
  func incompressible(count: Int) {
    let bytes = randomBytes(seed: 7, count: count)
    #expect(record(bytes).encoding == .plain)
    #expect(record(bytes).block == bytes)
  }

  @Test("a gain below a twentieth is not taken")
  func smallGain() {
    // One part in thirty of each sampled piece and of the whole is zero.
    var bytes = randomBytes(seed: 8, count: 1 << 20)
    for start in stride(from: 0, to: bytes.count, by: 3_840) {
      for index in start..<min(start + 128, bytes.count) { bytes[index] = 0 }
    }
    #expect(record(bytes).encoding == .plain)
    for start in stride(from: 0, to: bytes.count, by: 1_024) {
      for index in start..<start + 128 { bytes[index] = 0 }
    }
    #expect(record(bytes).encoding == .zstandard)
  }

  @Test("no flipped bit and no truncation of a payload gives other bytes or more than a block")
  func damaged() {
    let record = record(Bytes(Self.text.prefix(3_000)))
    let digest = record.digest
    let plain = Bytes(Self.text.prefix(3_000))
    for bit in 0..<record.payload.count * 8 {
      var payload: Bytes = record.payload
      payload[bit / 8] ^= 1 << (bit % 8)
      guard let block = SegmentCompression.block(payload, .zstandard) else { continue }
      #expect(block.count <= BlockLimits.byteCountMax)
      // A frame without its checksum may unpack to something else, which the digest then tells.
      guard block != plain else { continue }
      let found = block.withUnsafeBytes { SHA256.hash($0) }
      #expect(found != digest)
    }
    for count in 0..<record.payload.count {
      let cut = Bytes(record.payload.prefix(count))
      #expect(SegmentCompression.block(cut, .zstandard) == nil)
    }
  }

  @Test("a frame that unpacks to more than it declares, or more than a block, is refused")
  func bomb() throws {
    let zeros = Bytes(repeating: 0, count: 8 << 20)
    let frame = try #require(
      zeros.withUnsafeBytes { Zstandard.compress($0, byteCountMax: zeros.count) })
    #expect(frame.count < 10_000)
    let sizes: [UInt32] = [0, 1, 1 << 20, UInt32(BlockLimits.byteCountMax), 8 << 20, .max]
    for declared in sizes {
      let payload: Bytes = SegmentBytes.bytes(declared) + frame
      #expect(SegmentCompression.block(payload, .zstandard) == nil, "\(declared)")
    }
  }

  @Test("a store compresses what is added, has the CIDs of the plain bytes, and moves it as it is")
  func store() throws {
    let directory = try TemporaryDirectory()
    let input = "\(directory.path)/input"
    try writeFile(Self.text, to: input)
    let store = try BlockStore(path: "\(directory.path)/store")
    let file = try ContentAdder(store: store).addBlocking(path: input)
    #expect(try ContentAdder(store: nil).addBlocking(path: input) == file)
    #expect(try store.status().liveByteCount < Self.text.count / 3)
    #expect(try store.get(file.cid.digest!) == Self.text)
    let noise = randomBytes(seed: 1, count: 900_000)
    try writeFile(noise, to: input)
    try store.unpinBlocking(ContentAdder(store: store).addBlocking(path: input).cid)
    #expect(try store.collectBlocking().segmentCount == 1)
    #expect(try store.get(file.cid.digest!) == Self.text)
    store.close()
    let again = try BlockStore(path: "\(directory.path)/store")
    #expect(try again.get(file.cid.digest!) == Self.text)
    again.close()
  }

  @Test("compressed records behind the index are recovered")
  func recovered() throws {
    let directory = try TemporaryDirectory()
    try BlockStore(path: directory.path).close()
    let record = record(Self.text)
    try appendBytes(
      record.encoded(), to: "\(directory.path)/segments/\(SegmentFile.name(0))")
    let store = try BlockStore(path: directory.path)
    #expect(try store.get(record.digest) == Self.text)
    store.close()
  }

  @Test("a store that does not compress keeps the plain bytes")
  func switchedOff() throws {
    let directory = try TemporaryDirectory()
    let input = "\(directory.path)/input"
    try writeFile(Self.text, to: input)
    var settings = BlockStoreSettings()
    settings.isCompressing = false
    let store = try BlockStore(path: "\(directory.path)/store", settings: settings)
    _ = try ContentAdder(store: store).addBlocking(path: input)
    #expect(try store.status().liveByteCount > Self.text.count)
    store.close()
  }
}
