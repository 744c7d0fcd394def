/// Where a record lies, and how to read it.
struct SegmentLocation: Equatable, Sendable {
  let segment: UInt32
  /// Of the record's header, from the start of the file.
  let offset: UInt64
  let payloadByteCount: UInt32
  let encoding: SegmentEncoding

  /// The bytes that the record takes.
  var recordByteCount: Int64 {
    Int64(SegmentRecord.headerByteCount + SegmentRecord.trailerByteCount) + Int64(payloadByteCount)
  }
}

extension SegmentLocation {
  /// The place of a record that is written at `tail`.
  init(_ record: SegmentRecord, at tail: SegmentTail) {
    self.init(
      segment: tail.segment, offset: tail.offset, payloadByteCount: UInt32(record.payload.count),
      encoding: record.encoding)
  }

  /// The place of a record whose header was read at `offset`.
  init(_ header: SegmentRecord.Header, segment: UInt32, offset: UInt64) {
    self.init(
      segment: segment, offset: offset, payloadByteCount: UInt32(header.payloadByteCount),
      encoding: header.encoding)
  }
}

/// How much of a segment file is in use.
struct SegmentUse: Equatable {
  let number: UInt32
  let byteCount: UInt64
  let liveByteCount: UInt64

  /// The bytes of records that the index does not point to.
  var deadByteCount: UInt64 {
    let header = UInt64(SegmentFile.headerByteCount)
    return byteCount - min(byteCount, liveByteCount + min(header, byteCount))
  }

  /// Whether more than half is dead: copying the rest then frees more than it writes.
  var isMostlyDead: Bool { deadByteCount > byteCount / 2 }
}
