import Cryptography
import Primitives

/// What the index knows of a block.
struct BlockIndexEntry: Equatable {
  /// Of a block that is stored as it is; one that is not has its encoding behind (1 byte).
  static let byteCount = 20

  var location: SegmentLocation
  /// How many pins hold the block.
  var references: UInt32
}

/// Up to where the segments are indexed; what lies behind is looked through at the next start.
struct SegmentTail: Equatable, Sendable {
  static let byteCount = 12

  var segment: UInt32
  var offset: UInt64
}

/// Blocks, the ones among them that nothing refers to, and the live bytes of each segment.
extension BlockIndexTransaction {
  private enum Key {
    static let tail = Bytes("tail".utf8)
    static let sequence = Bytes("sequence".utf8)
    static let format = Bytes("format".utf8)
  }

  private static let integerByteCount = 8

  /// The number of blocks.
  func blockCount() throws(BlockStoreError) -> Int { try count(of: databases.blocks) }

  /// The number of blocks that nothing refers to.
  func unreferencedCount() throws(BlockStoreError) -> Int { try count(of: databases.unreferenced) }

  /// The entry of a block, if it has one.
  func entry(_ digest: Digest) throws(BlockStoreError) -> BlockIndexEntry? {
    guard let bytes = try value(of: digest.bytes, in: databases.blocks) else { return nil }
    return try entry(decoding: bytes)
  }

  /// Up to `limit` blocks behind `start`, in order of their digests.
  func blocks(
    after start: Digest?, limit: Int
  ) throws(BlockStoreError) -> [(digest: Digest, entry: BlockIndexEntry)] {
    var found: [(digest: Digest, entry: BlockIndexEntry)] = []
    for (key, value) in try entries(of: databases.blocks, after: start?.bytes, limit: limit) {
      found.append((try digest(key), try entry(decoding: value)))
    }
    return found
  }

  /// Sets the entry of a block.
  func set(_ entry: BlockIndexEntry, for digest: Digest) throws(BlockStoreError) {
    try put(digest.bytes, entry.encoded, in: databases.blocks)
  }

  /// Forgets a block.
  func removeBlock(_ digest: Digest) throws(BlockStoreError) {
    try remove(digest.bytes, from: databases.blocks)
  }

  private func entry(decoding bytes: Bytes) throws(BlockStoreError) -> BlockIndexEntry {
    guard let entry = BlockIndexEntry(decoding: bytes) else {
      throw .unsupportedFormat(path: path)
    }
    return entry
  }

  func digest(_ key: Bytes) throws(BlockStoreError) -> Digest {
    guard let digest = try? Digest(bytes: key) else { throw .unsupportedFormat(path: path) }
    return digest
  }

  // MARK: - Blocks that nothing refers to

  /// Notes that nothing refers to a block, as of the commit number `sequence`.
  func setUnreferenced(_ digest: Digest, since sequence: UInt64) throws(BlockStoreError) {
    try put(digest.bytes, SegmentBytes.bytes(sequence), in: databases.unreferenced)
  }

  /// Notes that something refers to a block.
  func setReferenced(_ digest: Digest) throws(BlockStoreError) {
    try remove(digest.bytes, from: databases.unreferenced)
  }

  /// The number of the commit since which nothing refers to a block; nil where something does.
  func unreferencedSince(_ digest: Digest) throws(BlockStoreError) -> UInt64? {
    try value(of: digest.bytes, in: databases.unreferenced).map { (bytes) throws(BlockStoreError) in
      try integer(bytes)
    }
  }

  /// Up to `limit` blocks that nothing refers to, behind `start`, each with the commit number.
  func unreferenced(
    after start: Digest?, limit: Int
  ) throws(BlockStoreError) -> [(digest: Digest, sequence: UInt64)] {
    var found: [(digest: Digest, sequence: UInt64)] = []
    let entries = try entries(of: databases.unreferenced, after: start?.bytes, limit: limit)
    for (key, value) in entries { found.append((try digest(key), try integer(value))) }
    return found
  }

  // MARK: - Segments

  /// The bytes of a segment's records that the index points to.
  func liveByteCount(_ segment: UInt32) throws(BlockStoreError) -> UInt64 {
    guard let bytes = try value(of: segmentKey(segment), in: databases.segments) else { return 0 }
    return try integer(bytes)
  }

  /// The live bytes of all segments.
  func liveByteCount() throws(BlockStoreError) -> UInt64 {
    var total: UInt64 = 0
    for (_, value) in try entries(of: databases.segments, after: nil, limit: .max) {
      total += try integer(value)
    }
    return total
  }

  /// Counts live bytes of segments more or less.
  func addLiveBytes(_ differences: [UInt32: Int64]) throws(BlockStoreError) {
    for (segment, difference) in differences.sorted(by: { $0.key < $1.key }) where difference != 0 {
      let old = Int64(clamping: try liveByteCount(segment))
      let (sum, overflow) = old.addingReportingOverflow(difference)
      // A damaged index could count below zero; a wrong figure only delays a compaction.
      let new = UInt64(clamping: overflow ? old : sum)
      if new == 0 {
        try remove(segmentKey(segment), from: databases.segments)
      } else {
        try put(segmentKey(segment), SegmentBytes.bytes(new), in: databases.segments)
      }
    }
  }

  /// Big-endian, so that the segments stand in their order.
  private func segmentKey(_ segment: UInt32) -> Bytes { SegmentBytes.bytes(segment.byteSwapped) }

  // MARK: - Meta

  /// Up to where the segments are indexed; nil in a new index.
  func tail() throws(BlockStoreError) -> SegmentTail? {
    guard let bytes = try value(of: Key.tail, in: databases.meta) else { return nil }
    guard bytes.count == SegmentTail.byteCount else { throw .unsupportedFormat(path: path) }
    return SegmentTail(decoding: bytes)
  }

  /// Records up to where the segments are indexed.
  func set(_ tail: SegmentTail) throws(BlockStoreError) {
    try put(Key.tail, tail.encoded, in: databases.meta)
  }

  /// The number of the last commit.
  func sequence() throws(BlockStoreError) -> UInt64 {
    guard let bytes = try value(of: Key.sequence, in: databases.meta) else { return 0 }
    return try integer(bytes)
  }

  /// Records the number of a commit.
  func set(sequence: UInt64) throws(BlockStoreError) {
    try put(Key.sequence, SegmentBytes.bytes(sequence), in: databases.meta)
  }

  /// The version of the index's databases; 1 before there were pins.
  func formatVersion() throws(BlockStoreError) -> UInt64 {
    guard let bytes = try value(of: Key.format, in: databases.meta) else { return 1 }
    return try integer(bytes)
  }

  /// Records the version of the index's databases.
  func set(formatVersion: UInt64) throws(BlockStoreError) {
    try put(Key.format, SegmentBytes.bytes(formatVersion), in: databases.meta)
  }

  private func integer(_ bytes: Bytes) throws(BlockStoreError) -> UInt64 {
    guard bytes.count == Self.integerByteCount else { throw .unsupportedFormat(path: path) }
    return SegmentBytes.integer(bytes)
  }
}

// MARK: - Encodings, little-endian

extension BlockIndexEntry {
  fileprivate var encoded: Bytes {
    var bytes = Bytes()
    bytes.reserveCapacity(Self.byteCount + 1)
    SegmentBytes.append(location.segment, to: &bytes)
    SegmentBytes.append(location.offset, to: &bytes)
    SegmentBytes.append(location.payloadByteCount, to: &bytes)
    SegmentBytes.append(references, to: &bytes)
    if location.encoding != .plain { bytes.append(location.encoding.rawValue) }
    return bytes
  }

  fileprivate init?(decoding bytes: Bytes) {
    let encodings = bytes.dropFirst(Self.byteCount)
    guard bytes.count >= Self.byteCount, encodings.count <= 1,
      let encoding = SegmentEncoding(rawValue: encodings.first ?? 0)
    else { return nil }
    location = SegmentLocation(
      segment: SegmentBytes.integer(bytes[0..<4]), offset: SegmentBytes.integer(bytes[4..<12]),
      payloadByteCount: SegmentBytes.integer(bytes[12..<16]), encoding: encoding)
    references = SegmentBytes.integer(bytes[16..<20])
  }
}

extension SegmentTail {
  fileprivate var encoded: Bytes { SegmentBytes.bytes(segment) + SegmentBytes.bytes(offset) }

  fileprivate init(decoding bytes: Bytes) {
    segment = SegmentBytes.integer(bytes[0..<4])
    offset = SegmentBytes.integer(bytes[4..<12])
  }
}
