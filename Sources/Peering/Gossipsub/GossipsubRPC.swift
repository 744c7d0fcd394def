package import Primitives

/// What peers send each other (libp2p/specs pubsub/README.md, "The RPC", and gossipsub v1.0 to
/// v1.2, "Protobuf").
package struct GossipsubRPC: Equatable, Sendable {
  /// Whether the sender listens to a topic.
  package struct Subscription: Equatable, Sendable {
    /// Listens, or no longer does.
    package var subscribes: Bool
    /// The topic's name.
    package var topic: String

    /// One change.
    package init(subscribes: Bool, topic: String) {
      self.subscribes = subscribes
      self.topic = topic
    }
  }

  /// Messages the sender has.
  package struct IHave: Equatable, Sendable {
    /// The topic's name.
    package var topic: String
    /// The ids on the wire.
    package var ids: [Bytes]

    /// One advertisement.
    package init(topic: String, ids: [Bytes]) {
      self.topic = topic
      self.ids = ids
    }
  }

  /// The sender's mesh no longer has the receiver.
  package struct Prune: Equatable, Sendable {
    /// The topic's name.
    package var topic: String
    /// Peers to dial instead.
    package var peers: [PeerInfo] = []
    /// Seconds without GRAFT; 0 says nothing.
    package var backoffSeconds: UInt64 = 0

    /// One notice.
    package init(topic: String, peers: [PeerInfo] = [], backoffSeconds: UInt64 = 0) {
      self.topic = topic
      self.peers = peers
      self.backoffSeconds = backoffSeconds
    }
  }

  /// A peer that a PRUNE names.
  package struct PeerInfo: Equatable, Sendable {
    /// The peer id's bytes.
    package var peerID: Bytes
    /// A signed envelope with a peer record; without one the entry is of no use to us.
    package var signedRecord: Bytes?

    /// One peer.
    package init(peerID: Bytes, signedRecord: Bytes?) {
      self.peerID = peerID
      self.signedRecord = signedRecord
    }
  }

  /// Subscriptions that changed.
  package var subscriptions: [Subscription] = []
  /// Messages.
  package var messages: [GossipsubWireMessage] = []
  /// Advertisements.
  package var ihaves: [IHave] = []
  /// Ids asked for.
  package var iwants: [Bytes] = []
  /// Topics whose mesh now has the receiver.
  package var grafts: [String] = []
  /// Topics whose mesh no longer has it.
  package var prunes: [Prune] = []
  /// Ids of which no copy is needed.
  package var idontwants: [[Bytes]] = []

  /// An empty RPC.
  package init() {}

  /// Whether there is nothing to send.
  package var isEmpty: Bool { self == GossipsubRPC() }
}

/// A message as peers exchange it; absent and empty fields differ, for signatures cover both.
package struct GossipsubWireMessage: Equatable, Sendable {
  /// The author's peer id.
  package var author: Bytes?
  /// What it says.
  package var data: Bytes?
  /// The author's sequence number, eight bytes big-endian.
  package var sequence: Bytes?
  /// The topic's name.
  package var topic: String
  /// By the author over everything but itself and the key.
  package var signature: Bytes?
  /// The author's key in protobuf form, where its peer id does not hold it.
  package var key: Bytes?

  /// An unsigned message.
  package init(topic: String, data: Bytes?) {
    self.topic = topic
    self.data = data
  }
}

/// Field numbers of the messages.
enum GossipsubField {
  enum RPC {
    static let subscriptions = 1
    static let publish = 2
    static let control = 3
  }
  enum Subscription {
    static let subscribe = 1
    static let topic = 2
  }
  enum Message {
    static let from = 1
    static let data = 2
    static let sequence = 3
    static let topic = 4
    static let signature = 5
    static let key = 6
  }
  enum Control {
    static let ihave = 1
    static let iwant = 2
    static let graft = 3
    static let prune = 4
    static let idontwant = 5
  }
  enum IHave {
    static let topic = 1
    static let ids = 2
  }
  /// IWANT and IDONTWANT.
  enum IDs {
    static let ids = 1
  }
  enum Prune {
    static let topic = 1
    static let peers = 2
    static let backoff = 3
  }
  enum PeerInfo {
    static let peerID = 1
    static let signedRecord = 2
  }
}

// MARK: - Encoding

extension GossipsubRPC {
  /// The RPC without its length.
  package func encoded() -> Bytes {
    var rpc = ProtobufWriter()
    for subscription in subscriptions {
      var entry = ProtobufWriter()
      entry.append(
        GossipsubField.Subscription.subscribe, unsigned: subscription.subscribes ? 1 : 0)
      entry.append(GossipsubField.Subscription.topic, text: subscription.topic)
      rpc.append(GossipsubField.RPC.subscriptions, bytes: entry.bytes)
    }
    for message in messages {
      rpc.append(GossipsubField.RPC.publish, bytes: message.encoded())
    }
    let control = encodedControl()
    if !control.isEmpty { rpc.append(GossipsubField.RPC.control, bytes: control) }
    return rpc.bytes
  }

  private func encodedControl() -> Bytes {
    var control = ProtobufWriter()
    for ihave in ihaves {
      var entry = ProtobufWriter()
      entry.append(GossipsubField.IHave.topic, text: ihave.topic)
      for id in ihave.ids { entry.append(GossipsubField.IHave.ids, bytes: id) }
      control.append(GossipsubField.Control.ihave, bytes: entry.bytes)
    }
    if !iwants.isEmpty {
      control.append(GossipsubField.Control.iwant, bytes: Self.encoded(ids: iwants))
    }
    for topic in grafts {
      var entry = ProtobufWriter()
      entry.append(GossipsubField.IHave.topic, text: topic)
      control.append(GossipsubField.Control.graft, bytes: entry.bytes)
    }
    for prune in prunes {
      control.append(GossipsubField.Control.prune, bytes: prune.encoded())
    }
    for ids in idontwants {
      control.append(GossipsubField.Control.idontwant, bytes: Self.encoded(ids: ids))
    }
    return control.bytes
  }

  private static func encoded(ids: [Bytes]) -> Bytes {
    var entry = ProtobufWriter()
    for id in ids { entry.append(GossipsubField.IDs.ids, bytes: id) }
    return entry.bytes
  }
}

extension GossipsubRPC.Prune {
  fileprivate func encoded() -> Bytes {
    var entry = ProtobufWriter()
    entry.append(GossipsubField.Prune.topic, text: topic)
    for peer in peers {
      var info = ProtobufWriter()
      info.append(GossipsubField.PeerInfo.peerID, bytes: peer.peerID)
      if let record = peer.signedRecord {
        info.append(GossipsubField.PeerInfo.signedRecord, bytes: record)
      }
      entry.append(GossipsubField.Prune.peers, bytes: info.bytes)
    }
    if backoffSeconds > 0 {
      entry.append(GossipsubField.Prune.backoff, unsigned: backoffSeconds)
    }
    return entry.bytes
  }
}

extension GossipsubWireMessage {
  /// The message in protobuf form; without signature and key it is what a signature covers.
  func encoded(withSignature: Bool = true) -> Bytes {
    var message = ProtobufWriter()
    if let author { message.append(GossipsubField.Message.from, bytes: author) }
    if let data { message.append(GossipsubField.Message.data, bytes: data) }
    if let sequence { message.append(GossipsubField.Message.sequence, bytes: sequence) }
    message.append(GossipsubField.Message.topic, text: topic)
    guard withSignature else { return message.bytes }
    if let signature { message.append(GossipsubField.Message.signature, bytes: signature) }
    if let key { message.append(GossipsubField.Message.key, bytes: key) }
    return message.bytes
  }
}
