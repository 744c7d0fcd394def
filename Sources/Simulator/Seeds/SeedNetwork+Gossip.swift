import Peering
import Primitives

extension SeedNetwork {
  /// Under the mistake `skipsValidation` this node changes what it forwards.
  private static let forger: UInt32 = 5
  /// A copy of a message this long after the first is one that was forgotten in time: nine tenths
  /// of the time that ids are remembered, for clocks that run fast.
  private static let forgottenMilliseconds = 108_000

  mutating func tell(_ node: UInt32, gossip event: GossipsubEvent<UInt64>) {
    var effects: SeedNode.Router.Effects = []
    swap(&effects, &routerEffects)
    nodes[Int(node)].router.handle(
      event, now: clocks.tick(of: Int(node), at: queue.now),
      random: &randoms[Int(node)], directory: book, effects: &effects)
    for effect in effects { carryOut(effect, of: node) }
    effects.removeAll(keepingCapacity: true)
    swap(&effects, &routerEffects)
    wakeRouter(node)
  }

  private mutating func wakeRouter(_ node: UInt32) {
    let next = nodes[Int(node)].router.nextWake
    let time = max(queue.now + 1, clocks.milliseconds(of: Int(node), at: next))
    guard nodes[Int(node)].routerWake == .max, states.isUp(Int(node)) else { return }
    nodes[Int(node)].routerWake = time
    if errs(.forgetsHeartbeat, every: 2_000) { return }
    queue.schedule(
      .routerWake(node, incarnation: nodes[Int(node)].incarnation, time: time), at: time)
  }

  private mutating func carryOut(_ effect: GossipsubEffect<UInt64>, of node: UInt32) {
    switch effect {
    case .send(let peer, let item): send(item, from: node, to: peer.index)
    case .validate(let message, _):
      let isGenuine = message.payload == SeedRecord.payload(of: message.id.low)
      let isAccepted = isGenuine || scenario.bug == .skipsValidation
      tell(node, gossip: .validated(message.id, isAccepted ? .accept : .reject))
    case .deliver(let message, _):
      deliver(message, at: node)
      if errs(.deliversTwice, every: 100) { deliver(message, at: node) }
    case .connect(let peer): dial(peer.index, from: node)
    case .wantsPeers(_, let missing): meetMore(missing, of: node)
    case .refused: break
    }
  }

  private mutating func send(_ item: GossipItem<UInt64>, from node: UInt32, to peer: UInt32) {
    if states[Int(node)].contains(.silent), item.carriesNews { return }
    if case .prune = item, errs(.dropsPrunes) { return }
    var item = item
    if case .message(let message) = item, node == Self.forger, errs(.skipsValidation) {
      item = .message(
        GossipMessage(
          id: message.id, topic: message.topic, byteCount: message.byteCount,
          author: message.author, payload: ~message.payload))
    }
    send(.gossip(item), from: node, to: peer)
  }

  mutating func receiveGossip(
    _ item: GossipItem<UInt64>, from sender: UInt32, at node: UInt32
  ) {
    if case .message = item { outcome.gossip.copies += 1 }
    tell(node, gossip: .received(item, from: PeerHandle(sender)))
  }

  private mutating func deliver(_ message: GossipMessage<UInt64>, at node: UInt32) {
    let number = message.id.low
    outcome.digest.add(number)
    if message.payload != SeedRecord.payload(of: number) {
      fail(.deliveredIntact, node, "message \(number) says something else")
    }
    if let before = nodes[Int(node)].delivered[number],
      queue.now - before < Self.forgottenMilliseconds
    {
      fail(.deliveredOnce, node, "message \(number) after \(queue.now - before) ms again")
    }
    nodes[Int(node)].delivered[number] = queue.now
    outcome.gossip.deliveries += 1
  }

  // MARK: Checks

  /// Right after a heartbeat: no more than D_hi, and nobody who has gone.
  mutating func checkMesh(of node: UInt32) {
    let mesh = nodes[Int(node)].router.mesh(of: Self.topic)
    if mesh.count > configuration.parameters.degreeHigh {
      fail(.meshBounds, node, "\(mesh.count) peers in the mesh")
    }
    if let gone = mesh.first(where: { !nodes[Int(node)].isConnected(to: $0.index) }) {
      fail(.meshBounds, node, "\(gone.index) is in the mesh and not connected")
    }
  }

  /// Pairs of which only the first has the other in its mesh.
  func lopsidedPairs() -> [UInt64] {
    var meshes: [[PeerHandle]] = []
    for node in nodes { meshes.append(node.router.mesh(of: Self.topic)) }
    var pairs: [UInt64] = []
    for (node, mesh) in meshes.enumerated() where states.isUp(node) {
      for peer in mesh
      where states.isUp(Int(peer.index))
        && !meshes[Int(peer.index)].contains(PeerHandle(UInt32(node)))
      {
        pairs.append(UInt64(node) << 32 | UInt64(peer.index))
      }
    }
    return pairs
  }
}
