import Cryptography
import Peering
import Primitives

/// What passes between the nodes of a seed run.
package enum SeedLevel: String, CaseIterable, Sendable {
  /// Typed messages over connections.
  case messages
  /// Bytes: multistream-select, yamux and the codecs of production, in frames of Noise whose tags
  /// are zeros.
  case bytes
}

/// One end of a connection that carries bytes; a class, so that the list of connections it stands
/// in can be searched without touching it.
final class SeedWire {
  /// What a stream is for.
  enum Use {
    case ask(KademliaRequest, call: UInt32)
    case serve(KademliaRequest?)
    case gossipOut
    case gossipIn
  }

  struct Stream {
    let id: UInt32
    var use: Use
    var inbox = ByteQueue()
  }

  var machine: ConnectionMachine
  var streams: [Stream] = []
  /// Gossip that the window has not let through yet.
  var waiting = ByteQueue()
  var pings: UInt32 = 0

  static let gossipProtocol = GossipsubVersion.v12.protocolID
  static let protocols = [KademliaMachine.martletProtocolID, gossipProtocol]

  init(weDialled: Bool, remoteKey: Bytes) {
    machine = ConnectionMachine(
      simulated: weDialled ? .initiator : .responder, remoteKey: remoteKey,
      protocols: Self.protocols, identify: IdentifyMessage())
  }

  func place(of stream: UInt32) -> Int? { streams.firstIndex { $0.id == stream } }

  /// Our stream for gossip, opened where there is none.
  func gossipStream() throws(PeeringError) -> UInt32 {
    for stream in streams { if case .gossipOut = stream.use { return stream.id } }
    let id = try machine.open([Self.gossipProtocol])
    streams.append(Stream(id: id, use: .gossipOut))
    return id
  }

  /// Writes a frame with its length in front; returns how much of it the window let through.
  func write(_ frame: Bytes, on stream: UInt32) throws(PeeringError) -> Int {
    let bytes = RPCFraming.encode(frame)
    return try write(bytes, whole: stream)
  }

  private func write(_ bytes: Bytes, whole stream: UInt32) throws(PeeringError) -> Int {
    let outcome = bytes.withUnsafeBytes { raw in
      Result { () throws(PeeringError) in try machine.send(raw, on: stream) }
    }
    return try outcome.get()
  }

  /// Adds a frame to the gossip that waits, and sends what the window lets through.
  func gossip(_ frame: Bytes) throws(PeeringError) {
    waiting.append(RPCFraming.encode(frame))
    let stream = try gossipStream()
    let outcome = waiting.read { raw in
      Result { () throws(PeeringError) in try machine.send(raw, on: stream) }
    }
    waiting.consume(try outcome.get())
  }
}

/// Between what machines say and what codecs of production write, for nodes whose ids are keys.
struct SeedCodec {
  private let ids: [PeerID]
  private let handles: [PeerID: UInt32]
  private static let topic = "/martlet/simulated"
  private static let wordBytes = 8

  init(book: SharedBook) {
    ids = (0..<book.count).map { node in
      let words = book.key(of: PeerHandle(UInt32(node))).words
      let key = [words.0, words.1, words.2, words.3].flatMap(Self.bytes)
      // The head of an Ed25519 key in protobuf form: the run never checks a signature.
      return PeerID(protobufKey: [0x08, 0x01, 0x12, 0x20] + key)
    }
    handles = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, UInt32($0)) })
  }

  func key(of node: UInt32) -> Bytes { Bytes(ids[Int(node)].bytes.dropFirst(2)) }

  func describe(_ peer: PeerHandle) -> KademliaMessage.Peer {
    KademliaMessage.Peer(id: ids[Int(peer.index)])
  }

  func intern(_ peer: KademliaMessage.Peer) -> PeerHandle? {
    handles[peer.id].map { PeerHandle($0) }
  }

  static func bytes(_ word: UInt64) -> Bytes {
    (0..<wordBytes).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
  }

  static func word(_ bytes: some Collection<UInt8>) -> UInt64 {
    bytes.prefix(wordBytes).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func bytes(_ id: GossipMessageID) -> Bytes { bytes(id.high) + bytes(id.low) }

  private static func id(_ bytes: Bytes) -> GossipMessageID {
    GossipMessageID(high: word(bytes), low: word(bytes.dropFirst(wordBytes)))
  }

  func rpc(_ item: GossipItem<UInt64>) -> GossipsubRPC {
    var rpc = GossipsubRPC()
    switch item {
    case .subscribe: rpc.subscriptions = [.init(subscribes: true, topic: Self.topic)]
    case .unsubscribe: rpc.subscriptions = [.init(subscribes: false, topic: Self.topic)]
    case .message(let message):
      var wire = GossipsubWireMessage(topic: Self.topic, data: Self.bytes(message.payload))
      wire.author = Self.bytes(message.id.high)
      wire.sequence = Self.bytes(message.id.low)
      rpc.messages = [wire]
    case .ihave(_, let ids): rpc.ihaves = [.init(topic: Self.topic, ids: ids.map(Self.bytes))]
    case .iwant(let ids): rpc.iwants = ids.map(Self.bytes)
    case .graft: rpc.grafts = [Self.topic]
    case .prune(_, let seconds, let peers):
      let infos = peers.map {
        GossipsubRPC.PeerInfo(peerID: ids[Int($0.index)].bytes, signedRecord: nil)
      }
      rpc.prunes = [.init(topic: Self.topic, peers: infos, backoffSeconds: UInt64(seconds))]
    case .idontwant(let ids): rpc.idontwants = [ids.map(Self.bytes)]
    }
    return rpc
  }

  func items(_ rpc: GossipsubRPC) -> [GossipItem<UInt64>] {
    let topic = SeedNetwork.topic
    var items: [GossipItem<UInt64>] = []
    for change in rpc.subscriptions {
      items.append(change.subscribes ? .subscribe(topic) : .unsubscribe(topic))
    }
    for message in rpc.messages {
      let high = Self.word(message.author ?? [])
      items.append(
        .message(
          GossipMessage(
            id: GossipMessageID(high: high, low: Self.word(message.sequence ?? [])),
            topic: topic, byteCount: SeedRecord.messageBytes,
            author: PeerHandle(UInt32(truncatingIfNeeded: high)),
            payload: Self.word(message.data ?? []))))
    }
    for ihave in rpc.ihaves { items.append(.ihave(topic, ihave.ids.map(Self.id))) }
    if !rpc.iwants.isEmpty { items.append(.iwant(rpc.iwants.map(Self.id))) }
    for _ in rpc.grafts { items.append(.graft(topic)) }
    for prune in rpc.prunes {
      let peers = prune.peers.compactMap { info in
        (try? PeerID(bytes: info.peerID)).flatMap { handles[$0] }.map { PeerHandle($0) }
      }
      let seconds = UInt32(clamping: prune.backoffSeconds)
      items.append(.prune(topic, backoffSeconds: seconds, peers: peers))
    }
    for ids in rpc.idontwants { items.append(.idontwant(ids.map(Self.id))) }
    return items
  }
}
