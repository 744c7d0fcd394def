import ContentStore
import Cryptography
import Primitives

/// The writing half of a store, confined to its one thread.
///
/// Group commit: all requests that wait are written, synced once, indexed in one transaction and
/// then acknowledged. The sync comes before the transaction, so the index never points at bytes
/// that a power failure can take away.
struct BlockStoreWriter {
  let segments: SegmentDirectory
  let index: BlockIndex
  let damaged: BlockStoreDamage
  let sequences: BlockStoreSequences
  let segmentByteCountMax: UInt64

  var segment: SegmentFile
  /// Where the next record goes.
  var end: SegmentTail
  /// Up to where everything is synced and indexed.
  var committed: SegmentTail
  /// Small records on their way to the file.
  var staging = Bytes()
  var writtenBack: UInt64
  /// Up to where the current segment has space, where that is more than its bytes.
  var reserved: UInt64 = 0
  var unsynced: UInt64 = 0
  var changes = BlockStoreChanges()

  private var tickets: [BlockStoreTicket] = []
  private var answers: [BlockStoreRequest] = []
  /// Set after a failed sync: the kernel may have dropped the bytes, so only a restart can tell.
  private var isBroken = false

  init(
    segments: SegmentDirectory, index: BlockIndex, damaged: BlockStoreDamage,
    sequences: BlockStoreSequences, tail: SegmentTail, segmentByteCountMax: UInt64
  ) throws(BlockStoreError) {
    self.segments = segments
    self.index = index
    self.damaged = damaged
    self.sequences = sequences
    self.segmentByteCountMax = segmentByteCountMax
    segment = try SegmentFile.open(tail.segment, in: segments.path, writing: true)
    end = tail
    committed = tail
    writtenBack = tail.offset
  }

  /// Serves requests until the queue is closed and empty.
  mutating func run(_ queue: BlockStoreQueue<BlockStoreRequest>) {
    while let requests = queue.takeAll() {
      for request in requests {
        if request.work.standsAlone { commit() }
        take(request)
      }
      if !answers.isEmpty || isFull { commit() }
    }
    commit()
  }

  /// Whether so much waits that nobody's patience bounds it any more.
  private var isFull: Bool {
    unsynced >= BlockStoreLimits.unsyncedByteCountMax
      || changes.blocks.count >= BlockStoreLimits.pendingBlocksMax
  }

  private mutating func take(_ request: BlockStoreRequest) {
    if tickets.last !== request.ticket { tickets.append(request.ticket) }
    if request.acknowledge != nil { answers.append(request) }
    if isBroken { request.ticket.fail(.closed) }
    guard request.ticket.error == nil else { return }
    do throws(BlockStoreError) {
      try serve(request.work)
    } catch {
      switch error {
      case .notFound, .notReferenced, .notPinned, .pinnedRecursively: request.ticket.fail(error)
      default: fail(error)
      }
    }
  }

  private mutating func serve(_ work: BlockStoreRequest.Work) throws(BlockStoreError) {
    switch work {
    case .store(let records, let pinned):
      for record in records { try store(record) }
      for blocks in pinned { try set(blocks.pin, holding: blocks.digests) }
      try flushStaging()
    case .unpin(let cid, let kind, let digests): try unset(cid, kind, holding: digests)
    case .move(let moves):
      for move in moves { try copy(move) }
      try flushStaging()
    case .collect(let step): try collect(step)
    case .forgetNames(let names): try forget(names)
    case .leaveSegment: try leaveSegment()
    case .forgetSegment(let number): try forget(number)
    }
  }

  // MARK: - Commit

  private mutating func commit() {
    if isBroken { return finish() }
    do throws(BlockStoreError) {
      try flushStaging()
      if end != committed { try synchronizeSegment() }
      // On a disk that is nearly full the index needs it.
      releaseSpace()
      if !changes.isEmpty || end != committed { try commitIndex() }
      committed = end
      damaged.remove(changes.written)
      finish()
    } catch {
      fail(error)
      finish()
    }
  }

  /// Waits for the disk.
  mutating func synchronizeSegment() throws(BlockStoreError) {
    do throws(BlockStoreError) { try segment.synchronize() } catch {
      isBroken = true
      throw error
    }
  }

  private mutating func commitIndex() throws(BlockStoreError) {
    let (changes, end) = (changes, end)
    let sequence = sequences.advance()
    try transact { transaction throws(BlockStoreError) in
      try changes.apply(to: transaction, sequence: sequence)
      try transaction.set(end)
    }
  }

  /// Changes the index in one transaction.
  mutating func transact(
    _ body: (BlockIndexTransaction) throws(BlockStoreError) -> Void
  ) throws(BlockStoreError) {
    do throws(BlockStoreError) { try index.write(body) } catch {
      // A full disk stops LMDB before it changes its root. After any other failure the new root may
      // stand on the disk, so the bytes it points to must stay: only a restart can tell.
      if case .diskFull = error {} else { isBroken = true }
      throw error
    }
  }

  /// Undoes everything that is not committed; every caller with a part in it is told.
  private mutating func fail(_ error: BlockStoreError) {
    for ticket in tickets { ticket.fail(error) }
    staging.removeAll()
    changes = BlockStoreChanges()
    unsynced = 0
    guard !isBroken else { return }
    do throws(BlockStoreError) {
      try dropSegments(after: committed.segment)
      if segment.number != committed.segment {
        segment = try SegmentFile.open(committed.segment, in: segments.path, writing: true)
      }
      try segment.truncate(to: committed.offset)
      reserved = 0
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
    changes = BlockStoreChanges()
    unsynced = 0
  }
}
