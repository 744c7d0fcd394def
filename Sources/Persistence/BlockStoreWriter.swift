import Cryptography
import Primitives

/// The writing half of a store, confined to its one thread.
///
/// Group commit: all requests that wait are written, synced once, indexed in one transaction and
/// then acknowledged. The sync comes before the transaction, so the index never points at bytes
/// that a power failure can take away.
struct BlockStoreWriter {
  /// Payloads up to this are gathered into one write; larger ones are written from where they are.
  private static let gatheredByteCountMax = 64 << 10
  /// A gathered write of this size costs little more than its copy.
  private static let stagingByteCountMax = 1 << 20

  private struct Change {
    var location: SegmentLocation?
    var references = 0
  }

  private let segments: SegmentDirectory
  private let index: BlockIndex
  private let damaged: BlockStoreDamage
  private let segmentByteCountMax: UInt64

  private var segment: SegmentFile
  /// Where the next record goes.
  private var end: SegmentTail
  /// Up to where everything is synced and indexed.
  private var committed: SegmentTail
  private var staging = Bytes()
  private var writtenBack: UInt64
  private var unsynced: UInt64 = 0

  /// Changes of the index that wait for the commit, in the order of their coming.
  private var changes: [Digest: Change] = [:]
  private var tickets: [BlockStoreTicket] = []
  private var answers: [BlockStoreRequest] = []
  /// Set after a failed sync: the kernel may have dropped the bytes, so only a restart can tell.
  private var isBroken = false

  init(
    segments: SegmentDirectory, index: BlockIndex, damaged: BlockStoreDamage, tail: SegmentTail,
    segmentByteCountMax: UInt64
  ) throws(BlockStoreError) {
    self.segments = segments
    self.index = index
    self.damaged = damaged
    self.segmentByteCountMax = segmentByteCountMax
    segment = try SegmentFile.open(tail.segment, in: segments.path, writing: true)
    end = tail
    committed = tail
    writtenBack = tail.offset
  }

  /// Serves requests until the queue is closed and empty.
  mutating func run(_ queue: BlockStoreQueue<BlockStoreRequest>) {
    while let requests = queue.takeAll() {
      for request in requests { take(request) }
      if !answers.isEmpty || unsynced >= BlockStoreLimits.unsyncedByteCountMax { commit() }
    }
    commit()
  }

  private mutating func take(_ request: BlockStoreRequest) {
    if tickets.last !== request.ticket { tickets.append(request.ticket) }
    if request.acknowledge != nil { answers.append(request) }
    if isBroken { request.ticket.fail(.closed) }
    guard request.ticket.error == nil else { return }
    do throws(BlockStoreError) {
      switch request.work {
      case .store(let records, let retaining):
        for record in records { try store(record) }
        if retaining { try count(records.map(\.digest), by: 1) }
        try flushStaging()
      case .retain(let digests): try count(digests, by: 1)
      case .release(let digests): try count(digests, by: -1)
      }
    } catch .notReferenced(let digest) {
      request.ticket.fail(.notReferenced(digest))
    } catch .notFound(let digest) {
      request.ticket.fail(.notFound(digest))
    } catch {
      fail(error)
    }
  }

  // MARK: - Records

  private mutating func store(_ record: SegmentRecord) throws(BlockStoreError) {
    guard changes[record.digest]?.location == nil else { return }
    if try isIndexed(record.digest) { return }
    try makeRoom(for: record)
    let location = SegmentLocation(
      segment: end.segment, offset: end.offset, payloadByteCount: UInt32(record.payload.count))
    try append(record)
    changes[record.digest, default: Change()].location = location
  }

  private func isIndexed(_ digest: Digest) throws(BlockStoreError) -> Bool {
    if damaged.contains(digest) { return false }
    return try index.entry(digest) != nil
  }

  private mutating func makeRoom(for record: SegmentRecord) throws(BlockStoreError) {
    let isEmpty = end.offset == UInt64(SegmentFile.headerByteCount)
    guard !isEmpty, end.offset + UInt64(record.byteCount) > segmentByteCountMax else { return }
    try flushStaging()
    // A commit syncs the current segment alone, so the full one is synced before it is left.
    try synchronizeSegment()
    segment = try SegmentFile.create(end.segment + 1, in: segments.path)
    end = SegmentTail(segment: segment.number, offset: UInt64(SegmentFile.headerByteCount))
    writtenBack = end.offset
  }

  private mutating func append(_ record: SegmentRecord) throws(BlockStoreError) {
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
  }

  private mutating func flushStaging() throws(BlockStoreError) {
    guard !staging.isEmpty else { return }
    try segment.write([staging], at: end.offset - UInt64(staging.count))
    staging.removeAll(keepingCapacity: true)
    if end.offset - writtenBack >= BlockStoreLimits.writeBackByteCount {
      segment.startWriteBack(from: writtenBack, byteCount: end.offset - writtenBack)
      writtenBack = end.offset
    }
  }

  // MARK: - References

  private mutating func count(_ digests: [Digest], by step: Int) throws(BlockStoreError) {
    var new: [Digest: Int] = [:]
    for digest in digests { new[digest, default: 0] += step }
    for (digest, step) in new {
      let held = try references(digest)
      if held + step < 0 { throw .notReferenced(digest) }
    }
    for (digest, step) in new { changes[digest, default: Change()].references += step }
  }

  private func references(_ digest: Digest) throws(BlockStoreError) -> Int {
    let change = changes[digest]
    let entry = try index.entry(digest)
    guard entry != nil || change?.location != nil else { throw .notFound(digest) }
    return Int(entry?.references ?? 0) + (change?.references ?? 0)
  }

  // MARK: - Commit

  private mutating func commit() {
    if isBroken { return finish() }
    do throws(BlockStoreError) {
      try flushStaging()
      if end != committed { try synchronizeSegment() }
      if !changes.isEmpty || end != committed { try commitIndex() }
      committed = end
      damaged.remove(changes.filter { $0.value.location != nil }.keys)
      finish()
    } catch {
      fail(error)
      finish()
    }
  }

  private mutating func synchronizeSegment() throws(BlockStoreError) {
    do throws(BlockStoreError) { try segment.synchronize() } catch {
      isBroken = true
      throw error
    }
  }

  private mutating func commitIndex() throws(BlockStoreError) {
    do throws(BlockStoreError) { try updateIndex() } catch {
      // A full disk stops LMDB before it changes its root. After any other failure the new root may
      // stand on the disk, so the bytes it points to must stay: only a restart can tell.
      if case .diskFull = error {} else { isBroken = true }
      throw error
    }
  }

  private func updateIndex() throws(BlockStoreError) {
    try index.write { transaction throws(BlockStoreError) in
      // In digest order the B-tree is walked once from left to right.
      for (digest, change) in changes.sorted(by: { $0.key < $1.key }) {
        let old = try transaction.entry(digest)
        guard let location = change.location ?? old?.location else { continue }
        let references = Int(old?.references ?? 0) + change.references
        let entry = BlockIndexEntry(
          location: location, references: UInt32(clamping: references))
        if entry != old { try transaction.set(entry, for: digest) }
      }
      try transaction.set(end)
    }
  }

  /// Undoes everything that is not committed; every caller with a part in it is told.
  private mutating func fail(_ error: BlockStoreError) {
    for ticket in tickets { ticket.fail(error) }
    staging.removeAll()
    changes = [:]
    unsynced = 0
    guard !isBroken else { return }
    do throws(BlockStoreError) {
      try dropSegments(after: committed.segment)
      if segment.number != committed.segment {
        segment = try SegmentFile.open(committed.segment, in: segments.path, writing: true)
      }
      try segment.truncate(to: committed.offset)
      end = committed
      writtenBack = committed.offset
    } catch { isBroken = true }
  }

  private func dropSegments(after last: UInt32) throws(BlockStoreError) {
    for number in try segments.numbers() where number > last { try segments.remove(number) }
  }

  private mutating func finish() {
    for request in answers {
      request.acknowledge?(request.ticket.error.map(Result.failure) ?? .success(()))
    }
    answers = []
    tickets = []
    changes = [:]
    unsynced = 0
  }
}
