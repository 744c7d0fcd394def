package import Cryptography
package import Primitives

/// Signatures and ids of messages (libp2p/specs pubsub/README.md, "Message Signing" and "Message
/// Identification").
package enum GossipSignature {
  /// In front of what is signed.
  static let prefix = Bytes("libp2p-pubsub:".utf8)
  /// In front of what a content id hashes.
  static let contentIDDomain = Bytes("martlet-gossip:".utf8)
  /// Bytes of a sequence number.
  static let sequenceBytes = 8

  /// A signed message of `author`.
  package static func signed(
    topic: String, data: Bytes, sequence: UInt64, by author: SigningKey
  ) -> GossipsubWireMessage {
    var message = GossipsubWireMessage(topic: topic, data: data)
    message.author = author.publicKey.peerID.bytes
    message.sequence = (0..<sequenceBytes).reversed().map {
      UInt8(truncatingIfNeeded: sequence >> (8 * UInt64($0)))
    }
    message.signature = author.sign(prefix + message.encoded(withSignature: false)).bytes
    return message
  }

  /// Whether the signature is the author's, whose key may be of any kind that peers have. Takes as
  /// long as such a verification: a driver with many messages runs it on its compute pool.
  package static func verify(_ message: GossipsubWireMessage) -> Bool {
    guard let author = message.author, let id = try? PeerID(bytes: author),
      let bytes = message.signature, let key = key(of: id, sentAlong: message.key)
    else { return false }
    return key.verify(bytes, of: prefix + message.encoded(withSignature: false))
  }

  /// The author's key: inside a short id, sent along where the id is a hash.
  private static func key(of id: PeerID, sentAlong: Bytes?) -> PeerPublicKey? {
    guard let protobuf = sentAlong ?? id.inlineKey, PeerID(protobufKey: protobuf) == id else {
      return nil
    }
    return try? PeerPublicKey(protobuf: protobuf)
  }

  /// The id on the wire: author and sequence number, or a hash of topic and content; nil if the
  /// message does not keep the rules of its topic.
  package static func wireID(
    of message: GossipsubWireMessage, signing: GossipSigning
  ) -> Bytes? {
    switch signing {
    case .strictSign:
      guard let author = message.author, let sequence = message.sequence,
        message.signature != nil, sequence.count == sequenceBytes,
        (try? PeerID(bytes: author)) != nil
      else { return nil }
      return author + sequence
    case .strictNoSign:
      guard message.author == nil, message.sequence == nil, message.signature == nil,
        message.key == nil
      else { return nil }
      var length = Bytes()
      Varint.append(UInt64(message.topic.utf8.count), to: &length)
      return SHA256.hash(
        contentIDDomain, length, Bytes(message.topic.utf8), message.data ?? []
      ).bytes
    }
  }
}
