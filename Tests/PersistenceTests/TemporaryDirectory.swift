import ContentStore
import Cryptography
import Glibc
import Primitives
import Testing

@testable import Persistence

/// A directory that is deleted with everything in it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/martlet-store-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw POSIXFailure(code: errno) }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit {
    Self.removeTree(path)
  }
}

extension TemporaryDirectory {
  /// The names in a directory.
  static func names(in path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  private static func removeTree(_ path: String) {
    for name in names(in: path) { removeTree("\(path)/\(name)") }
    remove(path)
  }
}

struct POSIXFailure: Error {
  let code: Int32
}

/// A raw block of seeded bytes; the same number gives the same block.
func randomBlock(_ number: Int, count: Int) -> ContentBlock {
  ContentBlock(hashing: randomBytes(seed: UInt64(number), count: count), codec: .raw)
}

/// Seeded bytes.
func randomBytes(seed: UInt64, count: Int) -> Bytes {
  var generator = SplitMix64(seed: seed)
  var bytes = Bytes()
  bytes.reserveCapacity(count + 8)
  while bytes.count < count {
    withUnsafeBytes(of: generator.next().littleEndian) { bytes.append(contentsOf: $0) }
  }
  return Bytes(bytes.prefix(count))
}

/// Flips a bit in the middle of a stored block.
func flipBit(of digest: Digest, in store: BlockStore) throws {
  let files = try store.open()
  guard let location = try files.index.entry(digest)?.location else {
    throw BlockStoreError.notFound(digest)
  }
  let offset = Int(location.offset) + SegmentRecord.headerByteCount
  try flipBit(
    at: offset + Int(location.payloadByteCount) / 2,
    of: "\(store.path)/segments/\(SegmentFile.name(location.segment))")
}

/// Flips a bit of a file.
func flipBit(at offset: Int, of path: String) throws {
  let descriptor = open(path, O_RDWR)
  defer { close(descriptor) }
  var byte: UInt8 = 0
  guard pread(descriptor, &byte, 1, offset) == 1 else { throw POSIXFailure(code: errno) }
  byte ^= 0x10
  guard pwrite(descriptor, &byte, 1, offset) == 1 else { throw POSIXFailure(code: errno) }
}

/// Appends to a file.
func appendBytes(_ bytes: Bytes, to path: String) throws {
  let descriptor = open(path, O_WRONLY | O_APPEND)
  defer { close(descriptor) }
  guard write(descriptor, bytes, bytes.count) == bytes.count else {
    throw POSIXFailure(code: errno)
  }
}

/// Writes a whole file.
func writeFile(_ bytes: Bytes, to path: String) throws {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  defer { close(descriptor) }
  guard write(descriptor, bytes, bytes.count) == bytes.count else {
    throw POSIXFailure(code: errno)
  }
}

/// Reads a whole file.
func readFile(_ path: String) throws -> Bytes {
  let descriptor = open(path, O_RDONLY)
  guard descriptor >= 0 else { throw POSIXFailure(code: errno) }
  defer { close(descriptor) }
  var status = stat()
  fstat(descriptor, &status)
  return Bytes(unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
    count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
  }
}

/// Compares what the index keeps count of with what its blocks and pins add up to.
func expectConsistent(_ store: BlockStore) throws {
  let index = try store.open().index
  var live: [UInt32: UInt64] = [:]
  var unreferenced: [Digest] = []
  var held: [Digest: Int] = [:]
  for pin in try allPins(store) {
    var walk = try ContentTreeWalk(root: pin.cid, in: store)
    while pin.kind == .recursive, let cid = walk.next() {
      try walk.expand(cid, with: store.verifiedBlock(cid))
    }
    for digest in walk.digests { held[digest, default: 0] += 1 }
  }
  try index.read { transaction throws(BlockStoreError) in
    for (digest, entry) in try transaction.blocks(after: nil, limit: .max) {
      live[entry.location.segment, default: 0] += UInt64(entry.location.recordByteCount)
      if entry.references == 0 { unreferenced.append(digest) }
      #expect(Int(entry.references) == held[digest] ?? 0)
    }
    let listed = try transaction.unreferenced(after: nil, limit: .max).map(\.digest)
    #expect(listed == unreferenced.sorted())
    for (segment, byteCount) in live {
      #expect(try transaction.liveByteCount(segment) == byteCount)
    }
    #expect(try transaction.liveByteCount() == live.values.reduce(0, +))
  }
}

/// Every pin, page by page.
func allPins(_ store: BlockStore) throws -> [ContentPin] {
  var pins: [ContentPin] = []
  while case let page = try store.pins(after: pins.last?.cid), !page.isEmpty { pins += page }
  return pins
}
