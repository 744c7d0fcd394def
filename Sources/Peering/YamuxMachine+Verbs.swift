import Primitives

extension YamuxMachine {
  /// Opens a stream.
  package mutating func open(output: inout some FrameOutput) throws(PeeringError) -> UInt32 {
    guard !remoteGoneAway, nextStream <= UInt32.max - 2 else { throw .connectionNotOpen }
    guard streams.count < YamuxLimits.streamsMax else {
      throw .tooManyStreams(limit: YamuxLimits.streamsMax)
    }
    guard unacknowledged < YamuxLimits.unacknowledgedMax else {
      throw .tooManyStreams(limit: YamuxLimits.unacknowledgedMax)
    }
    let stream = nextStream
    nextStream += 2
    unacknowledged += 1
    streams[stream] = YamuxStream(openedByUs: true)
    YamuxHeader(type: .windowUpdate, flags: .synchronize, stream: stream).append(to: &output)
    return stream
  }

  /// Sends as much of `bytes` as the window and `room` allow; returns how much that was.
  package mutating func send(
    _ bytes: UnsafeRawBufferPointer, on stream: UInt32, room: Int, output: inout some FrameOutput
  ) throws(PeeringError) -> Int {
    guard streams[stream]?.finishedSending == false,
      let window = streams[stream]?.sendWindow
    else { throw .noSuchStream }
    let total = max(0, min(bytes.count, window, room))
    var sent = 0
    while sent < total {
      let count = min(total - sent, YamuxLimits.bodyBytesMax)
      YamuxHeader(type: .data, stream: stream, length: UInt32(count)).append(to: &output)
      output.append(UnsafeRawBufferPointer(rebasing: bytes[sent..<(sent + count)]))
      sent += count
    }
    streams[stream]?.sendWindow -= sent
    return sent
  }

  /// Bytes that wait to be read on a stream.
  package func available(on stream: UInt32) -> Int { streams[stream]?.inbox.count ?? 0 }

  /// Bytes the window of a stream lets us send now.
  package func sendable(on stream: UInt32) -> Int { streams[stream]?.sendWindow ?? 0 }

  /// Whether the other side has finished and all its bytes were read.
  package func isDrained(_ stream: UInt32) -> Bool {
    guard let found = streams[stream] else { return true }
    return found.finishedReceiving && found.inbox.isEmpty
  }

  /// Whether bytes arrived that the reader has neither taken nor accepted, or the end did.
  package func hasNews(on stream: UInt32) -> Bool {
    guard let found = streams[stream] else { return true }
    return found.finishedReceiving || found.inbox.count > found.accepted
  }

  /// Whether the other side has finished; bytes may still wait.
  package func isFinished(_ stream: UInt32) -> Bool {
    streams[stream]?.finishedReceiving ?? true
  }

  /// Lets `body` read what waits on a stream.
  package func read<Result>(
    _ stream: UInt32, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result? {
    streams[stream]?.inbox.read(body)
  }

  /// Drops `count` read bytes and tells the other side once half a window was read.
  package mutating func consume(
    _ count: Int, of stream: UInt32, output: inout some FrameOutput
  ) {
    take(from: stream, output: &output) { $0.consume(count) }
  }

  /// Lets `body` take bytes from the front of a stream's inbox; those behind, up to `limit` in all,
  /// count as accepted, so that the rest of a message larger than the window can come.
  package mutating func take<Result>(
    from stream: UInt32, accepting limit: Int = 0, output: inout some FrameOutput,
    _ body: (inout ByteQueue) -> Result
  ) -> Result? {
    guard let index = streams.index(forKey: stream) else { return nil }
    let before = streams.values[index].inbox.count
    let result = body(&streams.values[index].inbox)
    let left = streams.values[index].inbox.count
    let acceptedBefore = streams.values[index].accepted
    let accepted = max(min(limit, left), max(0, acceptedBefore - (before - left)))
    streams.values[index].accepted = accepted
    // What is read or accepted for the first time now.
    let fresh = (before - acceptedBefore) - (left - accepted)
    acceptedBytes += accepted - acceptedBefore
    unreadBytes -= fresh
    streams.values[index].unreported += fresh
    if fresh > 0, !streams.values[index].finishedReceiving { topUp(stream, output: &output) }
    if streams[stream]?.isOver == true { forget(stream) }
    return result
  }

  private mutating func topUp(_ stream: UInt32, output: inout some FrameOutput) {
    guard let state = streams[stream], state.unreported >= state.windowSize / 2 else { return }
    measureRoundTrip(output: &output)
    let growth = growth(of: state)
    let delta = state.unreported + growth
    windowGrowth += growth
    streams[stream]?.windowSize += growth
    streams[stream]?.receiveWindow += delta
    streams[stream]?.unreported = 0
    streams[stream]?.toppedUpAt = now
    YamuxHeader(type: .windowUpdate, stream: stream, length: UInt32(delta)).append(to: &output)
  }

  /// A window whose half was read within a few round trips holds its sender up, so it doubles; the
  /// reader has kept up, so that a larger one will not pile up.
  private func growth(of stream: YamuxStream) -> Int {
    guard let roundTrip, let since = stream.toppedUpAt,
      now.duration(since: since) < roundTrip * YamuxLimits.roundTripsPerWindow
    else { return 0 }
    return max(
      0,
      min(
        stream.windowSize, YamuxLimits.windowBytesMax - stream.windowSize,
        YamuxLimits.windowGrowthMax - windowGrowth))
  }

  /// Gives back memory that nothing stands in.
  mutating func releaseIdleMemory() {
    for index in streams.values.indices { streams.values[index].inbox.releaseIdleMemory() }
  }

  /// Says that we send no more on a stream; reading goes on.
  package mutating func finish(_ stream: UInt32, output: inout some FrameOutput) {
    guard streams[stream]?.finishedSending == false else { return }
    streams[stream]?.finishedSending = true
    YamuxHeader(type: .windowUpdate, flags: .finish, stream: stream).append(to: &output)
    if streams[stream]?.isOver == true { forget(stream) }
  }

  /// Gives a stream up in both directions.
  package mutating func reset(_ stream: UInt32, output: inout some FrameOutput) {
    guard streams[stream] != nil else { return }
    forget(stream)
    YamuxHeader(type: .windowUpdate, flags: .reset, stream: stream).append(to: &output)
  }

  /// Asks the other side to echo `opaque`.
  package mutating func ping(_ opaque: UInt32, output: inout some FrameOutput) {
    YamuxHeader(type: .ping, flags: .synchronize, stream: 0, length: opaque).append(to: &output)
  }

  /// Says that we accept no more streams.
  package mutating func goAway(_ reason: YamuxGoAway, output: inout some FrameOutput) {
    YamuxHeader(type: .goAway, stream: 0, length: reason.rawValue).append(to: &output)
  }
}
