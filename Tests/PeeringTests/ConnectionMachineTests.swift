import Cryptography
import Primitives
import Testing

@testable import Peering

@Suite("connection machine")
struct ConnectionMachineTests {
  private static let service = "/test/1.0.0"

  @Test("a dialer opens a stream after one round trip, and both know each other")
  func handshake() throws {
    var pair = try Pair()
    try pair.exchange()
    #expect(pair.dialerEvents == [.established(try Pair.peer(2))])
    #expect(pair.listenerEvents == [.established(try Pair.peer(1))])
  }

  @Test("a request written before the stream's protocol is agreed arrives with it")
  func lazyStream() throws {
    var pair = try Pair()
    try pair.exchange()
    let stream = try pair.dialer.open([Self.service])
    #expect(try pair.send([1, 2, 3], on: stream) == 3)
    pair.dialer.finish(stream)
    try pair.exchange()
    #expect(pair.listenerEvents.contains(.accepted(stream: stream, protocolID: Self.service)))
    #expect(pair.listener.takeAll(from: stream) == [1, 2, 3])
    #expect(pair.listener.isDrained(stream))
  }

  @Test("a protocol nobody serves is refused")
  func refusedProtocol() throws {
    var pair = try Pair()
    try pair.exchange()
    let stream = try pair.dialer.open(["/other/1.0.0"])
    try pair.exchange()
    #expect(pair.dialerEvents.contains(.refused(stream: stream)))
    #expect(throws: PeeringError.noSuchStream) { try pair.send([1], on: stream) }
  }

  @Test("ping is echoed and identify answered by the machine")
  func builtIn() throws {
    var pair = try Pair()
    try pair.exchange()
    let ping = try pair.dialer.open([PingProtocol.protocolID])
    let payload = Bytes(0..<32)
    _ = try pair.send(payload, on: ping)
    let identify = try pair.dialer.open([IdentifyMessage.protocolID])
    try pair.exchange()
    #expect(pair.dialer.takeAll(from: ping) == payload)
    var answer = ByteQueue()
    answer.append(pair.dialer.takeAll(from: identify))
    let message = try #require(
      try RPCFraming.next(in: &answer, limit: IdentifyMessage.bytesMax))
    #expect(try IdentifyMessage(decoding: message).agentVersion == "test")
  }

  @Test("another identity than the expected one ends the handshake on both sides")
  func wrongPeer() throws {
    var pair = try Pair(expecting: try Pair.peer(9))
    #expect(
      throws: PeeringError.wrongPeer(expected: try Pair.peer(9), actual: try Pair.peer(2))
    ) {
      try pair.exchange()
    }
  }

  @Test("bytes cut into single ones make no difference")
  func singleBytes() throws {
    var pair = try Pair(pieceBytes: 1)
    try pair.exchange()
    let stream = try pair.dialer.open([Self.service])
    _ = try pair.send([5], on: stream)
    try pair.exchange()
    #expect(pair.listenerEvents.contains(.accepted(stream: stream, protocolID: Self.service)))
  }

  @Test(
    "bulk cut anywhere arrives whole, though messages are decrypted where they lie",
    arguments: [7, 1_000, 65_537, 65_538, 100_000])
  func cutBulk(pieceBytes: Int) throws {
    var pair = try Pair(pieceBytes: pieceBytes)
    try pair.exchange()
    let stream = try pair.dialer.open([Self.service])
    let body = Bytes((0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) })
    #expect(try pair.send(body, on: stream) == body.count)
    try pair.exchange()
    #expect(pair.listener.takeAll(from: stream) == body)
    pair.dialer.releaseIdleMemory()
    #expect(pair.listener.heldBytes == 0)
  }

  @Test("a message larger than the window comes when its reader accepts what is there")
  func acceptance() throws {
    var pair = try Pair()
    try pair.exchange()
    let stream = try pair.dialer.open([Self.service])
    let body = Bytes(repeating: 5, count: 400_000)
    let first = try pair.send(body, on: stream)
    try pair.exchange()
    #expect(first < body.count)
    #expect(pair.listener.hasNews(on: stream))
    let none: Bytes?? = pair.listener.take(from: stream, accepting: body.count) { waiting in
      waiting.count < body.count ? nil : waiting.take(body.count)
    }
    #expect(none == .some(nil))
    #expect(!pair.listener.hasNews(on: stream))
    #expect(pair.listener.acceptedBytes == first)
    try pair.exchange()
    var sent = first
    while sent < body.count {
      sent += try pair.send(Bytes(body[sent...]), on: stream)
      try pair.exchange()
    }
    #expect(pair.listener.takeAll(from: stream) == body)
    #expect(pair.listener.acceptedBytes == 0)
  }

  @Test("no flipped bit of the dialer's handshake passes unseen")
  func flippedHandshakeBits() throws {
    let recorded = try Pair.recordedDialerBytes()
    for index in stride(from: 0, to: recorded.count, by: 3) {
      var pair = try Pair(flippingDialerByte: index)
      do {
        try pair.exchange()
        Issue.record("byte \(index) was changed and both sides went on")
      } catch {
        #expect(error is PeeringError)
      }
    }
  }

  @Test("a changed transport byte ends the connection")
  func flippedTransportByte() throws {
    var pair = try Pair()
    try pair.exchange()
    let stream = try pair.dialer.open([Self.service])
    _ = try pair.send([1, 2, 3], on: stream)
    pair.dialer.flush()
    var bytes = pair.dialer.outbox.take(pair.dialer.outbox.count)
    bytes[bytes.count - 1] ^= 1
    pair.listener.inbox.append(bytes)
    #expect(throws: PeeringError.noiseTagMismatch) {
      try pair.listener.receive(events: &pair.listenerEvents)
    }
    #expect(!pair.listener.isOpen)
  }

  @Test("bulk data larger than any window and buffer arrives in order")
  func bulk() throws {
    var pair = try Pair()
    try pair.exchange()
    let stream = try pair.dialer.open([Self.service])
    let body = Bytes((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) })
    var sent = 0
    var received = ByteQueue()
    while received.count < body.count {
      if sent < body.count { sent += try pair.send(Bytes(body[sent...]), on: stream) }
      try pair.exchange()
      received.append(pair.listener.takeAll(from: stream))
    }
    #expect(received.bytes == body)
  }
}

extension ConnectionMachine {
  /// All that waits on a stream.
  fileprivate mutating func takeAll(from stream: UInt32) -> Bytes {
    take(from: stream, accepting: 0) { $0.take($0.count) } ?? []
  }
}

/// Two machines whose outboxes are carried to each other's inbox.
private struct Pair {
  var dialer: ConnectionMachine
  var listener: ConnectionMachine
  var dialerEvents: [ConnectionEvent] = []
  var listenerEvents: [ConnectionEvent] = []
  private let pieceBytes: Int
  private var flippingDialerByte: Int?
  private var dialerBytes = Bytes()

  static func peer(_ number: UInt8) throws -> PeerID { try identity(number).publicKey.peerID }

  static func recordedDialerBytes() throws -> Bytes {
    var pair = try Pair()
    try pair.exchange()
    return pair.dialerBytes
  }

  private static func identity(_ number: UInt8) throws -> SigningKey {
    try SigningKey(seed: Bytes(repeating: number, count: 32))
  }

  init(
    expecting peer: PeerID? = nil, pieceBytes: Int = .max, flippingDialerByte: Int? = nil
  ) throws {
    self.pieceBytes = pieceBytes
    self.flippingDialerByte = flippingDialerByte
    var identify = IdentifyMessage()
    identify.agentVersion = "test"
    func machine(_ role: NoiseRole, _ number: UInt8) throws -> ConnectionMachine {
      ConnectionMachine(
        role: role, identity: try Self.identity(number),
        staticKey: NoiseKeyPair(privateKey: Bytes(repeating: number &+ 10, count: 32)),
        ephemeralKey: NoiseKeyPair(privateKey: Bytes(repeating: number &+ 20, count: 32)),
        expectedPeer: role == .initiator ? peer : nil, protocols: ["/test/1.0.0"],
        identify: identify)
    }
    dialer = try machine(.initiator, 1)
    listener = try machine(.responder, 2)
  }

  mutating func send(_ bytes: Bytes, on stream: UInt32) throws -> Int {
    var queue = ByteQueue()
    queue.append(bytes)
    let outcome = queue.read { input in
      Result { () throws(PeeringError) in try dialer.send(input, on: stream) }
    }
    return try outcome.get()
  }

  /// Carries bytes until both sides are quiet.
  mutating func exchange() throws {
    while true {
      dialer.flush()
      listener.flush()
      if dialer.outbox.isEmpty && listener.outbox.isEmpty { break }
      try carryFromDialer()
      listener.flush()
      let bytes = listener.outbox.take(min(listener.outbox.count, pieceBytes))
      dialer.inbox.append(bytes)
      try dialer.receive(events: &dialerEvents)
    }
    // A flipped length makes the other side wait for ever; silence is no success.
    if flippingDialerByte != nil, !(dialer.isOpen && listener.isOpen) {
      throw PeeringError.connectionNotOpen
    }
  }

  private mutating func carryFromDialer() throws {
    var bytes = dialer.outbox.take(min(dialer.outbox.count, pieceBytes))
    if let place = flippingDialerByte,
      (dialerBytes.count..<(dialerBytes.count + bytes.count)).contains(place)
    {
      bytes[place - dialerBytes.count] ^= 0x10
    }
    dialerBytes += bytes
    // The dialer reads from its inbox, the listener where the bytes lie.
    let outcome = bytes.withUnsafeMutableBytes { received in
      Result { () throws(PeeringError) in
        try listener.receive(received, events: &listenerEvents)
      }
    }
    try outcome.get()
  }
}
