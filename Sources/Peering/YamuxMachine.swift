package import Primitives

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
  let weAreClient: Bool
  var nextStream: UInt32
  var streams: [UInt32: YamuxStream] = [:]
  var unacknowledged = 0
  /// Bytes that wait in the inboxes of all streams.
  var unreadBytes = 0
  var remoteGoneAway = false
  /// Bytes that readers have accepted and not yet taken.
  var acceptedBytes = 0
  var windowGrowth = 0

  /// The owner's clock; windows grow by it.
  package var now = Tick.zero
  /// The last measured round trip of the session.
  package private(set) var roundTrip: Duration?
  private var ownPing: (opaque: UInt32, sentAt: Tick)?

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
    _ input: UnsafeRawBufferPointer, output: inout some FrameOutput, events: inout [YamuxEvent]
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
    _ frame: YamuxHeader, output: inout some FrameOutput, events: inout [YamuxEvent]
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
      } else if frame.length >= YamuxLimits.ownPing {
        noteRoundTrip(frame.length)
      } else {
        events.append(.pong(frame.length))
      }
    case .goAway:
      remoteGoneAway = true
      events.append(.goAway(code: frame.length))
    }
  }

  private mutating func openIfNew(
    _ frame: YamuxHeader, output: inout some FrameOutput, events: inout [YamuxEvent]
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

  mutating func forget(_ stream: UInt32) {
    acknowledge(stream)
    guard let gone = streams.removeValue(forKey: stream) else { return }
    unreadBytes -= gone.inbox.count - gone.accepted
    acceptedBytes -= gone.accepted
    windowGrowth -= gone.windowSize - YamuxLimits.initialWindowBytes
  }

  // MARK: The round trip

  /// Asks for the round trip, unless an answer is on its way or young enough.
  mutating func measureRoundTrip(output: inout some FrameOutput) {
    if let last = ownPing {
      guard roundTrip != nil, now.duration(since: last.sentAt) >= YamuxLimits.roundTripAge else {
        return
      }
    }
    let opaque = (ownPing?.opaque).map { $0 == .max ? YamuxLimits.ownPing : $0 + 1 }
    ownPing = (opaque ?? YamuxLimits.ownPing, now)
    ping(opaque ?? YamuxLimits.ownPing, output: &output)
  }

  private mutating func noteRoundTrip(_ opaque: UInt32) {
    guard let asked = ownPing, asked.opaque == opaque else { return }
    roundTrip = now.duration(since: asked.sentAt)
  }
}
