import ContentStore
import Glibc
import Telemetry

/// Blocks by digest on disk: append-only segment files and an LMDB index with reference counts.
///
/// One process at a time has a store open. Everything acknowledged survives `kill -9` and loss of
/// power. Writes go through one thread with group commit; reads run on the caller's thread.
public final class BlockStore: Sendable {
  /// The directory of the store.
  public let path: String
  private let isCompressing: Bool

  /// What a store holds while it is open. The lock comes last, so that it outlives the index.
  final class Files: Sendable {
    let index: BlockIndex
    let segments: SegmentDirectory
    let lockFile: BlockStoreLockFile

    init(path: String, _ settings: BlockStoreSettings) throws(BlockStoreError) {
      lockFile = try BlockStoreLockFile(path: "\(path)/LOCK", address: settings.address)
      index = try BlockIndex(path: "\(path)/index", mapLimits: settings.mapLimits)
      segments = SegmentDirectory(path: "\(path)/segments")
    }
  }

  private let files: Lock<Files?>
  let damaged = BlockStoreDamage()
  let sequences = BlockStoreSequences()
  /// Whether a collection runs; one at a time.
  let isCollecting = Lock(false)
  let requests = BlockStoreQueue<BlockStoreRequest>(
    elementsMax: BlockStoreLimits.requestsMax, costMax: BlockStoreLimits.waitingByteCountMax)
  private let reads = BlockStoreQueue<@Sendable () -> Void>(
    elementsMax: BlockStoreLimits.requestsMax)
  private let threads: Lock<[NamedThread]>

  /// Opens the store in `path`, creates it where there is none, and recovers from a crash.
  public init(
    path: String, settings: BlockStoreSettings = BlockStoreSettings()
  ) throws(BlockStoreError) {
    self.path = path
    isCompressing = settings.isCompressing
    for directory in [path, "\(path)/segments", "\(path)/index"] {
      guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
        throw .failed("creation", directory, errno)
      }
    }
    let files = try Files(path: path, settings)
    try BlockIndexUpgrade(index: files.index).run()
    let tail = try BlockStoreRecovery(segments: files.segments, index: files.index).run()
    sequences.resume(
      after: try files.index.read { transaction throws(BlockStoreError) in
        try transaction.sequence()
      })
    let writer = try BlockStoreWriter(
      segments: files.segments, index: files.index, damaged: damaged, sequences: sequences,
      tail: tail, segmentByteCountMax: settings.segmentByteCountMax)
    self.files = Lock(files)
    threads = Lock([
      Self.writerThread(writer, requests, files),
      Self.readerThread(reads),
    ])
  }

  deinit { stop { $0.detach() } }

  private static func writerThread(
    _ writer: sending BlockStoreWriter, _ queue: BlockStoreQueue<BlockStoreRequest>,
    _ files: Files
  ) -> NamedThread {
    let start = Lock<BlockStoreWriter?>(writer)
    return NamedThread("block-writer") {
      guard var writer = start.withLock({ $0.take() }) else { return }
      writer.run(queue)
      // The lock must outlast the last write.
      withExtendedLifetime(files) {}
    }
  }

  private static func readerThread(
    _ queue: BlockStoreQueue<@Sendable () -> Void>
  ) -> NamedThread {
    NamedThread("block-reader") {
      while let read = queue.takeOne() { read() }
    }
  }

  /// Tells whoever finds the store locked where this process answers.
  public func announce(address: String) throws(BlockStoreError) {
    try open().lockFile.write(address: address)
  }

  /// Finishes what was asked for and ends the threads; later requests throw `closed`.
  public func close() {
    stop { $0.join() }
    // Dropped outside the lock: closing the index is not quick.
    let dropped = files.withLock { files in
      defer { files = nil }
      return files
    }
    withExtendedLifetime(dropped) {}
  }

  /// The open files; throws `closed` behind `close`.
  func open() throws(BlockStoreError) -> Files {
    guard let files = files.withLock({ $0 }) else { throw .closed }
    return files
  }

  private func stop(_ end: (NamedThread) -> Void) {
    requests.close()
    reads.close()
    let running = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in running { end(thread) }
  }

  /// The records of blocks that a working thread adds, compressed where that is worth it.
  func compressedRecords(
    of blocks: [ContentBlock]
  ) throws(BlockStoreError) -> [SegmentRecord] {
    try Self.records(of: blocks, compressing: isCompressing)
  }

  /// Runs blocking work on the store's reader thread.
  func onReaderThread<Value: Sendable>(
    _ work: @escaping @Sendable (BlockStore) throws(BlockStoreError) -> Value
  ) async throws(BlockStoreError) -> Value {
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<Value, BlockStoreError>, Never>) in
      let offer = reads.offer {
        do throws(BlockStoreError) {
          continuation.resume(returning: .success(try work(self)))
        } catch { continuation.resume(returning: .failure(error)) }
      }
      if let error = Self.refusal(offer) { continuation.resume(returning: .failure(error)) }
    }
    return try result.get()
  }

  private static func refusal(_ offer: BlockStoreQueue<@Sendable () -> Void>.Offer)
    -> BlockStoreError?
  {
    switch offer {
    case .accepted: nil
    case .full(let waiting): .busy(waiting: waiting)
    case .closed: .closed
    }
  }
}
