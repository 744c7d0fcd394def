public import Cryptography
import Glibc
public import Primitives
import Telemetry

/// Blocks by digest on disk: append-only segment files and an LMDB index with reference counts.
///
/// One process at a time has a store open. Everything acknowledged survives `kill -9` and loss of
/// power. Writes go through one thread with group commit; reads run on the caller's thread.
public final class BlockStore: Sendable {
  /// The directory of the store.
  public let path: String

  /// What a store holds while it is open. The lock comes last, so that it outlives the index.
  private final class Files: Sendable {
    let index: BlockIndex
    let segments: SegmentDirectory
    private let lockFile: BlockStoreLockFile

    init(path: String, mapLimits: BlockIndex.MapLimits) throws(BlockStoreError) {
      lockFile = try BlockStoreLockFile(path: "\(path)/LOCK")
      index = try BlockIndex(path: "\(path)/index", mapLimits: mapLimits)
      segments = SegmentDirectory(path: "\(path)/segments")
    }
  }

  private let files: Lock<Files?>
  private let damaged = BlockStoreDamage()
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
    for directory in [path, "\(path)/segments", "\(path)/index"] {
      guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
        throw .failed("creation", directory, errno)
      }
    }
    let files = try Files(path: path, mapLimits: settings.mapLimits)
    let tail = try BlockStoreRecovery(segments: files.segments, index: files.index).run()
    let writer = try BlockStoreWriter(
      segments: files.segments, index: files.index, damaged: damaged, tail: tail,
      segmentByteCountMax: settings.segmentByteCountMax)
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

  private func open() throws(BlockStoreError) -> Files {
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

  // MARK: - Reading

  /// Returns a block, its digest checked unless the caller does that itself.
  ///
  /// Reads the disk on the caller's thread: never call it on an event loop, use `read` there.
  public func get(_ digest: Digest, verifying: Bool = true) throws(BlockStoreError) -> Bytes {
    let files = try open()
    let entry = try files.index.entry(digest)
    guard let location = entry?.location else { throw .notFound(digest) }
    let count = Int(location.payloadByteCount)
    let start = location.offset + UInt64(SegmentRecord.headerByteCount)
    let block: Bytes
    do throws(BlockStoreError) {
      block = try files.segments.segment(location.segment).read(count, at: start)
    } catch .system(_, _, ENOENT) {
      block = []
    }
    guard block.count == count,
      !verifying || block.withUnsafeBytes({ SHA256.hash($0) }) == digest
    else {
      damaged.insert(digest)
      throw .corrupt(digest)
    }
    return block
  }

  /// Returns a block, read and checked on the store's reader thread.
  public func read(_ digest: Digest) async throws(BlockStoreError) -> Bytes {
    try await onReaderThread { store throws(BlockStoreError) in try store.get(digest) }
  }

  /// Whether the store has the block.
  public func contains(_ digest: Digest) throws(BlockStoreError) -> Bool {
    try open().index.entry(digest) != nil
  }

  /// How many times the block was retained; 0 for a block that may be collected.
  public func references(of digest: Digest) throws(BlockStoreError) -> Int {
    let entry = try open().index.entry(digest)
    guard let entry else { throw .notFound(digest) }
    return Int(entry.references)
  }

  /// What the store holds.
  public func status() throws(BlockStoreError) -> BlockStoreStatus {
    let files = try open()
    let blocks = try files.index.blockCount()
    let (count, bytes) = try files.segments.byteCount()
    return BlockStoreStatus(blockCount: blocks, segmentCount: count, segmentByteCount: bytes)
  }

  /// Remembers that a reader found the block damaged, so that the next put writes it anew.
  func noteDamage(_ digest: Digest) { damaged.insert(digest) }

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
