import ContentStore
import Cryptography
import Primitives

/// How records reach the segment files.
extension BlockStoreWriter {
  /// Payloads up to this are gathered into one write; larger ones are written from where they are.
  private static let gatheredByteCountMax = 64 << 10
  /// A gathered write of this size costs little more than its copy.
  private static let stagingByteCountMax = 1 << 20

  /// Writes a record unless the store has it.
  mutating func store(_ record: SegmentRecord) throws(BlockStoreError) {
    if let name = record.otherName { changes.names[name] = record.digest }
    guard changes.blocks[record.digest]?.location == nil else { return }
    if !damaged.contains(record.digest), let entry = try index.entry(record.digest) {
      // What nothing refers to must not be collected under the one who stores it again.
      if entry.references == 0 {
        changes.blocks[record.digest, default: .init()].isTouched = true
      }
      return
    }
    let location = try append(record)
    changes.blocks[record.digest, default: .init()].location = location
  }

  /// Writes a copy of a record that lies elsewhere.
  mutating func copy(_ move: SegmentMove) throws(BlockStoreError) {
    let target = try append(move.record)
    changes.blocks[move.record.digest, default: .init()].move = (move.source, target)
  }

  private mutating func append(
    _ record: SegmentRecord
  ) throws(BlockStoreError) -> SegmentLocation {
    try makeRoom(for: record)
    reserveSpace()
    let location = SegmentLocation(record, at: end)
    staging += record.header
    if record.payload.count <= Self.gatheredByteCountMax {
      staging += record.payload
    } else {
      let start = end.offset + UInt64(SegmentRecord.headerByteCount) - UInt64(staging.count)
      try segment.write([staging, record.payload], at: start)
      staging.removeAll(keepingCapacity: true)
    }
    staging += record.trailer
    end.offset += UInt64(record.byteCount)
    unsynced += UInt64(record.byteCount)
    if staging.count >= Self.stagingByteCountMax { try flushStaging() }
    return location
  }

  private mutating func makeRoom(for record: SegmentRecord) throws(BlockStoreError) {
    let isEmpty = end.offset == UInt64(SegmentFile.headerByteCount)
    guard !isEmpty, end.offset + UInt64(record.byteCount) > segmentByteCountMax else { return }
    try beginSegment()
  }

  /// Writes go to a new segment from here on.
  private mutating func beginSegment() throws(BlockStoreError) {
    try flushStaging()
    // A commit syncs the current segment alone, so the full one is synced before it is left.
    try synchronizeSegment()
    releaseSpace()
    segment = try SegmentFile.create(end.segment + 1, in: segments.path)
    end = SegmentTail(segment: segment.number, offset: UInt64(SegmentFile.headerByteCount))
    writtenBack = end.offset
  }

  /// Reserves the next piece of the segment while much is written.
  private mutating func reserveSpace() {
    guard unsynced >= BlockStoreLimits.unreservedByteCountMax, end.offset >= reserved else {
      return
    }
    let next = min(end.offset + BlockStoreLimits.reservedByteCount, segmentByteCountMax)
    guard next > end.offset else { return }
    segment.reserveSpace(from: end.offset, byteCount: next - end.offset)
    reserved = next
  }

  /// Gives back what was reserved and not used.
  mutating func releaseSpace() {
    if reserved > end.offset { segment.releaseSpace() }
    reserved = 0
  }

  /// Begins a new segment where most of the current one is dead, so that it can be compacted.
  mutating func leaveSegment() throws(BlockStoreError) {
    let number = end.segment
    let live = try index.read { transaction throws(BlockStoreError) in
      try transaction.liveByteCount(number)
    }
    let size = end.offset
    guard size > UInt64(SegmentFile.headerByteCount),
      SegmentUse(number: number, byteCount: size, liveByteCount: live).isMostlyDead
    else { return }
    try beginSegment()
  }

  /// Hands gathered records to the kernel.
  mutating func flushStaging() throws(BlockStoreError) {
    guard !staging.isEmpty else { return }
    try segment.write([staging], at: end.offset - UInt64(staging.count))
    staging.removeAll(keepingCapacity: true)
    if end.offset - writtenBack >= BlockStoreLimits.writeBackByteCount {
      segment.startWriteBack(from: writtenBack, byteCount: end.offset - writtenBack)
      writtenBack = end.offset
    }
  }
}
