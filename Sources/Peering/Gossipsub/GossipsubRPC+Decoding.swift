package import Primitives

extension GossipsubRPC {
  /// Reads an RPC; unknown fields are skipped, and so is what names a topic or an id that is too
  /// long, and what goes beyond the limits of `GossipsubLimits`.
  package init(decoding bytes: Bytes) throws(PeeringError) {
    guard bytes.count <= GossipsubLimits.rpcBytesMax else {
      throw .rpcFrameTooLong(bytes: UInt64(bytes.count), limit: GossipsubLimits.rpcBytesMax)
    }
    do throws(ProtobufFault) {
      var decoder = Decoder()
      try decoder.read(bytes[...])
      self = decoder.rpc
    } catch {
      throw .malformedProtobuf(error)
    }
  }

  /// An RPC on its way out of its bytes, and how many ids it may still name.
  private struct Decoder {
    var rpc = GossipsubRPC()
    private var idsLeft = GossipsubLimits.idsPerRPCMax

    mutating func read(_ bytes: ArraySlice<UInt8>) throws(ProtobufFault) {
      try fields(of: bytes) { (field, content, _) throws(ProtobufFault) in
        switch field {
        case GossipsubField.RPC.subscriptions: try readSubscription(content)
        case GossipsubField.RPC.publish:
          if let message = try GossipsubWireMessage(content) { rpc.messages.append(message) }
        case GossipsubField.RPC.control: try readControl(content)
        default: break
        }
      }
    }

    private mutating func readSubscription(
      _ bytes: ArraySlice<UInt8>
    ) throws(ProtobufFault) {
      var subscribes = false
      var topic: String?
      try fields(of: bytes) { (field, content, number) throws(ProtobufFault) in
        switch field {
        case GossipsubField.Subscription.subscribe: subscribes = number != 0
        case GossipsubField.Subscription.topic: topic = topicName(content)
        default: break
        }
      }
      guard let topic else { return }
      rpc.subscriptions.append(Subscription(subscribes: subscribes, topic: topic))
    }

    private mutating func readControl(_ bytes: ArraySlice<UInt8>) throws(ProtobufFault) {
      try fields(of: bytes) { (field, content, _) throws(ProtobufFault) in
        switch field {
        case GossipsubField.Control.ihave: try readIHave(content)
        case GossipsubField.Control.iwant: rpc.iwants += try ids(content)
        case GossipsubField.Control.graft:
          try fields(of: content) { (field, content, _) throws(ProtobufFault) in
            if field == GossipsubField.IHave.topic, let topic = topicName(content) {
              rpc.grafts.append(topic)
            }
          }
        case GossipsubField.Control.prune: try readPrune(content)
        case GossipsubField.Control.idontwant: rpc.idontwants.append(try ids(content))
        default: break
        }
      }
    }

    private mutating func readIHave(_ bytes: ArraySlice<UInt8>) throws(ProtobufFault) {
      var topic: String?
      var found: [Bytes] = []
      try fields(of: bytes) { (field, content, _) throws(ProtobufFault) in
        switch field {
        case GossipsubField.IHave.topic: topic = topicName(content)
        case GossipsubField.IHave.ids: keep(content, in: &found)
        default: break
        }
      }
      if let topic { rpc.ihaves.append(IHave(topic: topic, ids: found)) }
    }

    private mutating func ids(_ bytes: ArraySlice<UInt8>) throws(ProtobufFault) -> [Bytes] {
      var found: [Bytes] = []
      try fields(of: bytes) { (field, content, _) throws(ProtobufFault) in
        if field == GossipsubField.IDs.ids { keep(content, in: &found) }
      }
      return found
    }

    private mutating func keep(_ id: ArraySlice<UInt8>, in ids: inout [Bytes]) {
      guard idsLeft > 0, (1...GossipsubLimits.messageIDBytesMax).contains(id.count) else { return }
      idsLeft -= 1
      ids.append(Bytes(id))
    }

    private mutating func readPrune(_ bytes: ArraySlice<UInt8>) throws(ProtobufFault) {
      var topic: String?
      var prune = Prune(topic: "")
      try fields(of: bytes) { (field, content, number) throws(ProtobufFault) in
        switch field {
        case GossipsubField.Prune.topic: topic = topicName(content)
        case GossipsubField.Prune.peers where prune.peers.count < GossipsubLimits.namedPeersMax:
          prune.peers.append(try PeerInfo(content))
        case GossipsubField.Prune.backoff: prune.backoffSeconds = number
        default: break
        }
      }
      guard let topic else { return }
      prune.topic = topic
      rpc.prunes.append(prune)
    }
  }
}

/// Calls `body` with every field: its number, its bytes (empty for a number) and its number (0 for
/// bytes).
private func fields(
  of bytes: ArraySlice<UInt8>,
  _ body: (Int, ArraySlice<UInt8>, UInt64) throws(ProtobufFault) -> Void
) throws(ProtobufFault) {
  var reader = ProtobufReader(bytes, fieldsMax: GossipsubLimits.rpcFieldsMax)
  while let (field, value) = try reader.next() {
    switch value {
    case .unsigned(let number): try body(Int(clamping: field), [], number)
    case .bytes(let content): try body(Int(clamping: field), content, 0)
    case .fixed32, .fixed64: break
    }
  }
}

private func topicName(_ bytes: ArraySlice<UInt8>) -> String? {
  guard bytes.count <= GossipsubLimits.topicBytesMax else { return nil }
  return String(validating: bytes, as: UTF8.self)
}

extension GossipsubRPC.PeerInfo {
  fileprivate init(_ bytes: ArraySlice<UInt8>) throws(ProtobufFault) {
    self.init(peerID: [], signedRecord: nil)
    try fields(of: bytes) { (field, content, _) throws(ProtobufFault) in
      switch field {
      case GossipsubField.PeerInfo.peerID: peerID = Bytes(content)
      case GossipsubField.PeerInfo.signedRecord: signedRecord = Bytes(content)
      default: break
      }
    }
  }
}

extension GossipsubWireMessage {
  /// Reads a message; nil if it names no topic.
  fileprivate init?(_ bytes: ArraySlice<UInt8>) throws(ProtobufFault) {
    var message = GossipsubWireMessage(topic: "", data: nil)
    var name: String?
    try fields(of: bytes) { (field, content, _) throws(ProtobufFault) in
      switch field {
      case GossipsubField.Message.from: message.author = Bytes(content)
      case GossipsubField.Message.data: message.data = Bytes(content)
      case GossipsubField.Message.sequence: message.sequence = Bytes(content)
      case GossipsubField.Message.topic: name = topicName(content)
      case GossipsubField.Message.signature: message.signature = Bytes(content)
      case GossipsubField.Message.key: message.key = Bytes(content)
      default: break
      }
    }
    guard let name else { return nil }
    message.topic = name
    self = message
  }
}
