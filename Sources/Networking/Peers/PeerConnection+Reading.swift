import Peering
import Primitives

/// How tasks read streams, and what has a deadline.
extension PeerConnection {
  /// The next frame of at most `limit` bytes, or nil when the other side has finished before one.
  func readFrame(from stream: UInt32, limit: Int) async throws(PeerError) -> Bytes? {
    while true {
      try check(stream)
      if let frame = try nextFrame(stream, limit: limit) { return frame }
      if machine.isDrained(stream) { return nil }
      if machine.isFinished(stream) { throw .streamEnded }
      scheduleFlush()
      await waitToRead(stream)
    }
  }

  private func nextFrame(
    _ stream: UInt32, limit: Int
  ) throws(PeerError) -> Bytes? {
    let outcome = try take(from: stream) { unread, awaited in
      let frame = Result { () throws(PeeringError) in
        try RPCFraming.next(in: &unread, limit: limit)
      }
      if case .success(nil) = frame { awaited = RPCFraming.awaited(in: unread) }
      return frame
    }
    do { return try outcome?.get() } catch { throw .peering(error) }
  }

  /// Lets `body` take what waits on a stream, and say how long the message is that it waits for.
  private func take<Result>(
    from stream: UInt32, _ body: (_ unread: inout ByteQueue, _ awaited: inout Int) -> Result
  ) throws(PeerError) -> Result? {
    var taken = 0
    machine.now = loop.now
    let result = machine.take(from: stream) { unread, awaited in
      let before = unread.count
      defer { taken = before - unread.count }
      return body(&unread, &awaited)
    }
    streams[stream]?.traffic.received += UInt64(taken)
    guard machine.acceptedBytes <= PeerLimits.unreadBytesMax else {
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
      let found = try take(from: stream) { unread, awaited -> Bytes? in
        awaited = count
        return unread.count >= count ? unread.take(count) : nil
      }
      if let found, let bytes = found { return bytes }
      if machine.isFinished(stream) { throw .streamEnded }
      scheduleFlush()
      await waitToRead(stream)
    }
  }

  /// The next message, or nil at the end; fails after `time`.
  func readMessage(
    limit: Int, from stream: UInt32, within time: Duration?
  ) async throws(PeerError) -> Bytes? {
    guard let time else { return try await readFrame(from: stream, limit: limit) }
    return try await withDeadline(time, method: protocolID(of: stream), on: stream) {
      () async throws(PeerError) in try await self.readFrame(from: stream, limit: limit)
    }
  }

  /// The next message, or nil at the end; fails when its rest takes longer than `time` after its
  /// first byte: between messages a stream may be silent.
  func readMessage(
    limit: Int, from stream: UInt32, restWithin time: Duration
  ) async throws(PeerError) -> Bytes? {
    while true {
      try check(stream)
      if let frame = try nextFrame(stream, limit: limit) { return frame }
      if machine.isDrained(stream) { return nil }
      if machine.available(on: stream) > 0 { break }
      scheduleFlush()
      await waitToRead(stream)
    }
    return try await withDeadline(time, method: protocolID(of: stream), on: stream) {
      () async throws(PeerError) in try await self.readFrame(from: stream, limit: limit)
    }
  }

  /// Exactly `count` bytes; fails after `time`.
  func readExactly(
    _ count: Int, from stream: UInt32, within time: Duration?
  ) async throws(PeerError) -> Bytes {
    guard let time else { return try await readExactly(count, from: stream) }
    return try await withDeadline(time, method: protocolID(of: stream), on: stream) {
      () async throws(PeerError) in try await self.readExactly(count, from: stream)
    }
  }

  /// At least one and at most `count` bytes, or nil at the end; fails after `time`.
  func read(
    atMost count: Int, from stream: UInt32, within time: Duration?
  ) async throws(PeerError) -> Bytes? {
    guard let time else { return try await readSome(count, from: stream) }
    return try await withDeadline(time, method: protocolID(of: stream), on: stream) {
      () async throws(PeerError) in try await self.readSome(count, from: stream)
    }
  }

  /// Sends all of `bytes`; fails after `time`.
  func write(
    _ bytes: Bytes, to stream: UInt32, within time: Duration
  ) async throws(PeerError) {
    try await withDeadline(time, method: protocolID(of: stream), on: stream) {
      () async throws(PeerError) in try await self.write(bytes, to: stream)
    }
  }

  private func readSome(_ count: Int, from stream: UInt32) async throws(PeerError) -> Bytes? {
    while true {
      try check(stream)
      let found = try take(from: stream) { unread, _ in
        unread.isEmpty ? nil : unread.take(min(count, unread.count))
      }
      if let found, let bytes = found { return bytes }
      if machine.isDrained(stream) { return nil }
      scheduleFlush()
      await waitToRead(stream)
    }
  }

  private func protocolID(of stream: UInt32) -> String { streams[stream]?.protocolID ?? "" }
}
