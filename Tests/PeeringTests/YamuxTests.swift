import Primitives
import Testing

@testable import Peering

/// Frames and rules of github.com/libp2p/specs/yamux.
@Suite("yamux")
struct YamuxTests {
  @Test("a header is twelve bytes, big-endian")
  func header() throws {
    var output = ByteQueue()
    let header = YamuxHeader(
      type: .windowUpdate, flags: [.synchronize, .finish], stream: 0x0102_0304,
      length: 0xA0B0_C0D0)
    header.append(to: &output)
    #expect(output.bytes == [0, 1, 0, 5, 1, 2, 3, 4, 0xA0, 0xB0, 0xC0, 0xD0])
    let parsed = output.read { bytes in Result { try YamuxHeader(bytes) } }
    #expect(try parsed.get() == header)
  }

  @Test("an unknown version, type or flag ends the session")
  func badHeaders() {
    let frames: [(Bytes, YamuxViolation)] = [
      ([1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], .version(1)),
      ([0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], .frameType(4)),
      ([0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0], .flags(16)),
    ]
    for (bytes, violation) in frames {
      var side = Side(client: false)
      #expect(throws: PeeringError.yamux(violation)) { try side.receive(bytes) }
    }
  }

  @Test("data of a new stream arrives, is acknowledged, and both halves close")
  func exchange() throws {
    var (client, server) = (Side(client: true), Side(client: false))
    let stream = try client.machine.open(output: &client.output)
    #expect(stream == 1)
    #expect(try client.send([1, 2, 3], on: stream) == 3)
    client.machine.finish(stream, output: &client.output)
    #expect(
      try server.receive(client.drain()) == [.opened(1), .readable(1), .finished(1)])
    #expect(server.machine.read(1) { Bytes($0) } == [1, 2, 3])
    server.machine.consume(3, of: 1, output: &server.output)
    #expect(server.machine.isDrained(1))
    server.machine.finish(1, output: &server.output)
    #expect(try client.receive(server.drain()) == [.finished(1)])
    #expect(client.machine.streamCount == 0)
    #expect(server.machine.streamCount == 0)
  }

  @Test("a stream number of the wrong side, zero or in use ends the session")
  func streamNumbers() throws {
    for number: UInt32 in [0, 2, 1] {
      var server = Side(client: false)
      try server.receive(frame(.windowUpdate, [.synchronize], 1))
      #expect(throws: PeeringError.yamux(.streamNumber(number))) {
        try server.receive(frame(.windowUpdate, [.synchronize], number))
      }
    }
  }

  @Test("sending stops at the window and goes on after an update")
  func sendWindow() throws {
    var client = Side(client: true)
    let stream = try client.machine.open(output: &client.output)
    let body = Bytes(repeating: 1, count: 300_000)
    #expect(try client.send(body, on: stream) == 262_144)
    #expect(try client.send(body, on: stream) == 0)
    #expect(
      try client.receive(frame(.windowUpdate, [.acknowledge], stream, 1_000))
        == [.writable(stream)])
    #expect(try client.send(body, on: stream) == 1_000)
  }

  @Test("a window update is due once half a window was read, with a question for the round trip")
  func windowUpdate() throws {
    var server = Side(client: false)
    try server.receive(frame(.windowUpdate, [.synchronize], 1))
    _ = server.drain()
    try server.read(131_071, from: 1)
    #expect(server.drain().isEmpty)
    try server.read(1, from: 1)
    #expect(
      server.drain() == frame(.ping, [.synchronize], 0, YamuxLimits.ownPing)
        + frame(.windowUpdate, [], 1, 131_072))
  }

  @Test("a window that is used up within four round trips doubles, a slower one stays")
  func windowGrowth() throws {
    var server = Side(client: false)
    try server.receive(frame(.windowUpdate, [.synchronize], 1))
    server.machine.now = Self.time(milliseconds: 100)
    try server.read(131_072, from: 1)
    server.machine.now = Self.time(milliseconds: 110)
    #expect(try server.receive(frame(.ping, [.acknowledge], 0, YamuxLimits.ownPing)) == [])
    #expect(server.machine.roundTrip == .milliseconds(10))
    _ = server.drain()
    server.machine.now = Self.time(milliseconds: 139)
    try server.read(131_072, from: 1)
    #expect(server.drain() == frame(.windowUpdate, [], 1, 131_072 + 262_144))
    server.machine.now = Self.time(milliseconds: 179)
    try server.read(262_144, from: 1)
    #expect(server.drain() == frame(.windowUpdate, [], 1, 262_144))
  }

  @Test("windows grow to their limit, and all of a session together to theirs")
  func growthLimits() throws {
    var server = Side(client: false)
    var windows: [UInt32: Int] = [1: 262_144, 3: 262_144]
    for stream in [1, 3] as [UInt32] {
      try server.receive(frame(.windowUpdate, [.synchronize], stream))
    }
    try server.read(131_072, from: 1)
    server.machine.now = Self.time(milliseconds: 1_000)
    try server.receive(frame(.ping, [.acknowledge], 0, YamuxLimits.ownPing))
    for _ in 0..<20 {
      for stream in [1, 3] as [UInt32] {
        let half = (windows[stream] ?? 0) / 2
        _ = server.drain()
        for _ in 0..<half / 131_072 { try server.read(131_072, from: stream) }
        let update = Bytes(server.drain().suffix(12))
        let delta = update.suffix(4).reduce(0) { $0 << 8 | Int($1) }
        windows[stream, default: 0] += delta - half
      }
    }
    #expect(windows[1] == YamuxLimits.windowBytesMax)
    let grown = windows.values.reduce(0) { $0 + $1 - 262_144 }
    #expect(grown == YamuxLimits.windowGrowthMax)
    #expect(server.machine.unreadBytes == 0)
  }

  @Test("an answer to a question that was not asked is no round trip")
  func inventedRoundTrip() throws {
    var server = Side(client: false)
    #expect(try server.receive(frame(.ping, [.acknowledge], 0, .max)) == [])
    #expect(server.machine.roundTrip == nil)
  }

  private static func time(milliseconds: UInt64) -> Tick {
    Tick(nanoseconds: milliseconds * 1_000_000)
  }

  @Test("a peer that sends beyond the window ends the session")
  func windowExceeded() throws {
    var server = Side(client: false)
    try server.receive(frame(.windowUpdate, [.synchronize], 1))
    #expect(
      throws: PeeringError.yamux(
        .windowExceeded(stream: 1, bytes: 262_145, window: 262_144))
    ) {
      try server.receive(frame(.data, [], 1, 262_145))
    }
  }

  @Test("a send window beyond 32 bits ends the session")
  func windowOverflow() throws {
    var client = Side(client: true)
    let stream = try client.machine.open(output: &client.output)
    #expect(throws: PeeringError.yamux(.windowOverflow(stream: stream))) {
      try client.receive(frame(.windowUpdate, [], stream, .max))
    }
  }

  @Test("the body of an unknown stream is read past")
  func unknownStream() throws {
    var server = Side(client: false)
    let bytes = frame(.data, [], 9, 3) + [1, 2, 3] + frame(.ping, [.acknowledge], 0, 5)
    #expect(try server.receive(bytes) == [.pong(5)])
  }

  @Test("a ping comes back with its value")
  func ping() throws {
    var server = Side(client: false)
    try server.receive(frame(.ping, [.synchronize], 0, 77))
    #expect(server.drain() == frame(.ping, [.acknowledge], 0, 77))
  }

  @Test("a reset drops what is unread, in both directions")
  func reset() throws {
    var (client, server) = (Side(client: true), Side(client: false))
    let stream = try client.machine.open(output: &client.output)
    _ = try client.send([1, 2, 3], on: stream)
    try server.receive(client.drain())
    client.machine.reset(stream, output: &client.output)
    #expect(try server.receive(client.drain()) == [.reset(stream)])
    #expect(server.machine.available(on: stream) == 0)
    #expect(throws: PeeringError.noSuchStream) { try client.send([1], on: stream) }
  }

  @Test("streams beyond the limit are reset, and our own are refused")
  func streamLimits() throws {
    var (client, server) = (Side(client: true), Side(client: false))
    for number in 0..<UInt32(YamuxLimits.streamsMax) {
      try server.receive(frame(.windowUpdate, [.synchronize], 2 * number + 1))
    }
    _ = server.drain()
    try server.receive(frame(.windowUpdate, [.synchronize], 9_999))
    #expect(server.drain() == frame(.windowUpdate, [.reset], 9_999))
    for _ in 0..<YamuxLimits.unacknowledgedMax {
      _ = try client.machine.open(output: &client.output)
    }
    #expect(throws: PeeringError.tooManyStreams(limit: YamuxLimits.unacknowledgedMax)) {
      _ = try client.machine.open(output: &client.output)
    }
  }

  @Test("unread bytes of all streams together are bounded")
  func sessionMemory() throws {
    var server = Side(client: false)
    let body = Bytes(repeating: 0, count: YamuxLimits.initialWindowBytes)
    #expect(throws: PeeringError.yamux(.sessionMemory(limit: YamuxLimits.unreadBytesMax))) {
      for number in 0..<UInt32(YamuxLimits.streamsMax) {
        try server.receive(
          frame(.data, [.synchronize], 2 * number + 1, UInt32(body.count)) + body)
      }
    }
  }

  @Test("after a go-away no stream is opened")
  func goAway() throws {
    var client = Side(client: true)
    #expect(try client.receive(frame(.goAway, [], 0, 0)) == [.goAway(code: 0)])
    #expect(throws: PeeringError.connectionNotOpen) {
      _ = try client.machine.open(output: &client.output)
    }
  }

  @Test("frames cut anywhere give the same events")
  func cuts() throws {
    let bytes =
      frame(.windowUpdate, [.synchronize], 1) + frame(.data, [.finish], 1, 5) + [1, 2, 3, 4, 5]
      + frame(.ping, [.synchronize], 0, 1)
    for cut in 0...bytes.count {
      var server = Side(client: false)
      let first = try server.receive(Bytes(bytes[..<cut]))
      let second = try server.receive(Bytes(bytes[cut...]))
      let events = (first + second).filter { $0 != .readable(1) }
      #expect(events == [.opened(1), .finished(1)])
      #expect(server.machine.available(on: 1) == 5)
    }
  }
}

/// One machine with its buffers.
private struct Side {
  var machine: YamuxMachine
  var output = ByteQueue()

  init(client: Bool) {
    machine = YamuxMachine(weAreClient: client)
  }

  mutating func drain() -> Bytes { output.take(output.count) }

  @discardableResult
  mutating func receive(_ bytes: Bytes) throws -> [YamuxEvent] {
    var events: [YamuxEvent] = []
    var queue = ByteQueue()
    queue.append(bytes)
    let outcome = queue.read { input in
      Result { try machine.receive(input, output: &output, events: &events) }
    }
    try outcome.get()
    return events
  }

  /// `count` bytes arrive on a stream and are read.
  mutating func read(_ count: Int, from stream: UInt32) throws {
    try receive(
      frame(.data, [], stream, UInt32(count)) + Bytes(repeating: 0, count: count))
    machine.consume(count, of: stream, output: &output)
  }

  mutating func send(_ bytes: Bytes, on stream: UInt32) throws -> Int {
    var queue = ByteQueue()
    queue.append(bytes)
    let outcome = queue.read { input in
      Result { () throws(PeeringError) in
        try machine.send(input, on: stream, room: bytes.count, output: &output)
      }
    }
    return try outcome.get()
  }
}

private func frame(
  _ type: YamuxFrameType, _ flags: YamuxFlags, _ stream: UInt32, _ length: UInt32 = 0
) -> Bytes {
  var output = ByteQueue()
  YamuxHeader(type: type, flags: flags, stream: stream, length: length).append(to: &output)
  return output.bytes
}
