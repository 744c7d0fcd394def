import Primitives

/// What a muxed session tells its owner.
package enum YamuxEvent: Equatable, Sendable {
  /// The other side opened a stream.
  case opened(UInt32)
  /// Bytes wait in a stream's inbox.
  case readable(UInt32)
  /// A stream's exhausted send window grew.
  case writable(UInt32)
  /// The other side will send no more on a stream; what waits can still be read.
  case finished(UInt32)
  /// The other side gave a stream up.
  case reset(UInt32)
  /// The other side answered the ping of this opaque value.
  case pong(UInt32)
  /// The other side accepts no more streams.
  case goAway(code: UInt32)
}

/// A yamux session (libp2p/specs yamux/README.md): streams over one ordered byte stream.
///
/// Data-plane machine: frames are appended to `output` and events to `events`, both owned by the
/// caller; reading never waits for writing, and in steady state no frame allocates.
package struct YamuxMachine {
  private let weAreClient: Bool
  private var nextStream: UInt32
  private var streams: [UInt32: YamuxStream] = [:]
  private var unacknowledged = 0
  /// Bytes that wait in the inboxes of all streams.
  private(set) var unreadBytes = 0
  private var remoteGoneAway = false

  private var header = Bytes()
  /// The data frame whose body is arriving; the stream may be gone, the body is read regardless.
  private var body: (stream: UInt32, left: Int, flags: YamuxFlags)?

  /// A session; the client opens odd streams, the server even ones.
  package init(weAreClient: Bool) {
    self.weAreClient = weAreClient
    nextStream = weAreClient ? 1 : 2
    header.reserveCapacity(YamuxHeader.byteCount)
  }

  /// The open streams.
  package var streamCount: Int { streams.count }

  // MARK: - The other side's bytes

  /// Reads bytes of the other side.
  package mutating func receive(
    _ input: UnsafeRawBufferPointer, output: inout ByteQueue, events: inout [YamuxEvent]
  ) throws(PeeringError) {
    var offset = 0
    while offset < input.count || body?.left == 0 {
      if let arriving = body {
        let count = min(arriving.left, input.count - offset)
        let piece = UnsafeRawBufferPointer(rebasing: input[offset..<(offset + count)])
        try take(piece, of: arriving, events: &events)
        offset += count
      } else {
        let count = min(YamuxHeader.byteCount - header.count, input.count - offset)
        header.append(contentsOf: input[offset..<(offset + count)])
        offset += count
        guard header.count == YamuxHeader.byteCount else { continue }
        let frame = try parseHeader()
        header.removeAll(keepingCapacity: true)
        try handle(frame, output: &output, events: &events)
      }
    }
  }

  private func parseHeader() throws(PeeringError) -> YamuxHeader {
    var bytes: (UInt64, UInt32) = (0, 0)
    withUnsafeMutableBytes(of: &bytes) { $0.copyBytes(from: header) }
    let parsed = withUnsafeBytes(of: bytes) { raw in
      Result { () throws(PeeringError) in
        try YamuxHeader(UnsafeRawBufferPointer(rebasing: raw[..<YamuxHeader.byteCount]))
      }
    }
    return try parsed.get()
  }

  private mutating func handle(
    _ frame: YamuxHeader, output: inout ByteQueue, events: inout [YamuxEvent]
  ) throws(PeeringError) {
    switch frame.type {
    case .data:
      try openIfNew(frame, output: &output, events: &events)
      try startBody(frame)
    case .windowUpdate:
      try openIfNew(frame, output: &output, events: &events)
      try widen(frame, events: &events)
      applyFlags(frame.flags, to: frame.stream, events: &events)
    case .ping:
      if frame.flags.contains(.synchronize) {
        YamuxHeader(type: .ping, flags: .acknowledge, stream: 0, length: frame.length)
          .append(to: &output)
      } else {
        events.append(.pong(frame.length))
      }
    case .goAway:
      remoteGoneAway = true
      events.append(.goAway(code: frame.length))
    }
  }

  private mutating func openIfNew(
    _ frame: YamuxHeader, output: inout ByteQueue, events: inout [YamuxEvent]
  ) throws(PeeringError) {
    guard frame.flags.contains(.synchronize) else { return }
    let openedByClient = frame.stream & 1 == 1
    guard frame.stream != 0, openedByClient != weAreClient, streams[frame.stream] == nil else {
      throw .yamux(.streamNumber(frame.stream))
    }
    guard streams.count < YamuxLimits.streamsMax else {
      YamuxHeader(type: .windowUpdate, flags: .reset, stream: frame.stream).append(to: &output)
      return
    }
    streams[frame.stream] = YamuxStream(openedByUs: false)
    YamuxHeader(type: .windowUpdate, flags: .acknowledge, stream: frame.stream)
      .append(to: &output)
    events.append(.opened(frame.stream))
  }

  private mutating func startBody(_ frame: YamuxHeader) throws(PeeringError) {
    if let window = streams[frame.stream]?.receiveWindow {
      guard frame.length <= UInt32(window) else {
        throw .yamux(
          .windowExceeded(stream: frame.stream, bytes: frame.length, window: window))
      }
      streams[frame.stream]?.receiveWindow -= Int(frame.length)
    }
    body = (frame.stream, Int(frame.length), frame.flags)
  }

  private mutating func take(
    _ piece: UnsafeRawBufferPointer, of arriving: (stream: UInt32, left: Int, flags: YamuxFlags),
    events: inout [YamuxEvent]
  ) throws(PeeringError) {
    if !piece.isEmpty, streams[arriving.stream] != nil {
      guard unreadBytes + piece.count <= YamuxLimits.unreadBytesMax else {
        throw .yamux(.sessionMemory(limit: YamuxLimits.unreadBytesMax))
      }
      unreadBytes += piece.count
      streams[arriving.stream]?.inbox.append(piece)
      events.append(.readable(arriving.stream))
    }
    guard piece.count == arriving.left else {
      body?.left -= piece.count
      return
    }
    body = nil
    applyFlags(arriving.flags, to: arriving.stream, events: &events)
  }

  private mutating func widen(
    _ frame: YamuxHeader, events: inout [YamuxEvent]
  ) throws(PeeringError) {
    guard let window = streams[frame.stream]?.sendWindow else { return }
    let wider = window + Int(frame.length)
    guard wider <= Int(UInt32.max) else { throw .yamux(.windowOverflow(stream: frame.stream)) }
    streams[frame.stream]?.sendWindow = wider
    if window == 0, wider > 0 { events.append(.writable(frame.stream)) }
  }

  private mutating func applyFlags(
    _ flags: YamuxFlags, to stream: UInt32, events: inout [YamuxEvent]
  ) {
    guard streams[stream] != nil else { return }
    if flags.contains(.acknowledge) { acknowledge(stream) }
    if flags.contains(.finish), streams[stream]?.finishedReceiving == false {
      streams[stream]?.finishedReceiving = true
      events.append(.finished(stream))
      if streams[stream]?.isOver == true { forget(stream) }
    }
    if flags.contains(.reset) {
      forget(stream)
      events.append(.reset(stream))
    }
  }

  private mutating func acknowledge(_ stream: UInt32) {
    guard streams[stream]?.awaitsAcknowledgement == true else { return }
    streams[stream]?.awaitsAcknowledgement = false
    unacknowledged -= 1
  }

  private mutating func forget(_ stream: UInt32) {
    acknowledge(stream)
    guard let gone = streams.removeValue(forKey: stream) else { return }
    unreadBytes -= gone.inbox.count
  }
}

// MARK: - Our side

extension YamuxMachine {
  /// Opens a stream.
  package mutating func open(output: inout ByteQueue) throws(PeeringError) -> UInt32 {
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
    _ bytes: UnsafeRawBufferPointer, on stream: UInt32, room: Int, output: inout ByteQueue
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

  /// Lets `body` read what waits on a stream.
  package func read<Result>(
    _ stream: UInt32, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result? {
    streams[stream]?.inbox.read(body)
  }

  /// Drops `count` read bytes and tells the other side once half a window was read.
  package mutating func consume(_ count: Int, of stream: UInt32, output: inout ByteQueue) {
    guard count > 0, streams[stream] != nil else { return }
    unreadBytes -= count
    streams[stream]?.inbox.consume(count)
    streams[stream]?.unreported += count
    if streams[stream]?.finishedReceiving == false { topUp(stream, output: &output) }
    if streams[stream]?.isOver == true { forget(stream) }
  }

  private mutating func topUp(_ stream: UInt32, output: inout ByteQueue) {
    guard let unreported = streams[stream]?.unreported,
      let size = streams[stream]?.windowSize, unreported >= size / 2
    else { return }
    // The reader has kept up with a whole window's traffic, so a larger one will not pile up.
    let growth = min(size, YamuxLimits.windowBytesMax - size)
    let delta = unreported + growth
    streams[stream]?.windowSize = size + growth
    streams[stream]?.receiveWindow += delta
    streams[stream]?.unreported = 0
    YamuxHeader(type: .windowUpdate, stream: stream, length: UInt32(delta)).append(to: &output)
  }

  /// Says that we send no more on a stream; reading goes on.
  package mutating func finish(_ stream: UInt32, output: inout ByteQueue) {
    guard streams[stream]?.finishedSending == false else { return }
    streams[stream]?.finishedSending = true
    YamuxHeader(type: .windowUpdate, flags: .finish, stream: stream).append(to: &output)
    if streams[stream]?.isOver == true { forget(stream) }
  }

  /// Gives a stream up in both directions.
  package mutating func reset(_ stream: UInt32, output: inout ByteQueue) {
    guard streams[stream] != nil else { return }
    forget(stream)
    YamuxHeader(type: .windowUpdate, flags: .reset, stream: stream).append(to: &output)
  }

  /// Asks the other side to echo `opaque`.
  package mutating func ping(_ opaque: UInt32, output: inout ByteQueue) {
    YamuxHeader(type: .ping, flags: .synchronize, stream: 0, length: opaque).append(to: &output)
  }

  /// Says that we accept no more streams.
  package mutating func goAway(_ reason: YamuxGoAway, output: inout ByteQueue) {
    YamuxHeader(type: .goAway, stream: 0, length: reason.rawValue).append(to: &output)
  }
}
