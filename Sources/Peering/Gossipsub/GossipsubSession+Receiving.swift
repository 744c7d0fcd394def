import Cryptography
import Primitives

/// From an RPC to the machine's events.
extension GossipsubSession {
  mutating func receive(
    _ bytes: Bytes, from peer: PeerHandle, turn: inout Turn, random: inout SplitMix64,
    _ directory: some GossipPeerRecords, effects: inout [GossipsubSessionEffect]
  ) {
    guard peerIDs[peer] != nil else { return }
    // What a peer with such a score says is not even read.
    guard machine.listens(to: peer, now: turn.now) else {
      effects.append(.refused(peer, .graylisted))
      return
    }
    let rpc: GossipsubRPC
    do throws(PeeringError) {
      rpc = try GossipsubRPC(decoding: bytes)
    } catch {
      effects.append(.malformed(peer, error))
      return
    }
    var items: [GossipItem<GossipWirePayload>] = []
    for change in rpc.subscriptions { addSubscription(change, to: &items) }
    for message in rpc.messages {
      add(message, from: peer, to: &items, turn: &turn, random: &random, directory: directory)
    }
    addControl(of: rpc, to: &items, turn: &turn)
    for item in items {
      step(.received(item, from: peer), turn: &turn, random: &random, directory: directory)
    }
    dialNamed(by: rpc, from: peer, now: turn.now, effects: &effects)
  }

  private mutating func addSubscription(
    _ change: GossipsubRPC.Subscription, to items: inout [GossipItem<GossipWirePayload>]
  ) {
    if change.subscribes {
      if let topic = names.enter(change.topic) { items.append(.subscribe(topic)) }
    } else if let topic = names.topic(change.topic) {
      items.append(.unsubscribe(topic))
    }
  }

  /// Messages of topics that were joined and that keep the topic's rules.
  private mutating func add(
    _ message: GossipsubWireMessage, from peer: PeerHandle,
    to items: inout [GossipItem<GossipWirePayload>], turn: inout Turn,
    random: inout SplitMix64, directory: some GossipPeerRecords
  ) {
    guard let topic = names.topic(message.topic), let kind = machine.joinedKind(of: topic) else {
      turn.output.append(.refused(peer, .topicNotJoined))
      return
    }
    let byteCount = message.data?.count ?? 0
    guard byteCount <= kind.messageBytesMax,
      let wireID = GossipSignature.wireID(of: message, signing: kind.signing)
    else {
      step(.malformed(topic, from: peer), turn: &turn, random: &random, directory: directory)
      return
    }
    // A few broken messages lose a peer its hearing, also for the rest of the same RPC.
    guard machine.listens(to: peer, now: turn.now) else { return }
    // Our own words came back after we had forgotten them: nobody is to blame.
    guard !isOwn(message.author) else { return }
    items.append(
      .message(
        GossipMessage(
          id: GossipMessageID(wire: wireID), topic: topic, byteCount: UInt32(byteCount),
          author: handle(of: message.author), isSigned: kind.signing == .strictSign,
          payload: GossipWirePayload(message: message, wireID: wireID))))
  }

  private func addControl(
    of rpc: GossipsubRPC, to items: inout [GossipItem<GossipWirePayload>], turn: inout Turn
  ) {
    let most = Int(machine.configuration.parameters.ihaveIDsMax)
    for ihave in rpc.ihaves {
      guard let topic = names.topic(ihave.topic), machine.joinedKind(of: topic) != nil else {
        continue
      }
      var ids: [GossipMessageID] = []
      for wire in ihave.ids.prefix(most) {
        let id = GossipMessageID(wire: wire)
        turn.wireIDs[id] = wire
        ids.append(id)
      }
      items.append(.ihave(topic, ids))
    }
    if !rpc.iwants.isEmpty {
      items.append(.iwant(rpc.iwants.prefix(most).map { GossipMessageID(wire: $0) }))
    }
    for name in rpc.grafts {
      if let topic = names.topic(name) { items.append(.graft(topic)) }
    }
    for prune in rpc.prunes {
      guard let topic = names.topic(prune.topic) else { continue }
      let seconds = UInt32(clamping: prune.backoffSeconds)
      items.append(.prune(topic, backoffSeconds: seconds, peers: []))
    }
    for ids in rpc.idontwants {
      items.append(.idontwant(ids.map { GossipMessageID(wire: $0) }))
    }
  }

  /// Peers that PRUNEs of joined topics name, if the sender's score is good enough and each comes
  /// with a record it signed itself; the driver checks that before it dials.
  private func dialNamed(
    by rpc: GossipsubRPC, from peer: PeerHandle, now: Tick,
    effects: inout [GossipsubSessionEffect]
  ) {
    var found: [GossipsubRPC.PeerInfo] = []
    for prune in rpc.prunes where !prune.peers.isEmpty {
      guard let topic = names.topic(prune.topic), machine.joinedKind(of: topic) != nil else {
        continue
      }
      found += prune.peers.filter { info in
        info.signedRecord != nil && !isOwn(info.peerID) && handle(of: info.peerID) == nil
      }
    }
    guard !found.isEmpty else { return }
    guard machine.acceptsPeerExchange(from: peer, now: now) else {
      effects.append(.refused(peer, .scoreBelowPeerExchange))
      return
    }
    let most = machine.configuration.parameters.prunePeers
    effects.append(.dial(Array(found.prefix(most)), namedBy: peer))
  }
}
