import Cryptography
import Primitives

extension ConnectionMachine {
  /// Feeds bytes to a negotiation and sends its answers; returns how many it used.
  mutating func negotiate(
    _ machine: inout MultistreamMachine, _ bytes: UnsafeRawBufferPointer
  ) throws(PeeringError) -> Int {
    var answer = ByteQueue()
    let used = try machine.receive(bytes, output: &answer)
    answer.read { outbox.append($0) }
    return used
  }

  /// Hands decrypted bytes to the muxer, or to the negotiation before it.
  mutating func handlePlaintext(
    _ bytes: UnsafeRawBufferPointer, remotePeer: PeerID, events: inout [ConnectionEvent]
  ) throws(PeeringError) {
    var rest = bytes
    if case .agreeingOnMuxer(var machine) = phase {
      let used = try negotiate(&machine, rest)
      guard machine.agreed != nil else {
        phase = .agreeingOnMuxer(machine)
        return
      }
      phase = .open
      events.append(.established(remotePeer))
      rest = UnsafeRawBufferPointer(rebasing: rest[used...])
    }
    yamuxEvents.removeAll(keepingCapacity: true)
    let outcome = Result { () throws(PeeringError) in
      try yamux.receive(rest, output: &outbox, events: &yamuxEvents)
    }
    for index in yamuxEvents.indices {
      try handle(yamuxEvents[index], events: &events)
    }
    try outcome.get()
  }

  private mutating func handle(
    _ event: YamuxEvent, events: inout [ConnectionEvent]
  ) throws(PeeringError) {
    switch event {
    case .opened(let stream):
      guard negotiatingCount < ConnectionLimits.negotiatingStreamsMax else {
        yamux.reset(stream, output: &outbox)
        return
      }
      negotiatingCount += 1
      streams[stream] = .accepting(MultistreamMachine(accepting: served), since: now)
    case .readable(let stream), .finished(let stream):
      advance(stream, events: &events)
    case .writable(let stream):
      if case .application = streams[stream] { events.append(.writable(stream)) }
      if case .ping = streams[stream] { echo(stream) }
    case .reset(let stream):
      guard let use = drop(stream) else { return }
      switch use {
      case .application, .proposing: events.append(.reset(stream))
      case .accepting, .ping: break
      }
    case .pong(let opaque): events.append(.pong(opaque))
    case .goAway(let code): events.append(.goAway(code: code))
    }
  }

  /// Moves a stream on after bytes, or the end, arrived.
  private mutating func advance(_ stream: UInt32, events: inout [ConnectionEvent]) {
    switch streams[stream] {
    case .proposing(var machine):
      negotiate(stream, &machine, since: now, events: &events)
    case .accepting(var machine, let since):
      negotiate(stream, &machine, since: since, events: &events)
    case .application:
      events.append(.readable(stream))
    case .ping:
      echo(stream)
    case nil:
      // Nobody owns the stream any more: what still arrives is read and forgotten.
      yamux.consume(yamux.available(on: stream), of: stream, output: &outbox)
    }
  }

  private mutating func negotiate(
    _ stream: UInt32, _ machine: inout MultistreamMachine, since: Tick,
    events: inout [ConnectionEvent]
  ) {
    var answer = ByteQueue()
    let outcome = yamux.read(stream) { waiting in
      Result { () throws(PeeringError) in try machine.receive(waiting, output: &answer) }
    }
    // A stream that was reset behind its bytes is gone; the event of that comes next.
    guard let outcome else { return }
    guard case .success(let used) = outcome else { return refuse(stream, events: &events) }
    yamux.consume(used, of: stream, output: &outbox)
    if !answer.isEmpty { sendSmall(answer, on: stream) }
    guard let protocolID = machine.agreedProtocol else {
      if yamux.isDrained(stream) { return refuse(stream, events: &events) }
      streams[stream] =
        weProposed(stream) ? .proposing(machine) : .accepting(machine, since: since)
      return
    }
    negotiatingCount -= 1
    settle(stream, on: protocolID, events: &events)
  }

  /// An agreed stream starts its protocol.
  private mutating func settle(
    _ stream: UInt32, on protocolID: String, events: inout [ConnectionEvent]
  ) {
    if weProposed(stream) {
      streams[stream] = .application
      events.append(.agreed(stream: stream, protocolID: protocolID))
      events.append(.readable(stream))
    } else if protocolID == PingProtocol.protocolID {
      answerPing(stream)
    } else if protocolID == IdentifyMessage.protocolID {
      answerIdentify(stream)
    } else {
      streams[stream] = .application
      events.append(.accepted(stream: stream, protocolID: protocolID))
      if yamux.available(on: stream) > 0 || yamux.isDrained(stream) {
        events.append(.readable(stream))
      }
    }
  }

  private mutating func refuse(_ stream: UInt32, events: inout [ConnectionEvent]) {
    yamux.reset(stream, output: &outbox)
    let weOpened = weProposed(stream)
    guard drop(stream) != nil, weOpened else { return }
    events.append(.refused(stream: stream))
  }

  /// Removes a stream from the books; returns what it was used for.
  private mutating func drop(_ stream: UInt32) -> StreamUse? {
    guard let use = streams.removeValue(forKey: stream) else { return nil }
    switch use {
    case .proposing, .accepting: negotiatingCount -= 1
    case .ping: pingCount -= 1
    case .application: break
    }
    return use
  }

  private func weProposed(_ stream: UInt32) -> Bool {
    (stream & 1 == 1) == (role == .initiator)
  }

  /// Sends a negotiation's lines, which always fit the first window.
  private mutating func sendSmall(_ bytes: ByteQueue, on stream: UInt32) {
    bytes.read { waiting in
      _ = try? yamux.send(waiting, on: stream, room: waiting.count, output: &outbox)
    }
  }

  private mutating func answerIdentify(_ stream: UInt32) {
    let message = identify.encoded()
    var answer = ByteQueue()
    answer.append(Varint.encode(UInt64(message.count)))
    answer.append(message)
    sendSmall(answer, on: stream)
    yamux.finish(stream, output: &outbox)
    streams[stream] = nil
  }

  private mutating func answerPing(_ stream: UInt32) {
    guard pingCount < ConnectionLimits.pingStreamsMax else {
      yamux.reset(stream, output: &outbox)
      streams[stream] = nil
      return
    }
    pingCount += 1
    streams[stream] = .ping
    echo(stream)
  }

  /// Sends whole pings back as far as the window allows.
  private mutating func echo(_ stream: UInt32) {
    let waiting = yamux.available(on: stream)
    let whole = min(waiting, yamux.sendable(on: stream), Int(UInt16.max))
    let count = whole - whole % PingProtocol.payloadBytes
    if count > 0, let payload = yamux.read(stream, { Bytes($0.prefix(count)) }) {
      payload.withUnsafeBytes {
        _ = try? yamux.send($0, on: stream, room: count, output: &outbox)
      }
      yamux.consume(count, of: stream, output: &outbox)
    }
    if yamux.isDrained(stream) {
      yamux.finish(stream, output: &outbox)
      _ = drop(stream)
    }
  }
}

// MARK: - The owner's verbs

extension ConnectionMachine {
  /// Opens a stream for the first of `protocols` that the other side speaks. With one protocol it
  /// can be written at once; with several the event `agreed` comes first. A refusal is an event.
  package mutating func open(_ protocols: [String]) throws(PeeringError) -> UInt32 {
    guard isOpen else { throw .connectionNotOpen }
    let stream = try yamux.open(output: &outbox)
    var proposal = ByteQueue()
    let machine = MultistreamMachine(proposing: protocols, output: &proposal)
    streams[stream] = .proposing(machine)
    negotiatingCount += 1
    sendSmall(proposal, on: stream)
    return stream
  }

  /// Sends as much as window and buffer allow; returns how much that was.
  package mutating func send(
    _ bytes: UnsafeRawBufferPointer, on stream: UInt32
  ) throws(PeeringError) -> Int {
    guard isOpen else { throw .connectionNotOpen }
    return try yamux.send(bytes, on: stream, room: sendRoom, output: &outbox)
  }

  /// Bytes that streams may still hand over before the socket has to take some.
  package var sendRoom: Int { max(0, ConnectionLimits.sendBufferBytes - outbox.count) }

  /// Bytes that wait on a stream.
  package func available(on stream: UInt32) -> Int { yamux.available(on: stream) }

  /// Bytes the other side's window lets us send on a stream now.
  package func sendable(on stream: UInt32) -> Int { yamux.sendable(on: stream) }

  /// Lets `body` take bytes from the front of what waits on a stream, and say how long the message
  /// is that it waits for; so much is accepted even beyond the window.
  package mutating func take<Result>(
    from stream: UInt32, _ body: (_ inbox: inout ByteQueue, _ awaited: inout Int) -> Result
  ) -> Result? {
    guard case .application = streams[stream] else { return nil }
    return yamux.take(from: stream, output: &outbox, body)
  }

  /// Bytes that streams' readers have accepted and not yet taken.
  package var acceptedBytes: Int { yamux.acceptedBytes }

  /// Whether the other side has finished and everything was read.
  package func isDrained(_ stream: UInt32) -> Bool { yamux.isDrained(stream) }

  /// Whether a reader that took or accepted all it saw has something new to look at.
  package func hasNews(on stream: UInt32) -> Bool { yamux.hasNews(on: stream) }

  /// Whether the other side has finished; bytes may still wait.
  package func isFinished(_ stream: UInt32) -> Bool { yamux.isFinished(stream) }

  /// Ends our direction of a stream.
  package mutating func finish(_ stream: UInt32) {
    yamux.finish(stream, output: &outbox)
  }

  /// Lets go of a stream: what is unread, or still to come, is not wanted.
  package mutating func release(_ stream: UInt32) {
    guard drop(stream) != nil else { return }
    if yamux.isDrained(stream) {
      yamux.finish(stream, output: &outbox)
    } else {
      yamux.reset(stream, output: &outbox)
    }
  }

  /// Lets go of a stream whose other side may still send: that is read and forgotten.
  package mutating func leave(_ stream: UInt32) {
    guard drop(stream) != nil else { return }
    yamux.finish(stream, output: &outbox)
    yamux.consume(yamux.available(on: stream), of: stream, output: &outbox)
  }

  /// Gives a stream up in both directions.
  package mutating func reset(_ stream: UInt32) {
    _ = drop(stream)
    yamux.reset(stream, output: &outbox)
  }

  /// Asks the other side to echo `opaque`.
  package mutating func ping(_ opaque: UInt32) {
    guard isOpen else { return }
    yamux.ping(opaque, output: &outbox)
  }

  /// Says goodbye; `flush` and send what stands in `outbox`, then close.
  package mutating func close() {
    if isOpen { yamux.goAway(.normal, output: &outbox) }
    flush()
    phase = .closed
  }
}
