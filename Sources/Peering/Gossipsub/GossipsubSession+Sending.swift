import Cryptography
import Primitives

/// From the machine's effects to RPCs: what goes to one peer in one turn shares RPCs.
extension GossipsubSession {
  func translate(
    _ turn: Turn, directory: some GossipPeerRecords,
    effects: inout [GossipsubSessionEffect]
  ) {
    var outgoing: [PeerHandle: Outgoing] = [:]
    var order: [PeerHandle] = []
    for effect in turn.output {
      switch effect {
      case .send(let peer, let item):
        if outgoing[peer] == nil {
          outgoing[peer] = Outgoing()
          order.append(peer)
        }
        add(item, to: &outgoing[peer, default: Outgoing()], turn, directory)
      case .validate(let message, let peer):
        effects.append(
          .validate(
            message.id, message.payload.message, from: peer, checkSignature: message.isSigned,
            asksApplication: machine.joinedKind(of: message.topic)?.validates ?? false))
      case .deliver(let message, let peer):
        effects.append(.deliver(message.payload.message, from: peer))
      case .connect(let peer): effects.append(.connect(peer))
      case .wantsPeers(let topic, let missing):
        if let name = names.name(topic) { effects.append(.wantsPeers(name, missing: missing)) }
      case .refused(let peer, let refusal): effects.append(.refused(peer, refusal))
      }
    }
    for peer in order {
      for rpc in outgoing[peer]?.finished() ?? [] {
        effects.append(.send(peer, rpc.encoded()))
      }
    }
  }

  /// RPCs to one peer, each within the size that every implementation reads.
  private struct Outgoing {
    private var full: [GossipsubRPC] = []
    private var last = GossipsubRPC()
    private var lastBytes = 0

    /// Room for tags and lengths around an entry.
    static let entryOverheadBytes = 32

    /// The RPC in which an entry of `bytes` has room.
    mutating func rpc(for bytes: Int, _ body: (inout GossipsubRPC) -> Void) {
      let size = bytes + Self.entryOverheadBytes
      if lastBytes + size > GossipsubLimits.rpcBytesMax, lastBytes > 0 {
        full.append(last)
        last = GossipsubRPC()
        lastBytes = 0
      }
      lastBytes += size
      body(&last)
    }

    func finished() -> [GossipsubRPC] { last.isEmpty ? full : full + [last] }
  }

  private func add(
    _ item: GossipItem<GossipWirePayload>, to outgoing: inout Outgoing, _ turn: Turn,
    _ directory: some GossipPeerRecords
  ) {
    switch item {
    case .subscribe(let topic): subscribe(topic, true, &outgoing)
    case .unsubscribe(let topic): subscribe(topic, false, &outgoing)
    case .message(let message):
      let wire = message.payload.message
      outgoing.rpc(for: wire.byteCountBound) { $0.messages.append(wire) }
    case .ihave(let topic, let ids):
      guard let name = names.name(topic) else { return }
      let wire = ids.compactMap { machine.message($0)?.payload.wireID }
      guard !wire.isEmpty else { return }
      outgoing.rpc(for: name.utf8.count + bound(of: wire)) {
        $0.ihaves.append(GossipsubRPC.IHave(topic: name, ids: wire))
      }
    case .iwant(let ids):
      let wire = ids.compactMap { turn.wireIDs[$0] }
      outgoing.rpc(for: bound(of: wire)) { $0.iwants += wire }
    case .graft(let topic):
      guard let name = names.name(topic) else { return }
      outgoing.rpc(for: name.utf8.count) { $0.grafts.append(name) }
    case .prune(let topic, let seconds, let peers):
      guard let name = names.name(topic) else { return }
      let prune = GossipsubRPC.Prune(
        topic: name, peers: infos(of: peers, directory), backoffSeconds: UInt64(seconds))
      let size = prune.peers.reduce(name.utf8.count) {
        $0 + $1.peerID.count + ($1.signedRecord?.count ?? 0) + Outgoing.entryOverheadBytes
      }
      outgoing.rpc(for: size) { $0.prunes.append(prune) }
    case .idontwant(let ids):
      let wire = ids.compactMap { machine.message($0)?.payload.wireID }
      guard !wire.isEmpty else { return }
      outgoing.rpc(for: bound(of: wire)) { $0.idontwants.append(wire) }
    }
  }

  private func subscribe(_ topic: GossipTopic, _ subscribes: Bool, _ outgoing: inout Outgoing) {
    guard let name = names.name(topic) else { return }
    outgoing.rpc(for: name.utf8.count) {
      $0.subscriptions.append(
        GossipsubRPC.Subscription(subscribes: subscribes, topic: name))
    }
  }

  private func bound(of ids: [Bytes]) -> Int {
    ids.reduce(0) { $0 + $1.count + Outgoing.entryOverheadBytes }
  }

  /// Only peers whose signed record we hold: others cannot be checked by the receiver.
  private func infos(
    of peers: [PeerHandle], _ directory: some GossipPeerRecords
  ) -> [GossipsubRPC.PeerInfo] {
    peers.compactMap { peer in
      guard let id = peerIDs[peer], let record = directory.signedRecord(of: peer) else {
        return nil
      }
      return GossipsubRPC.PeerInfo(peerID: id.bytes, signedRecord: record)
    }
  }
}

extension GossipsubWireMessage {
  /// More than the message has in protobuf form.
  fileprivate var byteCountBound: Int {
    let fixed = 64
    let variable = (author?.count ?? 0) + (data?.count ?? 0) + (key?.count ?? 0)
    return fixed + variable + topic.utf8.count + (signature?.count ?? 0) + (sequence?.count ?? 0)
  }
}
