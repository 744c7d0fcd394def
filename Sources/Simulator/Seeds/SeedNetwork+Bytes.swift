import Peering
import Primitives

/// Runs of level `bytes`: what the other files send and receive as messages goes through the
/// connection machine, its streams and the codecs.
extension SeedNetwork {
  // MARK: Out

  /// Writes a message into a connection's streams; the bytes leave at the end of the event.
  mutating func write(_ message: SeedMessage, from node: UInt32, to peer: UInt32) {
    let index = nodes[Int(node)].place(of: peer).index
    guard let wire = nodes[Int(node)].connections[index].wire else { return }
    var failed: UInt32?
    do throws(PeeringError) {
      try write(message, into: wire)
    } catch {
      if case .ask(_, let call) = message {
        failed = call
      } else {
        fail(.bytesUnderstood, node, "\(error) when writing")
      }
    }
    unsent.append((node, peer))
    if let failed { failCall(SeedCall(peer: peer, call: failed), of: node) }
  }

  private func write(_ message: SeedMessage, into wire: SeedWire) throws(PeeringError) {
    switch message {
    case .ask(let request, let call):
      let stream = try wire.machine.open([KademliaMachine.martletProtocolID])
      let frame = KademliaMessage(request, peer: codec.describe).encoded()
      _ = try wire.write(frame, on: stream)
      wire.machine.finish(stream)
      wire.streams.append(SeedWire.Stream(id: stream, use: .ask(request, call: call)))
    case .answer(let response, let call):
      guard let place = wire.place(of: call), case .serve(let asked?) = wire.streams[place].use
      else { return }
      let frame = KademliaMessage(response, to: asked, peer: codec.describe).encoded()
      _ = try wire.write(frame, on: call)
      wire.machine.release(call)
      wire.streams.remove(at: place)
    case .refusal(let call):
      guard let place = wire.place(of: call) else { return }
      wire.machine.reset(call)
      wire.streams.remove(at: place)
    case .gossip(let item): try wire.gossip(codec.rpc(item).encoded())
    case .areYouThere:
      wire.pings &+= 1
      wire.machine.ping(wire.pings)
    case .iAmHere, .reset: break
    }
  }

  /// Hands what connections have to say to the network, in order and whole, as TCP does: what is
  /// lost, or cut off, comes later.
  mutating func sendSegments() {
    while let (node, peer) = unsent.popLast() {
      let (index, found) = nodes[Int(node)].place(of: peer)
      guard found else { continue }
      nodes[Int(node)].connections[index].wire?.machine.flush()
      guard let count = nodes[Int(node)].connections[index].wire?.machine.outbox.count,
        count > 0,
        let bytes = nodes[Int(node)].connections[index].wire?.machine.outbox.take(count)
      else { continue }
      let identity = nodes[Int(node)].connections[index].identity
      let time = arrival(from: node, to: peer, at: index)
      queue.schedule(
        .segment(bytes, from: node, to: peer, identity: identity), at: time)
    }
  }

  // MARK: In

  mutating func receive(
    segment bytes: Bytes, from sender: UInt32, to node: UInt32, _ identity: UInt64
  ) {
    guard states.isUp(Int(node)) else {
      nodes[Int(node)].heldSegments.append((bytes, sender, identity))
      return
    }
    countSpin(node)
    outcome.digest.add(UInt64(sender) << 32 | UInt64(node))
    outcome.digest.add(bytes.count)
    let (index, found) = nodes[Int(node)].place(of: sender)
    guard found, nodes[Int(node)].connections[index].identity == identity else {
      return answerStranger(.areYouThere, from: sender, at: node, identity)
    }
    nodes[Int(node)].connections[index].heard = queue.now
    var events: [ConnectionEvent] = []
    if let wire = nodes[Int(node)].connections[index].wire {
      wire.machine.inbox.append(bytes)
      do throws(PeeringError) {
        try wire.machine.receive(events: &events)
      } catch {
        fail(.bytesUnderstood, node, "\(error) from \(sender)")
      }
    }
    unsent.append((node, sender))
    for event in events { handle(event, from: sender, at: node, identity) }
  }

  /// The connection's wire, if it is still the same connection.
  private func withWire<Result>(
    _ node: UInt32, _ peer: UInt32, _ identity: UInt64, _ body: (SeedWire) -> Result?
  ) -> Result? {
    let (index, found) = nodes[Int(node)].place(of: peer)
    guard found, nodes[Int(node)].connections[index].identity == identity,
      let wire = nodes[Int(node)].connections[index].wire
    else { return nil }
    return body(wire)
  }

  private mutating func handle(
    _ event: ConnectionEvent, from peer: UInt32, at node: UInt32, _ identity: UInt64
  ) {
    switch event {
    case .accepted(let stream, let name):
      let use: SeedWire.Use = name == SeedWire.gossipProtocol ? .gossipIn : .serve(nil)
      withWire(node, peer, identity) { wire in
        wire.streams.append(SeedWire.Stream(id: stream, use: use))
      }
    case .readable(let stream): read(stream, from: peer, at: node, identity)
    case .writable:
      withWire(node, peer, identity) { wire in try? wire.gossip(GossipsubRPC().encoded()) }
    case .refused(let stream), .reset(let stream):
      let use = withWire(node, peer, identity) { wire -> SeedWire.Use? in
        wire.place(of: stream).map { wire.streams.remove(at: $0).use }
      }
      if case .ask(_, let call)? = use { failCall(SeedCall(peer: peer, call: call), of: node) }
    case .established, .agreed, .pong, .goAway: break
    }
  }

  private mutating func read(
    _ stream: UInt32, from peer: UInt32, at node: UInt32, _ identity: UInt64
  ) {
    while let (use, frame) = nextFrame(stream, from: peer, at: node, identity) {
      do throws(PeeringError) {
        switch use {
        case .ask(_, let call):
          let response = try KademliaMessage(decoding: frame).response(intern: codec.intern)
          withWire(node, peer, identity) { wire in
            wire.machine.release(stream)
            wire.streams.removeAll { $0.id == stream }
          }
          finishCall(SeedCall(peer: peer, call: call), of: node, with: response)
        case .serve: try serve(frame, stream, from: peer, at: node, identity)
        case .gossipIn:
          for item in codec.items(try GossipsubRPC(decoding: frame)) {
            receiveGossip(item, from: peer, at: node)
          }
        case .gossipOut: break
        }
      } catch {
        fail(.bytesUnderstood, node, "\(error) from \(peer)")
      }
    }
  }

  /// The next whole frame that a stream has brought.
  private mutating func nextFrame(
    _ stream: UInt32, from peer: UInt32, at node: UInt32, _ identity: UInt64
  ) -> (use: SeedWire.Use, frame: Bytes)? {
    let outcome = withWire(node, peer, identity) { wire -> Result<Bytes?, PeeringError>? in
      guard wire.place(of: stream) != nil else { return nil }
      let limit = GossipsubLimits.rpcBytesMax
      return wire.machine.take(from: stream) { queue, awaited in
        let next = Result { () throws(PeeringError) in
          try RPCFraming.next(in: &queue, limit: limit)
        }
        awaited = RPCFraming.awaited(in: queue)
        return next
      }
    }
    guard let outcome else { return nil }
    switch outcome {
    case .success(let frame?):
      let use = withWire(node, peer, identity) { wire in
        wire.place(of: stream).map { wire.streams[$0].use }
      }
      return use.map { ($0, frame) }
    case .success(nil): return nil
    case .failure(let error):
      fail(.bytesUnderstood, node, "\(error) from \(peer)")
      return nil
    }
  }

  private mutating func serve(
    _ frame: Bytes, _ stream: UInt32, from peer: UInt32, at node: UInt32, _ identity: UInt64
  ) throws(PeeringError) {
    let message = try KademliaMessage(decoding: frame)
    let request: KademliaRequest
    do throws(KademliaRefusal) {
      request = try message.request(from: PeerHandle(peer), intern: codec.intern)
    } catch {
      withWire(node, peer, identity) { wire in
        wire.machine.reset(stream)
        wire.streams.removeAll { $0.id == stream }
      }
      return
    }
    withWire(node, peer, identity) { wire in
      guard let place = wire.place(of: stream) else { return }
      wire.streams[place].use = .serve(request)
    }
    serve(request, stream, from: peer, at: node)
    guard !request.hasAnswer else { return }
    withWire(node, peer, identity) { wire in
      wire.machine.leave(stream)
      wire.streams.removeAll { $0.id == stream }
    }
  }
}
