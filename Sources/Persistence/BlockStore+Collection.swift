public import Cryptography
import Glibc
import Primitives
import Telemetry

/// How fast a collection copies what stays.
public struct BlockStorePace: Sendable {
  /// Bytes copied in a second; nil for as fast as the disk is.
  public let bytesPerSecond: UInt64?

  /// A pace of this many bytes a second.
  public init(bytesPerSecond: UInt64?) { self.bytesPerSecond = bytesPerSecond }

  /// A fraction of any disk, for a store that serves meanwhile.
  public static let background = BlockStorePace(bytesPerSecond: 32 << 20)
  /// For a store that nobody else uses.
  public static let unlimited = BlockStorePace(bytesPerSecond: nil)

  /// How long to wait after so many bytes.
  func pause(after byteCount: Int) -> Duration {
    guard let bytesPerSecond, bytesPerSecond > 0 else { return .zero }
    return .seconds(Double(byteCount) / Double(bytesPerSecond))
  }
}

/// What a collection did.
public struct BlockStoreCollection: Equatable, Sendable {
  /// Blocks that were forgotten.
  public internal(set) var blockCount = 0
  /// Bytes of segment files that were given back to the file system.
  public internal(set) var freedByteCount: UInt64 = 0
  /// Bytes that were copied to free them.
  public internal(set) var movedByteCount: UInt64 = 0
  /// Segment files that were deleted.
  public internal(set) var segmentCount = 0
  /// Segments that stay because a record in them is damaged; a check of the store names the blocks.
  public internal(set) var damagedSegments: [UInt32] = []
}

extension BlockStore {
  /// Forgets the blocks that nothing refers to, then copies what is left of segments that are
  /// mostly dead and deletes these. Blocks the calling thread.
  ///
  /// Adds and reads go on meanwhile: an add waits for one step at most, a thousand index entries or
  /// a mebibyte, and what it has stored or seen is not forgotten before it ends. `forgotten` is
  /// called with the blocks of each step.
  public func collectBlocking(
    pace: BlockStorePace = .unlimited, forgotten: @escaping ([Digest]) -> Void = { _ in }
  ) throws(BlockStoreError) -> BlockStoreCollection {
    let isFirst = isCollecting.withLock { isRunning in
      defer { isRunning = true }
      return !isRunning
    }
    guard isFirst else { throw .collectionRunning }
    defer { isCollecting.withLock { $0 = false } }
    var run = BlockStoreCollector(store: self, pace: pace, forgotten: forgotten)
    return try run.run()
  }

  /// Forgets one block now; false where it stays because an add under way has seen it. Blocks the
  /// calling thread. Throws `notFound` for a block that is not stored and `inUse` for one that a pin
  /// holds.
  public func forgetBlocking(_ digest: Digest) throws(BlockStoreError) -> Bool {
    guard try references(of: digest) == 0 else { throw .inUse(digest) }
    let step = CollectionStep(.only(digest))
    try commitBlocking(.collect(step), ticket: BlockStoreTicket(nil))
    return !step.outcome.forgotten.isEmpty
  }

  /// Collects on a thread of its own, slowly enough for a store that serves meanwhile.
  public func collect(
    pace: BlockStorePace = .background
  ) async throws(BlockStoreError) -> BlockStoreCollection {
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<BlockStoreCollection, BlockStoreError>, Never>) in
      NamedThread("block-collect") {
        do throws(BlockStoreError) {
          continuation.resume(returning: .success(try self.collectBlocking(pace: pace)))
        } catch { continuation.resume(returning: .failure(error)) }
      }.detach()
    }
    return try result.get()
  }
}

/// One collection, on the thread of its caller; the writer thread takes each of its steps.
private struct BlockStoreCollector {
  private let store: BlockStore
  private let pace: BlockStorePace
  private let forgotten: ([Digest]) -> Void
  private var report = BlockStoreCollection()

  init(store: BlockStore, pace: BlockStorePace, forgotten: @escaping ([Digest]) -> Void) {
    self.store = store
    self.pace = pace
    self.forgotten = forgotten
  }

  mutating func run() throws(BlockStoreError) -> BlockStoreCollection {
    try forgetBlocks()
    if report.blockCount > 0 { try forgetNames() }
    try commit(.leaveSegment)
    for segment in try mostlyDead() { try free(segment) }
    return report
  }

  private func commit(_ work: BlockStoreRequest.Work) throws(BlockStoreError) {
    try store.commitBlocking(work, ticket: BlockStoreTicket(nil))
  }

  private mutating func forgetBlocks() throws(BlockStoreError) {
    var last: Digest?
    repeat {
      let step = CollectionStep(.after(last))
      try commit(.collect(step))
      report.blockCount += step.outcome.forgotten.count
      forgotten(step.outcome.forgotten)
      last = step.outcome.last
    } while last != nil
  }

  private func forgetNames() throws(BlockStoreError) {
    let index = try store.open().index
    var last: Bytes?
    repeat {
      let (dead, end) = try index.read { transaction throws(BlockStoreError) in
        try transaction.deadNames(after: last, limit: BlockStoreLimits.collectedPerStepMax)
      }
      if !dead.isEmpty { try commit(.forgetNames(dead)) }
      last = end
    } while last != nil
  }

  /// Segments of which more than half is dead, the emptiest first; never the one that is written.
  private func mostlyDead() throws(BlockStoreError) -> [SegmentUse] {
    let files = try store.open()
    let sizes = try store.segmentSizes(files)
    let uses = try files.index.read { transaction throws(BlockStoreError) in
      let current = try transaction.tail()?.segment ?? 0
      var uses: [SegmentUse] = []
      for (number, byteCount) in sizes where number < current {
        let live = try transaction.liveByteCount(number)
        uses.append(SegmentUse(number: number, byteCount: byteCount, liveByteCount: live))
      }
      return uses
    }
    return uses.filter { $0.liveByteCount == 0 || $0.isMostlyDead }
      .sorted { ($0.liveByteCount, $0.number) < ($1.liveByteCount, $1.number) }
  }

  /// Copies what is live in a segment and deletes its file.
  private mutating func free(_ segment: SegmentUse) throws(BlockStoreError) {
    let files = try store.open()
    if segment.liveByteCount > 0 {
      var scan = SegmentScan(
        file: try files.segments.segment(segment.number), index: files.index)
      while case let moves = try scan.nextMoves(), !moves.isEmpty {
        try commit(.move(moves))
        let byteCount = moves.reduce(0) { $0 + $1.record.byteCount }
        report.movedByteCount += UInt64(byteCount)
        sleep(pace.pause(after: byteCount))
      }
    }
    try commit(.forgetSegment(segment.number))
    if try files.segments.byteCount(of: segment.number) == nil {
      report.freedByteCount += segment.byteCount
      report.segmentCount += 1
    } else {
      report.damagedSegments.append(segment.number)
    }
  }

  private func sleep(_ pause: Duration) {
    guard pause > .zero else { return }
    var wait = timespec(
      tv_sec: Int(pause.components.seconds),
      tv_nsec: Int(pause.components.attoseconds / 1_000_000_000))
    var rest = timespec()
    while nanosleep(&wait, &rest) != 0, errno == EINTR { wait = rest }
  }
}

/// The records of one segment that the index still points to, in the order of the file.
struct SegmentScan {
  private let file: SegmentFile
  private let index: BlockIndex
  private var offset = UInt64(SegmentFile.headerByteCount)
  private var isAtEnd = false

  init(file: SegmentFile, index: BlockIndex) {
    self.file = file
    self.index = index
  }

  /// Live records of about one step; none at the end, or where a damaged header hides the rest.
  mutating func nextMoves() throws(BlockStoreError) -> [SegmentMove] {
    var moves: [SegmentMove] = []
    var byteCount = 0
    while byteCount < BlockStoreLimits.movedPerStepByteCountMax, !isAtEnd {
      let bytes = try file.read(SegmentRecord.headerByteCount, at: offset)
      guard let header = SegmentRecord.Header(bytes) else {
        isAtEnd = true
        break
      }
      let source = SegmentLocation(header, segment: file.number, offset: offset)
      offset += UInt64(header.recordByteCount)
      guard try index.entry(header.digest)?.location == source else { continue }
      let whole = try file.read(header.recordByteCount, at: source.offset)
      // A damaged record stays where it is, and its segment with it.
      guard let record = SegmentRecord(decoding: whole) else { continue }
      moves.append(SegmentMove(record: record, source: source))
      byteCount += record.byteCount
    }
    return moves
  }
}
