import CLMDB
import Cryptography
import Primitives

/// What the index knows of a block.
struct BlockIndexEntry: Equatable {
  static let byteCount = 20

  var location: SegmentLocation
  /// How many times the block was retained and not released.
  var references: UInt32
}

/// Up to where the segments are indexed; what lies behind is looked through at the next start.
struct SegmentTail: Equatable, Sendable {
  static let byteCount = 12

  var segment: UInt32
  var offset: UInt64
}

/// A transaction on the index; valid until the function that began it returns.
struct BlockIndexTransaction {
  private static let tailKey = Bytes("tail".utf8)

  let handle: OpaquePointer?
  let blocks: MDB_dbi
  let meta: MDB_dbi
  let path: String

  /// The number of blocks.
  func blockCount() throws(BlockStoreError) -> Int {
    var status = MDB_stat()
    try check("inspect", mdb_stat(handle, blocks, &status))
    return status.ms_entries
  }

  /// The entry of a block, if it has one.
  func entry(_ digest: Digest) throws(BlockStoreError) -> BlockIndexEntry? {
    try value(of: digest.bytes, in: blocks, byteCount: BlockIndexEntry.byteCount)
      .map(BlockIndexEntry.init(decoding:))
  }

  /// Sets the entry of a block.
  func set(_ entry: BlockIndexEntry, for digest: Digest) throws(BlockStoreError) {
    try put(digest.bytes, entry.encoded, in: blocks)
  }

  /// Up to where the segments are indexed; nil in a new index.
  func tail() throws(BlockStoreError) -> SegmentTail? {
    try value(of: Self.tailKey, in: meta, byteCount: SegmentTail.byteCount)
      .map(SegmentTail.init(decoding:))
  }

  /// Records up to where the segments are indexed.
  func set(_ tail: SegmentTail) throws(BlockStoreError) {
    try put(Self.tailKey, tail.encoded, in: meta)
  }

  private func value(
    of key: Bytes, in database: MDB_dbi, byteCount: Int
  ) throws(BlockStoreError) -> Bytes? {
    var found: Bytes?
    var key = key
    let status = key.withUnsafeMutableBytes { buffer in
      var name = MDB_val(mv_size: buffer.count, mv_data: buffer.baseAddress)
      var value = MDB_val()
      let status = mdb_get(handle, database, &name, &value)
      if status == 0 {
        // The map's page is valid only until the transaction ends, so the bytes are copied.
        found = Bytes(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
      }
      return status
    }
    if status == MDB_NOTFOUND { return nil }
    try check("look up", status)
    guard let found, found.count == byteCount else {
      throw .unsupportedFormat(path: path)
    }
    return found
  }

  private func put(_ key: Bytes, _ value: Bytes, in database: MDB_dbi) throws(BlockStoreError) {
    var key = key
    var value = value
    let status = key.withUnsafeMutableBytes { keyBuffer in
      value.withUnsafeMutableBytes { valueBuffer in
        var name = MDB_val(mv_size: keyBuffer.count, mv_data: keyBuffer.baseAddress)
        var content = MDB_val(mv_size: valueBuffer.count, mv_data: valueBuffer.baseAddress)
        return mdb_put(handle, database, &name, &content, 0)
      }
    }
    try check("write", status)
  }

  private func check(_ operation: String, _ code: Int32) throws(BlockStoreError) {
    if code == 0 { return }
    if code > 0 { throw .failed(operation, path, code) }
    throw .index(operation: operation, code: code)
  }
}

// MARK: - Encodings, little-endian

extension BlockIndexEntry {
  fileprivate var encoded: Bytes {
    SegmentBytes.bytes(location.segment) + SegmentBytes.bytes(location.offset)
      + SegmentBytes.bytes(location.payloadByteCount) + SegmentBytes.bytes(references)
  }

  fileprivate init(decoding bytes: Bytes) {
    location = SegmentLocation(
      segment: SegmentBytes.integer(bytes[0..<4]), offset: SegmentBytes.integer(bytes[4..<12]),
      payloadByteCount: SegmentBytes.integer(bytes[12..<16]))
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
