import Cryptography
import Primitives

/// Brings index and segments together at the start: records that reached the disk but not the
/// index are indexed, and what follows the last whole record is cut off.
struct BlockStoreRecovery {
  /// Records indexed in one transaction: bounds its memory while a lost index is rebuilt.
  private static let recordsPerTransaction = 1_024

  let segments: SegmentDirectory
  let index: BlockIndex

  /// Returns the place where the next record goes.
  func run() throws(BlockStoreError) -> SegmentTail {
    let numbers = try segments.numbers()
    let indexed = try index.read { transaction throws(BlockStoreError) in try transaction.tail() }
    guard let last = numbers.last else {
      return try startSegment(indexed.map { $0.segment + 1 } ?? 0)
    }
    var end = SegmentTail(segment: last, offset: UInt64(SegmentFile.headerByteCount))
    for number in numbers where number >= indexed?.segment ?? 0 {
      let file = try SegmentFile.open(number, in: segments.path, writing: true)
      let start = number == indexed?.segment ? indexed?.offset : nil
      let offset = try scan(file, from: start ?? UInt64(SegmentFile.headerByteCount))
      end = SegmentTail(segment: number, offset: offset)
    }
    // Indexed bytes are missing: nothing may be written over the places the index points to.
    if let indexed, indexed.segment > last || indexed.segment == end.segment && isShort(end) {
      return try startSegment(max(indexed.segment, last) + 1)
    }
    try index.write { transaction throws(BlockStoreError) in try transaction.set(end) }
    return end
  }

  private func isShort(_ tail: SegmentTail) -> Bool {
    guard let size = try? segments.segment(tail.segment).byteCount() else { return true }
    return size < tail.offset
  }

  private func startSegment(_ number: UInt32) throws(BlockStoreError) -> SegmentTail {
    let file = try SegmentFile.create(number, in: segments.path)
    let tail = SegmentTail(segment: file.number, offset: UInt64(SegmentFile.headerByteCount))
    try index.write { transaction throws(BlockStoreError) in try transaction.set(tail) }
    return tail
  }

  /// Indexes the whole records behind `start`, cuts the rest off and returns the new end.
  private func scan(_ file: SegmentFile, from start: UInt64) throws(BlockStoreError) -> UInt64 {
    let size = try file.byteCount()
    guard size > start else { return start }
    var end = start
    var found: [(Digest, SegmentLocation)] = []
    while let record = try record(in: file, at: end) {
      let location = SegmentLocation(
        record, at: SegmentTail(segment: file.number, offset: end))
      found.append((record.digest, location))
      end += UInt64(record.byteCount)
      if found.count == Self.recordsPerTransaction {
        try file.synchronize()
        try add(found, upTo: SegmentTail(segment: file.number, offset: end))
        found = []
      }
    }
    if end < size { try file.truncate(to: end) }
    // The records were perhaps never synced; the index must not be faster than they are.
    try file.synchronize()
    try add(found, upTo: SegmentTail(segment: file.number, offset: end))
    return end
  }

  private func record(
    in file: SegmentFile, at offset: UInt64
  ) throws(BlockStoreError) -> SegmentRecord? {
    let bytes = try file.read(SegmentRecord.headerByteCount, at: offset)
    guard let header = SegmentRecord.Header(bytes) else { return nil }
    return SegmentRecord(decoding: try file.read(header.recordByteCount, at: offset))
  }

  private func add(
    _ records: [(Digest, SegmentLocation)], upTo tail: SegmentTail
  ) throws(BlockStoreError) {
    try index.write { transaction throws(BlockStoreError) in
      var live: [UInt32: Int64] = [:]
      let sequence = try transaction.sequence()
      for (digest, location) in records where try transaction.entry(digest) == nil {
        try transaction.set(BlockIndexEntry(location: location, references: 0), for: digest)
        try transaction.setUnreferenced(digest, since: sequence)
        live[location.segment, default: 0] += location.recordByteCount
      }
      try transaction.addLiveBytes(live)
      try transaction.set(tail)
    }
  }
}
