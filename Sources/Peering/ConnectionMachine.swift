package import Cryptography
package import Primitives

/// Limits of one peer connection.
package enum ConnectionLimits {
  /// Above this much unsent data, streams have to wait. The socket has a buffer of its own; this
  /// one stays within a core's cache, between being encrypted and being handed over.
  package static let sendBufferBytes = 256 * 1_024
  /// Above this a peer asks for answers (pings, window updates) without ever reading them.
  static let sendBacklogMax = 8 * 1_024 * 1_024
  /// Streams that have not yet agreed on a protocol.
  static let negotiatingStreamsMax = 128
  /// Ping streams of one peer that are answered (libp2p/specs ping/ping.md).
  static let pingStreamsMax = 2
}

/// What a connection tells its owner.
package enum ConnectionEvent: Equatable, Sendable {
  /// Handshake and muxer are done; streams may be opened.
  case established(PeerID)
  /// The other side opened a stream for a protocol that we serve.
  case accepted(stream: UInt32, protocolID: String)
  /// The other side agreed to one of the protocols that we proposed.
  case agreed(stream: UInt32, protocolID: String)
  /// The other side refused the protocol of a stream that we opened.
  case refused(stream: UInt32)
  /// Bytes, or the end, can be read from a stream.
  case readable(UInt32)
  /// A stream whose window was exhausted can send again.
  case writable(UInt32)
  /// The other side gave a stream up.
  case reset(UInt32)
  /// The ping of this opaque value came back.
  case pong(UInt32)
  /// The other side opens and accepts no more streams.
  case goAway(code: UInt32)
}

/// One libp2p connection over an ordered byte stream, without the byte stream: multistream-select,
/// Noise, muxer choice, yamux, and multistream-select again on each stream.
///
/// The owner writes received bytes into `inbox` and calls `receive`, then calls `flush` and sends
/// what stands in `outbox`. `flush` once a turn joins the frames of a turn into one Noise message.
/// Ping and identify are answered here.
package struct ConnectionMachine {
  static let securityProtocols = ["/noise"]
  static let muxerProtocols = ["/yamux/1.0.0"]
  static let builtIn = [PingProtocol.protocolID, IdentifyMessage.protocolID]

  enum Phase {
    case agreeingOnSecurity(MultistreamMachine)
    case handshake
    case agreeingOnMuxer(MultistreamMachine)
    case open
    case closed
  }

  enum StreamUse {
    case proposing(MultistreamMachine)
    case accepting(MultistreamMachine, since: Tick)
    case application
    case ping
  }

  /// Received bytes that were not yet handled.
  package var inbox = ByteQueue()
  /// Bytes to send; `flush` makes them ready.
  package var outbox = NoiseOutbox()

  /// What we answer to identify; the owner replaces it when something about us changes.
  package var identify: IdentifyMessage
  /// Ping and identify first, then what the owner serves.
  var served: [String]

  let role: NoiseRole
  var handshake: NoiseHandshakeMachine?
  var session: NoiseSession?
  var yamux: YamuxMachine
  var phase: Phase
  var streams: [UInt32: StreamUse] = [:]
  var negotiatingCount = 0
  var pingCount = 0
  var yamuxEvents: [YamuxEvent] = []

  /// A connection; `ephemeralKey` is fresh for each. The dialer's first bytes stand in `outbox`.
  package init(
    role: NoiseRole, identity: SigningKey, staticKey: NoiseKeyPair, ephemeralKey: NoiseKeyPair,
    expectedPeer: PeerID? = nil, protocols: [String], identify: IdentifyMessage
  ) {
    self.role = role
    self.identify = identify
    served = Self.builtIn + protocols
    var handshake = NoiseHandshakeMachine(
      role: role, identity: identity, staticKey: staticKey, ephemeralKey: ephemeralKey,
      muxers: Self.muxerProtocols, expectedPeer: expectedPeer)
    var first = ByteQueue()
    yamux = YamuxMachine(weAreClient: role == .initiator)
    switch role {
    case .initiator:
      phase = .agreeingOnSecurity(
        MultistreamMachine(proposing: Self.securityProtocols, output: &first))
      first.read { outbox.append($0) }
      NoiseFraming.append(handshake.start(), to: &outbox)
    case .responder:
      phase = .agreeingOnSecurity(MultistreamMachine(accepting: Self.securityProtocols))
    }
    self.handshake = handshake
  }

  /// The proven identity of the other side.
  package var remotePeer: PeerID? { session?.remotePeer }

  /// The key that proves it, in protobuf form.
  package var remoteKey: Bytes? { session?.remoteKey }

  /// Bytes in its queues and in those of its streams.
  package var heldBytes: Int {
    inbox.count + outbox.count + yamux.unreadBytes + yamux.acceptedBytes
  }

  /// Whether streams can be opened.
  package var isOpen: Bool { if case .open = phase { true } else { false } }

  /// Replaces the protocols of streams that the other side may open from now on; a name matches as
  /// a whole or not at all.
  package mutating func serve(_ protocols: [String]) { served = Self.builtIn + protocols }

  /// The owner's clock.
  package var now: Tick {
    get { yamux.now }
    set { yamux.now = newValue }
  }

  /// Handles all that stands in `inbox`. After an error the connection is closed.
  package mutating func receive(events: inout [ConnectionEvent]) throws(PeeringError) {
    do throws(PeeringError) {
      while try step(events: &events) {}
      try checkBacklog()
    } catch {
      fail()
      throw error
    }
  }

  /// Handles received bytes where they lie, decrypting them in place; what is not yet a whole
  /// message goes to `inbox`. After an error the connection is closed.
  package mutating func receive(
    _ input: UnsafeMutableRawBufferPointer, events: inout [ConnectionEvent]
  ) throws(PeeringError) {
    var rest = input[...]
    while !rest.isEmpty {
      let waiting = UnsafeMutableRawBufferPointer(rebasing: rest)
      if isTransport, inbox.isEmpty,
        let length = NoiseFraming.nextMessage(in: UnsafeRawBufferPointer(waiting))
      {
        rest = rest.dropFirst(NoiseFraming.headerBytes + length)
        do throws(PeeringError) {
          try handleMessage(
            UnsafeMutableRawBufferPointer(
              rebasing: waiting[NoiseFraming.headerBytes..<(NoiseFraming.headerBytes + length)]),
            events: &events)
          try checkBacklog()
        } catch {
          fail()
          throw error
        }
      } else {
        // Before the transport phase everything is handled in the inbox; in it, one message is.
        let missing = isTransport ? NoiseFraming.missing(in: inbox) : rest.count
        let count = min(rest.count, max(1, missing))
        inbox.append(UnsafeRawBufferPointer(rebasing: waiting[..<count]))
        rest = rest.dropFirst(count)
        try receive(events: &events)
      }
    }
  }

  private func checkBacklog() throws(PeeringError) {
    guard outbox.count <= ConnectionLimits.sendBacklogMax else {
      throw .sendBacklog(bytes: outbox.count, limit: ConnectionLimits.sendBacklogMax)
    }
  }

  private mutating func fail() {
    if isOpen { yamux.goAway(.protocolError, output: &outbox) }
    flush()
    phase = .closed
  }

  /// Seals what is to be sent into `outbox`.
  package mutating func flush() { outbox.seal() }

  /// Gives back memory that nothing stands in.
  package mutating func releaseIdleMemory() {
    inbox.releaseIdleMemory()
    outbox.releaseIdleMemory()
    yamux.releaseIdleMemory()
  }

  /// Whether whole Noise messages are all that can come.
  private var isTransport: Bool {
    switch phase {
    case .agreeingOnMuxer, .open: true
    case .agreeingOnSecurity, .handshake, .closed: false
    }
  }

  /// Does one thing; returns whether there may be more to do.
  private mutating func step(events: inout [ConnectionEvent]) throws(PeeringError) -> Bool {
    switch phase {
    case .agreeingOnSecurity(var machine):
      guard !inbox.isEmpty else { return false }
      var waiting = ByteQueue()
      swap(&waiting, &inbox)
      let outcome = waiting.read { bytes in
        Result { () throws(PeeringError) in try negotiate(&machine, bytes) }
      }
      swap(&waiting, &inbox)
      inbox.consume(try outcome.get())
      phase = machine.agreed == nil ? .agreeingOnSecurity(machine) : .handshake
      return true
    case .handshake:
      return try stepHandshake(events: &events)
    case .agreeingOnMuxer, .open:
      return try stepTransport(events: &events)
    case .closed:
      return false
    }
  }

  private mutating func stepHandshake(
    events: inout [ConnectionEvent]
  ) throws(PeeringError) -> Bool {
    guard let length = NoiseFraming.nextMessage(in: inbox) else { return false }
    inbox.consume(NoiseFraming.headerBytes)
    let message = inbox.take(length)
    if let answer = try handshake?.receive(message) {
      NoiseFraming.append(answer, to: &outbox)
    }
    guard let session = handshake?.session else { return true }
    self.session = session
    handshake = nil
    outbox.encrypt(with: session.sending)
    if session.remoteMuxers.isEmpty {
      phase = agreeOnMuxer()
    } else if session.remoteMuxers.contains(where: Self.muxerProtocols.contains) {
      phase = .open
      events.append(.established(session.remotePeer))
    } else {
      throw .noCommonMuxer
    }
    return true
  }

  private mutating func agreeOnMuxer() -> Phase {
    switch role {
    case .initiator:
      var proposal = ByteQueue()
      let machine = MultistreamMachine(proposing: Self.muxerProtocols, output: &proposal)
      proposal.read { outbox.append($0) }
      return .agreeingOnMuxer(machine)
    case .responder:
      return .agreeingOnMuxer(MultistreamMachine(accepting: Self.muxerProtocols))
    }
  }

  /// Handles one Noise message of the inbox.
  private mutating func stepTransport(
    events: inout [ConnectionEvent]
  ) throws(PeeringError) -> Bool {
    guard let length = NoiseFraming.nextMessage(in: inbox) else { return false }
    inbox.consume(NoiseFraming.headerBytes)
    // The inbox steps aside while its bytes are handled, because handling changes `self`.
    var received = ByteQueue()
    swap(&received, &inbox)
    let outcome = received.change { waiting in
      Result { () throws(PeeringError) in
        try handleMessage(
          UnsafeMutableRawBufferPointer(rebasing: waiting[..<length]), events: &events)
      }
    }
    swap(&received, &inbox)
    try outcome.get()
    inbox.consume(length)
    return true
  }

  /// Decrypts one Noise message in place and hands it on.
  private mutating func handleMessage(
    _ message: UnsafeMutableRawBufferPointer, events: inout [ConnectionEvent]
  ) throws(PeeringError) {
    guard let session, let count = session.receiving.open(message) else {
      throw .noiseTagMismatch
    }
    try handlePlaintext(
      UnsafeRawBufferPointer(rebasing: message[..<count]), remotePeer: session.remotePeer,
      events: &events)
  }
}
