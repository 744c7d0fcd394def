import Peering
import Primitives

extension PeerConnection {
  /// Opens a stream for a protocol; it can be written before the other side has agreed.
  func open(_ protocolID: String) throws(PeerError) -> UInt32 {
    if let reason = closeReason { throw reason }
    do {
      let stream = try machine.open(protocolID)
      streams[stream] = StreamState(protocolID: protocolID)
      scheduleFlush()
      return stream
    } catch {
      throw .peering(error)
    }
  }

  /// Sends all of `bytes`, waiting while the other side is slow.
  func write(_ bytes: Bytes, to stream: UInt32) async throws(PeerError) {
    var start = 0
    while true {
      try check(stream)
      let outcome = bytes.withUnsafeBytes { all in
        Result { () throws(PeeringError) in
          try machine.send(UnsafeRawBufferPointer(rebasing: all[start...]), on: stream)
        }
      }
      switch outcome {
      case .success(let count): start += count
      case .failure(.noSuchStream): throw .streamReset
      case .failure(let error): throw .peering(error)
      }
      guard start < bytes.count else { break }
      flushNow()
      // The socket may have made room; if not, its progress or the window's wakes us.
      if !canSend(on: stream) { await waitToWrite(stream) }
    }
    scheduleFlush()
  }

  /// The next frame of at most `limit` bytes, or nil when the other side has finished before one.
  func readFrame(from stream: UInt32, limit: Int) async throws(PeerError) -> Bytes? {
    let unreadMax = limit + RPCFraming.lengthBytesMax
    while true {
      try check(stream)
      if let frame = try nextFrame(stream, limit: limit, unreadMax: unreadMax) { return frame }
      if machine.isDrained(stream) {
        guard streams[stream]?.unread.isEmpty == true else { throw .streamEnded }
        return nil
      }
      scheduleFlush()
      await waitToRead(stream)
    }
  }

  private func nextFrame(
    _ stream: UInt32, limit: Int, unreadMax: Int
  ) throws(PeerError) -> Bytes? {
    let outcome = try withUnread(stream, limit: unreadMax) { unread in
      Result { () throws(PeeringError) in try RPCFraming.next(in: &unread, limit: limit) }
    }
    do { return try outcome?.get() } catch { throw .peering(error) }
  }

  /// Takes what waits on a stream out of the machine and lets `body` use it.
  private func withUnread<Result>(
    _ stream: UInt32, limit: Int, _ body: (inout ByteQueue) -> Result
  ) throws(PeerError) -> Result? {
    guard var unread = streams[stream]?.unread else { return nil }
    streams[stream]?.unread = ByteQueue()
    unreadBytes -= unread.count
    machine.read(stream, limit: limit, into: &unread)
    let result = body(&unread)
    unreadBytes += unread.count
    streams[stream]?.unread = unread
    guard unreadBytes <= PeerLimits.unreadBytesMax else {
      let reason = PeerError.overloaded(limit: PeerLimits.unreadBytesMax)
      end(reason)
      throw reason
    }
    return result
  }

  /// Exactly `count` bytes; for protocols without frames.
  func readExactly(_ count: Int, from stream: UInt32) async throws(PeerError) -> Bytes {
    while true {
      try check(stream)
      let found = try withUnread(stream, limit: max(count, PeerLimits.readBytesMin)) { unread in
        unread.count >= count ? unread.take(count) : nil
      }
      if let found, let bytes = found { return bytes }
      if machine.isDrained(stream) { throw .streamEnded }
      scheduleFlush()
      await waitToRead(stream)
    }
  }

  /// Ends our direction of a stream.
  func finish(_ stream: UInt32) {
    machine.finish(stream)
    scheduleFlush()
  }

  /// Lets go of a stream after its last message.
  func release(_ stream: UInt32) {
    guard forget(stream) else { return }
    machine.release(stream)
    scheduleFlush()
  }

  /// Lets go of an answered stream. What the caller still sends is read and forgotten: a reset
  /// could overtake the answer.
  func leave(_ stream: UInt32) {
    guard forget(stream) else { return }
    machine.leave(stream)
    scheduleFlush()
  }

  /// Gives a stream up in both directions.
  func reset(_ stream: UInt32) {
    guard forget(stream) else { return }
    machine.reset(stream)
    scheduleFlush()
  }

  private func forget(_ stream: UInt32) -> Bool {
    guard let state = streams.removeValue(forKey: stream) else { return false }
    unreadBytes -= state.unread.count
    chunkDeadlines[stream] = nil
    return true
  }

  /// Wakes whoever waits on a stream with an error; the owner still releases it.
  func fail(_ stream: UInt32, _ reason: PeerError) {
    guard streams[stream] != nil, streams[stream]?.failure == nil else { return }
    streams[stream]?.failure = reason
    streams[stream]?.answering?.cancel()
    wakeReader(stream)
    wakeWriter(stream)
  }

  func wakeReader(_ stream: UInt32) {
    guard let reader = streams[stream]?.reader else { return }
    streams[stream]?.reader = nil
    reader.resume()
  }

  func wakeWriter(_ stream: UInt32) {
    guard let writer = streams[stream]?.writer else { return }
    streams[stream]?.writer = nil
    writer.resume()
  }

  /// Suspends a stream's reader until bytes, the end or a failure arrive.
  private func waitToRead(_ stream: UInt32) async {
    await withUnsafeContinuation { continuation in
      streams[stream]?.reader = continuation
      // An `await` may give up the actor before this line, so the reason to wait may be gone.
      if streams[stream] == nil { continuation.resume() }
      if machine.available(on: stream) > 0 || machine.isDrained(stream) || hasFailed(stream) {
        wakeReader(stream)
      }
    }
  }

  /// Suspends a stream's writer until window and buffer may have room.
  private func waitToWrite(_ stream: UInt32) async {
    scheduleFlush()
    await withUnsafeContinuation { continuation in
      streams[stream]?.writer = continuation
      blockedWriters.append(stream)
      if streams[stream] == nil { continuation.resume() }
      if canSend(on: stream) || hasFailed(stream) { wakeWriter(stream) }
    }
  }

  private func canSend(on stream: UInt32) -> Bool {
    machine.sendable(on: stream) > 0 && machine.sendRoom > 0
  }

  private func hasFailed(_ stream: UInt32) -> Bool {
    closeReason != nil || streams[stream]?.failure != nil
  }

  private func check(_ stream: UInt32) throws(PeerError) {
    if let failure = streams[stream]?.failure { throw failure }
    if let reason = closeReason { throw reason }
    guard streams[stream] != nil else { throw .streamReset }
  }
}
