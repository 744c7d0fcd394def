import Glibc
public import Primitives
import Telemetry

/// An append-only file of records: what `append` acknowledged survives a crash of the machine.
///
/// One named thread writes; callers that wait at the same time share one fsync. A torn tail is cut
/// off when the log is opened and reported, damage before the end is refused.
public final class WriteAheadLog: Sendable {
  /// The file.
  public let path: String
  /// What opening found.
  public let recovery: WriteAheadLogRecovery
  private let file: FileDescriptor
  private let queue: BlockStoreQueue<WriteAheadLogRequest>
  private let thread: Lock<NamedThread?>

  /// Opens or creates the log at `path` and calls `replay` for each record in order.
  ///
  /// Throws `WriteAheadLogError`, or what `replay` throws.
  public init(
    path: String, replay: (WriteAheadLogLocation, Bytes) throws -> Void = { _, _ in }
  ) throws {
    do {
      let file = try FileDescriptor(opening: path, O_RDWR | O_CREAT)
      try file.lockExclusively()
      var scan = WriteAheadLogScan(file: file)
      try scan.run(replay: replay)
      try FileDescriptor.synchronizeDirectory(of: path)
      self.path = path
      self.file = file
      recovery = scan.recovery
      let queue = BlockStoreQueue<WriteAheadLogRequest>(
        elementsMax: WriteAheadLogLimits.waitingRecordsMax,
        costMax: WriteAheadLogLimits.waitingBytesMax)
      self.queue = queue
      let end = scan.end
      let next = scan.recovery.records
      thread = Lock(
        NamedThread("wal-writer") {
          var writer = WriteAheadLogWriter(file: file, end: end, nextIndex: next)
          while let requests = queue.takeAll() { writer.commit(requests) }
        })
    } catch let error as FileError {
      throw WriteAheadLogError.file(error)
    }
  }

  deinit { close() }

  /// Waits until what was accepted is durable, then refuses writes and lets others open the file.
  public func close() {
    queue.close()
    let running = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    running?.join()
    file.unlock()
  }

  /// Appends records together and calls `completion` on the log's thread once they are durable.
  public func append(
    _ records: [Bytes],
    completion: @escaping @Sendable (Result<[WriteAheadLogLocation], WriteAheadLogError>) -> Void
  ) throws(WriteAheadLogError) {
    var byteCount = 0
    for record in records {
      guard (1...WriteAheadLogLimits.recordBytesMax).contains(record.count) else {
        throw .recordSize(record.count, limit: WriteAheadLogLimits.recordBytesMax)
      }
      byteCount += WriteAheadLogFrame.byteCount(of: record)
    }
    guard byteCount <= WriteAheadLogLimits.frameBytesMax else {
      throw .recordSize(byteCount, limit: WriteAheadLogLimits.frameBytesMax)
    }
    let request = WriteAheadLogRequest(
      records: records, byteCount: byteCount, completion: completion)
    switch queue.offer(request, cost: byteCount) {
    case .accepted: return
    case .full(let waiting): throw .busy(waiting: waiting)
    case .closed: throw .closed
    }
  }

  /// Appends a record and suspends until it is durable.
  @discardableResult
  public func append(_ record: Bytes) async throws(WriteAheadLogError) -> WriteAheadLogLocation {
    let result = await withCheckedContinuation { continuation in
      do throws(WriteAheadLogError) {
        try append([record]) { continuation.resume(returning: $0) }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    return try result.get()[0]
  }

  /// Appends a record and blocks this thread until it is durable; never on a loop or in a task.
  @discardableResult
  public func appendBlocking(
    _ record: Bytes
  ) throws(WriteAheadLogError) -> WriteAheadLogLocation {
    let answer = BlockStoreQueue<Result<[WriteAheadLogLocation], WriteAheadLogError>>(
      elementsMax: 1)
    try append([record]) { _ = answer.put($0) }
    guard let result = answer.takeOne() else { throw .closed }
    return try result.get()[0]
  }

  /// Reads a durable record again.
  public func read(_ location: WriteAheadLogLocation) throws(WriteAheadLogError) -> Bytes {
    do throws(FileError) {
      return try file.read(location.byteCount, at: location.offset)
    } catch {
      throw .file(error)
    }
  }
}
