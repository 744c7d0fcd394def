public import ContentStore
public import Cryptography
import Glibc
public import Primitives
import Telemetry

extension BlockStore {
  /// Returns a block, its digest checked unless the caller does that itself.
  ///
  /// Reads the disk on the caller's thread: never call it on an event loop, use `read` there.
  public func get(_ digest: Digest, verifying: Bool = true) throws(BlockStoreError) -> Bytes {
    let files = try open()
    guard let block = try stored(digest, files),
      !verifying || block.withUnsafeBytes({ SHA256.hash($0) }) == digest
    else {
      damaged.insert(digest)
      throw .corrupt(digest)
    }
    return block
  }

  /// The bytes where the index says; nil when they are not there.
  private func stored(_ digest: Digest, _ files: Files) throws(BlockStoreError) -> Bytes? {
    try found(digest, files) { segment, location throws(BlockStoreError) in
      try segment.block(at: location)
    }
  }

  /// What `read` makes of the place that the index names; nil when there is no such file.
  private func found<Result>(
    _ digest: Digest, _ files: Files,
    _ read: (SegmentFile, SegmentLocation) throws(BlockStoreError) -> Result?
  ) throws(BlockStoreError) -> Result? {
    var missing: SegmentLocation?
    while true {
      guard let location = try files.index.entry(digest)?.location else {
        throw .notFound(digest)
      }
      // A compaction may delete the file between the look-up and the opening; then the index points
      // elsewhere by now.
      if location == missing { return nil }
      do throws(BlockStoreError) {
        return try read(try files.segments.segment(location.segment), location)
      } catch .system(_, _, ENOENT) { missing = location }
    }
  }

  /// Returns a block, read and checked on the store's reader thread.
  public func read(_ digest: Digest) async throws(BlockStoreError) -> Bytes {
    try await onReaderThread { store throws(BlockStoreError) in try store.get(digest) }
  }

  /// Whether the store has the block.
  public func contains(_ digest: Digest) throws(BlockStoreError) -> Bool {
    try open().index.entry(digest) != nil
  }

  /// The bytes that a block takes on the disk, fewer than it has where it is compressed; 0 for one
  /// that is not stored.
  package func storedByteCount(_ cid: CID) throws(BlockStoreError) -> Int {
    guard let digest = try digest(of: cid) else { return 0 }
    return Int(try open().index.entry(digest)?.location.payloadByteCount ?? 0)
  }

  /// The SHA-256 under which the store has what `cid` names: for one of another hash function that
  /// of the block stored under it. Nil where none was, and for inline content.
  public func digest(of cid: CID) throws(BlockStoreError) -> Digest? {
    guard cid.digest == nil, cid.inlineBlock == nil else { return cid.digest }
    let name = cid.multihash.bytes
    return try open().index.read { transaction throws(BlockStoreError) in
      try transaction.digest(named: name)
    }
  }

  /// How many pins hold the block; 0 for one that may be collected.
  public func references(of digest: Digest) throws(BlockStoreError) -> Int {
    let entry = try open().index.entry(digest)
    guard let entry else { throw .notFound(digest) }
    return Int(entry.references)
  }

  /// The blocks behind `start` in the order of their digests, at most a page of them: ask again
  /// behind the last one until none is left. No writer waits for it.
  public func digests(after start: Digest? = nil) throws(BlockStoreError) -> [Digest] {
    try open().index.read { transaction throws(BlockStoreError) in
      try transaction.blocks(after: start, limit: BlockStoreLimits.blocksPerReadMax).map(\.digest)
    }
  }

  /// What the store holds; costs the same however much that is.
  public func status() throws(BlockStoreError) -> BlockStoreStatus {
    let files = try open()
    let sizes = try segmentSizes(files)
    let indexByteCount = try files.index.usedByteCount()
    return try files.index.read { transaction throws(BlockStoreError) in
      BlockStoreStatus(
        blockCount: try transaction.blockCount(),
        unreferencedCount: try transaction.unreferencedCount(),
        pinCount: try transaction.pinCount(), segmentCount: sizes.count,
        segmentByteCount: sizes.reduce(0) { $0 + $1.byteCount },
        liveByteCount: try transaction.liveByteCount(), indexByteCount: indexByteCount)
    }
  }

  /// The sizes of all segment files.
  func segmentSizes(
    _ files: Files
  ) throws(BlockStoreError) -> [(number: UInt32, byteCount: UInt64)] {
    var sizes: [(number: UInt32, byteCount: UInt64)] = []
    for number in try files.segments.numbers() {
      if let size = try files.segments.byteCount(of: number) { sizes.append((number, size)) }
    }
    return sizes
  }

  /// Blocks that readers found damaged since the store was opened and that were not mended.
  package var damagedBlockCount: Int { damaged.count }

  /// Remembers that a reader found the block damaged, so that the next put writes it anew.
  package func noteDamage(_ digest: Digest) { damaged.insert(digest) }
}

extension BlockStore {
  /// A block as it was stored, which is after it was hashed: its record's checksum is right, which
  /// takes a fraction of a hash to see. For whoever gives the block to somebody who hashes it.
  package func storedBlock(_ cid: CID) throws -> ContentBlock {
    if let block = cid.inlineBlock { return ContentBlock(trusting: cid, block) }
    guard let digest = try digest(of: cid) else { throw ContentError.missingBlock(cid) }
    do throws(BlockStoreError) {
      let record = try found(digest, try open()) { segment, location throws(BlockStoreError) in
        try segment.record(at: location)
      }
      guard let record, record.digest == digest, let block = record.block else {
        noteDamage(digest)
        throw .corrupt(digest)
      }
      return ContentBlock(trusting: cid, block)
    } catch .notFound { throw ContentError.missingBlock(cid) }
  }
}

extension BlockStore: BlockSource {
  /// Returns a block for a reader that checks it against its CID.
  public func block(_ cid: CID) throws -> Bytes {
    if let block = cid.inlineBlock { return block }
    guard let digest = try digest(of: cid) else { throw ContentError.missingBlock(cid) }
    do throws(BlockStoreError) {
      return try get(digest, verifying: false)
    } catch .notFound { throw ContentError.missingBlock(cid) }
  }
}
