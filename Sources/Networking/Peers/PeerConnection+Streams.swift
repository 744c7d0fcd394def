import Cryptography
import Peering
import Primitives

extension PeerConnection {
  /// Opens a stream for the first of `protocols` that the peer speaks.
  ///
  /// With one protocol the stream can be written at once, and a peer that does not speak it is
  /// noticed by the first read; with several this waits until one is agreed.
  package func openStream(_ protocols: [String]) async throws(PeerError) -> PeerStream {
    guard let peer = machine.remotePeer else { throw closeReason ?? .closed }
    let number = try open(protocols)
    if protocols.count > 1 {
      do throws(PeerError) {
        let name = protocols.joined(separator: " or ")
        try await withDeadline(timeouts.handshake, method: name, on: number) {
          () async throws(PeerError) in try await self.waitUntilAgreed(number)
        }
      } catch {
        reset(number)
        throw error
      }
    }
    let agreed = streams[number]?.protocolID ?? protocols[0]
    return PeerStream(
      connection: self, peer: peer, protocolID: agreed, isOutgoing: true, number: number)
  }

  private func waitUntilAgreed(_ stream: UInt32) async throws(PeerError) {
    while true {
      try check(stream)
      guard streams[stream]?.isAgreed == false else { return }
      scheduleFlush()
      await withUnsafeContinuation { continuation in
        streams[stream]?.reader = continuation
        if streams[stream] == nil { continuation.resume() }
        if streams[stream]?.isAgreed == true || hasFailed(stream) { wakeReader(stream) }
      }
    }
  }

  /// Opens a stream; it can be written before the other side has agreed to a single protocol.
  func open(_ protocols: [String]) throws(PeerError) -> UInt32 {
    if let reason = closeReason { throw reason }
    do {
      let stream = try machine.open(protocols)
      streams[stream] = StreamState(
        protocolID: protocols.joined(separator: " or "), isInbound: false)
      lastStream = loop.now
      scheduleFlush()
      return stream
    } catch {
      throw .peering(error)
    }
  }

  /// Hands a stream that the peer opened to what serves its protocol.
  func accept(_ stream: UInt32, protocolID: String) {
    guard let peer = countedPeer,
      let served = host.assumeIsolated({ $0.admitStream(protocolID, by: peer) })
    else { return machine.reset(stream) }
    streams[stream] = StreamState(protocolID: protocolID, isInbound: true)
    lastStream = loop.now
    let opened = PeerStream(
      connection: self, peer: peer, protocolID: protocolID, isOutgoing: false, number: stream)
    let began = host.nursery.begin { await self.serve(opened, by: served.handler) }
    if !began { reset(stream) }
  }

  private func serve(_ stream: PeerStream, by handler: StreamHandler) async {
    do {
      try await handler(stream)
      finish(stream.number)
      leave(stream.number)
    } catch {
      reset(stream.number)
    }
  }

  /// Sends all of `bytes`, waiting while the other side is slow. What waits on a stream that the
  /// other side opened counts as held for it, with the `following` bytes that the caller has ready:
  /// who asks and never reads is refused in the end.
  func write(
    _ bytes: Bytes, to stream: UInt32, following: Int = 0
  ) async throws(PeerError) {
    var start = 0
    var held: PeerID?
    defer { if let held { releaseAnswer(bytes.count + following, for: held) } }
    while true {
      try check(stream)
      let outcome = bytes.withUnsafeBytes { all in
        Result { () throws(PeeringError) in
          try machine.send(UnsafeRawBufferPointer(rebasing: all[start...]), on: stream)
        }
      }
      switch outcome {
      case .success(let count):
        start += count
        streams[stream]?.traffic.sent += UInt64(count)
      case .failure(.noSuchStream): throw .streamReset
      case .failure(let error): throw .peering(error)
      }
      guard start < bytes.count else { break }
      flushNow()
      // The socket may have made room; if not, its progress or the window's wakes us.
      guard !canSend(on: stream) else { continue }
      if held == nil, let peer = countedPeer, streams[stream]?.isCounted == true {
        try holdAnswer(bytes.count + following, for: peer)
        held = peer
      }
      await waitToWrite(stream)
    }
    scheduleFlush()
  }

  private func releaseAnswer(_ byteCount: Int, for peer: PeerID) {
    host.assumeIsolated { _ = $0.hold(-byteCount, for: peer) }
  }

  private func holdAnswer(_ byteCount: Int, for peer: PeerID) throws(PeerError) {
    let refusal = host.assumeIsolated { host in
      let refusal = host.holdUnsent(byteCount, for: peer)
      if let refusal { host.note(.refusedStream(refusal), peer: peer) }
      return refusal
    }
    if let refusal { throw .refusedByUs(refusal) }
  }

  /// Sends one message behind its length.
  func writeFrame(_ frame: Bytes, to stream: UInt32) async throws(PeerError) {
    guard frame.count > PeerLimits.joinedFrameBytesMax else {
      return try await write(RPCFraming.encode(frame), to: stream)
    }
    try await write(
      Varint.encode(UInt64(frame.count)), to: stream, following: frame.count)
    try await write(frame, to: stream)
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
    // Another task may wait on the stream; it finds the stream gone.
    state.reader?.resume()
    state.writer?.resume()
    chunkDeadlines[stream] = nil
    lastStream = loop.now
    let counted = state.isCounted ? countedPeer : nil
    let (protocolID, traffic) = (state.protocolID, state.traffic)
    host.assumeIsolated { host in
      host.count(traffic, of: protocolID)
      if let peer = counted { host.streamEnded(protocolID, by: peer) }
    }
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
  func waitToRead(_ stream: UInt32) async {
    await withUnsafeContinuation { continuation in
      streams[stream]?.reader = continuation
      // An `await` may give up the actor before this line, so the reason to wait may be gone.
      if streams[stream] == nil { continuation.resume() }
      if machine.hasNews(on: stream) || hasFailed(stream) {
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

  func hasFailed(_ stream: UInt32) -> Bool {
    closeReason != nil || streams[stream]?.failure != nil
  }

  func check(_ stream: UInt32) throws(PeerError) {
    if let failure = streams[stream]?.failure { throw failure }
    if let reason = closeReason { throw reason }
    guard streams[stream] != nil else { throw .streamReset }
  }
}
