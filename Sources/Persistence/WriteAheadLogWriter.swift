import Primitives

/// One caller's records, and what is told to the caller when they are durable.
struct WriteAheadLogRequest: Sendable {
  let records: [Bytes]
  let byteCount: Int
  let completion: @Sendable (Result<[WriteAheadLogLocation], WriteAheadLogError>) -> Void
}

/// The writing half of a log, confined to its one thread: group commit, one sync for all that wait.
struct WriteAheadLogWriter {
  private let file: FileDescriptor
  private var end: Int
  private var nextIndex: UInt64
  /// Set after a failed sync: the kernel may have dropped the bytes, so nothing is retried.
  private var failure: WriteAheadLogError?

  init(file: FileDescriptor, end: Int, nextIndex: UInt64) {
    self.file = file
    self.end = end
    self.nextIndex = nextIndex
  }

  /// Writes requests in as few frames as fit and answers each one.
  mutating func commit(_ requests: [WriteAheadLogRequest]) {
    var group: [WriteAheadLogRequest] = []
    var byteCount = 0
    for request in requests {
      if byteCount + request.byteCount > WriteAheadLogLimits.frameBytesMax {
        commitFrame(group)
        group = []
        byteCount = 0
      }
      group.append(request)
      byteCount += request.byteCount
    }
    commitFrame(group)
  }

  private mutating func commitFrame(_ group: [WriteAheadLogRequest]) {
    guard !group.isEmpty else { return }
    if let failure {
      for request in group { request.completion(.failure(failure)) }
      return
    }
    let frame = WriteAheadLogFrame(firstIndex: nextIndex, records: group.flatMap(\.records))
    do throws(FileError) {
      try store(frame)
    } catch {
      for request in group { request.completion(.failure(.file(error))) }
      return
    }
    var locations = frame.locations(at: end)[...]
    end += frame.byteCount
    nextIndex += UInt64(frame.records.count)
    for request in group {
      request.completion(.success(Array(locations.prefix(request.records.count))))
      locations = locations.dropFirst(request.records.count)
    }
  }

  /// A write that failed is cut off again, so that the log stays usable when there is room.
  private mutating func store(_ frame: WriteAheadLogFrame) throws(FileError) {
    do throws(FileError) {
      try file.write(frame.encoded(), at: end)
    } catch {
      do throws(FileError) {
        try file.truncate(to: end)
      } catch {
        failure = .closed
      }
      throw error
    }
    do throws(FileError) {
      try file.synchronizeData()
    } catch {
      failure = .closed
      throw error
    }
  }
}
