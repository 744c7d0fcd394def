import Peering
import Primitives

/// How the shell of a seed run treats connections.
enum SeedConnectionLimits {
  /// A dial without an answer is given up after this many milliseconds.
  static let dialMilliseconds = 5_000
  /// Milliseconds between two looks at the connections of a node.
  static let upkeepMilliseconds = 5_000
  /// A silent peer is asked whether it is there after this, and given up after that.
  static let silenceMilliseconds = 10_000
  static let silenceMillisecondsMax = 25_000
  /// A node with fewer connections dials; one with more closes idle ones.
  static let wanted = 8
  static let most = 24
  /// A connection that served nothing for so long is idle.
  static let idleMilliseconds = 30_000
  /// Round trips of TCP, Noise and the muxer before the first request.
  static let handshakeTrips = 3
  /// A lost segment comes again after this long (RFC 6298 §2: the least is a second; stacks have
  /// 200 ms).
  static let retransmissionMilliseconds = 200
}

extension SeedNetwork {
  mutating func dial(_ peer: UInt32, from node: UInt32) {
    guard peer != node, !nodes[Int(node)].isConnected(to: peer),
      !nodes[Int(node)].dialling.contains(where: { $0.peer == peer })
    else { return }
    if nodes[Int(node)].wasAway, errs(.neverRedials) { return }
    let since = queue.now
    dials += 1
    nodes[Int(node)].dialling.append((peer, since))
    queue.schedule(
      .dialGivenUp(from: node, to: peer, since: since),
      after: SeedConnectionLimits.dialMilliseconds)
    let delivery = conditions.send(from: Int(node), to: Int(peer), now: queue.now)
    guard let first = delivery.first else { return }
    queue.schedule(
      .dial(from: node, to: peer, identity: dials),
      after: SeedConnectionLimits.handshakeTrips * first)
  }

  mutating func receiveDial(from dialler: UInt32, to node: UInt32, _ identity: UInt64) {
    guard states.isUp(Int(node)), nodes[Int(node)].isReachable,
      !nodes[Int(node)].hasNewer(than: identity, to: dialler)
    else { return }
    let delivery = conditions.send(from: Int(node), to: Int(dialler), now: queue.now)
    guard let first = delivery.first else { return }
    // The dialler must know of the connection before the first word over it arrives.
    connect(dialler, at: node, weDialled: false, identity, ready: queue.now + first + 1)
    queue.schedule(.dialled(from: dialler, to: node, identity: identity), after: first)
  }

  mutating func receiveAnswer(from dialler: UInt32, to peer: UInt32, _ identity: UInt64) {
    // A node that has restarted since knows nothing of the dial.
    guard states.isUp(Int(dialler)),
      nodes[Int(dialler)].dialling.contains(where: { $0.peer == peer }),
      !nodes[Int(dialler)].hasNewer(than: identity, to: peer)
    else { return }
    nodes[Int(dialler)].dialling.removeAll { $0.peer == peer }
    connect(peer, at: dialler, weDialled: true, identity, ready: queue.now)
    let ready = nodes[Int(dialler)].waiting.filter { $0.to.peer == peer }
    nodes[Int(dialler)].waiting.removeAll { $0.to.peer == peer }
    for request in ready { ask(request.request, request.to, from: dialler) }
  }

  mutating func giveUpDial(from node: UInt32, to peer: UInt32, since: Int) {
    guard nodes[Int(node)].dialling.contains(where: { $0.peer == peer && $0.since == since })
    else { return }
    nodes[Int(node)].dialling.removeAll { $0.peer == peer }
    let failed = nodes[Int(node)].waiting.filter { $0.to.peer == peer }
    nodes[Int(node)].waiting.removeAll { $0.to.peer == peer }
    guard states.isUp(Int(node)) else { return }
    for request in failed { tell(node, .failed(call: request.to.call)) }
  }

  private mutating func connect(
    _ peer: UInt32, at node: UInt32, weDialled: Bool, _ identity: UInt64, ready: Int
  ) {
    close(peer, at: node)
    let place = nodes[Int(node)].place(of: peer).index
    var connection = SeedConnection(
      peer: peer, weDialled: weDialled, identity: identity, heard: queue.now, used: queue.now)
    connection.ready = ready
    if scenario.level == .bytes {
      connection.wire = SeedWire(weDialled: weDialled, remoteKey: codec.key(of: peer))
    }
    nodes[Int(node)].connections.insert(connection, at: place)
    let handle = PeerHandle(peer)
    if nodes[Int(peer)].isReachable || errs(.trustsClients, every: 3) {
      tell(node, .identified(handle, admission: .puzzle))
    }
    tell(node, gossip: .connected(handle, weDialled: weDialled, version: .v12))
  }

  mutating func close(_ peer: UInt32, at node: UInt32) {
    let (index, found) = nodes[Int(node)].place(of: peer)
    guard found else { return }
    nodes[Int(node)].connections.remove(at: index)
    let failed = nodes[Int(node)].asked.filter { $0.peer == peer }
    nodes[Int(node)].asked.removeAll { $0.peer == peer }
    nodes[Int(node)].asking.removeAll { $0.call.peer == peer }
    for call in failed { tell(node, .failed(call: call.call)) }
    if errs(.hidesDisconnect) { return }
    tell(node, gossip: .disconnected(PeerHandle(peer)))
  }

  /// Sends over an open connection; what is sent without one is lost.
  mutating func send(_ message: SeedMessage, from node: UInt32, to peer: UInt32) {
    let (index, found) = nodes[Int(node)].place(of: peer)
    guard found else { return }
    let identity = nodes[Int(node)].connections[index].identity
    if case .areYouThere = message {} else { nodes[Int(node)].connections[index].used = queue.now }
    if nodes[Int(node)].connections[index].wire != nil {
      guard case .reset = message else { return write(message, from: node, to: peer) }
    }
    let event = Event.message(message, from: node, to: peer, identity: identity)
    if case .gossip = message {
      return queue.schedule(event, at: arrival(from: node, to: peer, at: index))
    }
    let ready = nodes[Int(node)].connections[index].ready
    let delivery = conditions.send(from: Int(node), to: Int(peer), now: queue.now)
    if let first = delivery.first { queue.schedule(event, at: max(ready, queue.now + first)) }
    if let second = delivery.second { queue.schedule(event, at: max(ready, queue.now + second)) }
  }

  /// When what is written into a stream now arrives: in order, once; what is lost is sent again,
  /// and what a partition stops waits for its end.
  mutating func arrival(from node: UInt32, to peer: UInt32, at index: Int) -> Int {
    let delivery = conditions.send(from: Int(node), to: Int(peer), now: queue.now)
    let way = delivery.first ?? 2 * SeedConnectionLimits.retransmissionMilliseconds
    let whole = conditions.cutEnd(Int(node), Int(peer), now: queue.now) ?? queue.now
    let connection = nodes[Int(node)].connections[index]
    let time = max(whole + way, connection.inOrder, connection.ready)
    nodes[Int(node)].connections[index].inOrder = time
    return time
  }

  mutating func receive(
    _ message: SeedMessage, from sender: UInt32, to node: UInt32, _ identity: UInt64
  ) {
    guard states.isUp(Int(node)) else {
      // A stream waits for a node that is only away, as long as its connection does.
      if case .gossip = message { nodes[Int(node)].held.append((message, sender, identity)) }
      return
    }
    outcome.digest.add(UInt64(sender) << 32 | UInt64(node))
    countSpin(node)
    let (index, found) = nodes[Int(node)].place(of: sender)
    guard found, nodes[Int(node)].connections[index].identity == identity else {
      return answerStranger(message, from: sender, at: node, identity)
    }
    nodes[Int(node)].connections[index].heard = queue.now
    switch message {
    case .ask(let request, let call): serve(request, call, from: sender, at: node)
    case .answer(let response, let call):
      finishCall(SeedCall(peer: sender, call: call), of: node, with: response)
    case .refusal(let call): failCall(SeedCall(peer: sender, call: call), of: node)
    case .gossip(let item):
      nodes[Int(node)].connections[index].used = queue.now
      receiveGossip(item, from: sender, at: node)
    case .areYouThere: send(.iAmHere, from: node, to: sender)
    case .iAmHere: break
    case .reset: close(sender, at: node)
    }
  }

  /// Bytes of a connection that this end does not have: the other end is told so.
  mutating func answerStranger(
    _ message: SeedMessage, from sender: UInt32, at node: UInt32, _ identity: UInt64
  ) {
    if case .reset = message { return }
    let delivery = conditions.send(from: Int(node), to: Int(sender), now: queue.now)
    guard let first = delivery.first else { return }
    queue.schedule(.message(.reset, from: node, to: sender, identity: identity), after: first)
  }

  /// The shell's regular look at a node: silent peers, alarms, missing and idle connections.
  mutating func keepUp(_ node: UInt32) {
    queue.schedule(
      .upkeep(node, incarnation: nodes[Int(node)].incarnation),
      after: SeedConnectionLimits.upkeepMilliseconds)
    guard states.isUp(Int(node)) else { return }
    for connection in nodes[Int(node)].connections {
      let silence = queue.now - connection.heard
      if silence > SeedConnectionLimits.silenceMillisecondsMax {
        close(connection.peer, at: node)
      } else if silence > SeedConnectionLimits.silenceMilliseconds {
        send(.areYouThere, from: node, to: connection.peer)
      }
    }
    checkTimers(of: node)
    closeIdle(of: node)
    guard nodes[Int(node)].connections.count < SeedConnectionLimits.wanted else { return }
    let known = peersToDial(of: node)
    for _ in nodes[Int(node)].connections.count..<SeedConnectionLimits.wanted {
      dial(known[randoms[Int(node)].below(known.count)], from: node)
    }
  }

  private func peersToDial(of node: UInt32) -> [UInt32] {
    nodes[Int(node)].kademlia.table.entries.map(\.peer.index)
      + (0..<UInt32(Self.anchors)).filter { $0 != node }
  }

  /// A router's mesh stays thin, so that what it knows is not enough.
  mutating func meetMore(_ missing: Int, of node: UInt32) {
    var strangers = peersToDial(of: node).filter { !nodes[Int(node)].isConnected(to: $0) }
    for _ in 0..<min(missing, strangers.count) {
      dial(strangers.remove(at: randoms[Int(node)].below(strangers.count)), from: node)
    }
  }

  private mutating func closeIdle(of node: UInt32) {
    guard nodes[Int(node)].connections.count > SeedConnectionLimits.most else { return }
    let mesh = nodes[Int(node)].router.mesh(of: Self.topic)
    let idle = nodes[Int(node)].connections.first { connection in
      queue.now - connection.used > SeedConnectionLimits.idleMilliseconds
        && !mesh.contains(PeerHandle(connection.peer))
    }
    guard let idle else { return }
    send(.reset, from: node, to: idle.peer)
    close(idle.peer, at: node)
  }
}
