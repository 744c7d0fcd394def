import Cryptography
package import Primitives

/// A topic inside one process: its name stands once, in a table that all machines share.
package struct GossipTopic: Hashable, Comparable, Sendable {
  /// The place in the table of names.
  package let index: UInt32

  /// The topic of a place in the table.
  package init(_ index: UInt32) { self.index = index }

  /// Orders by place, so that a run never depends on hashing.
  package static func < (left: GossipTopic, right: GossipTopic) -> Bool {
    left.index < right.index
  }
}

/// A message inside caches: 16 bytes, whatever the length of the id on the wire.
///
/// From the wire it is the head of the id's SHA-256; two ids that meet cost 2⁶⁴ hashes to find.
package struct GossipMessageID: Hashable, Comparable, Sendable {
  /// The first eight bytes, big-endian.
  package let high: UInt64
  /// The last eight bytes, big-endian.
  package let low: UInt64

  /// The id of these halves; a simulation counts here.
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The id that caches use for an id of the wire.
  package init(wire id: Bytes) {
    let point = DistanceKey(digest: SHA256.hash(id))
    self.init(high: point.words.0, low: point.words.1)
  }

  /// Orders as byte strings.
  package static func < (left: GossipMessageID, right: GossipMessageID) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

/// A message on its way through the mesh. `Payload` is a handle in simulations, shared bytes else.
package struct GossipMessage<Payload: Sendable>: Sendable {
  /// What caches call it.
  package let id: GossipMessageID
  /// Where it was published.
  package let topic: GossipTopic
  /// Its size on the wire, for the caches' budget and for IDONTWANT.
  package let byteCount: UInt32
  /// Who signed it, if that is a peer of ours: it is not sent there.
  package let author: PeerHandle?
  /// Whether it counts only once somebody has checked its author's signature.
  package let isSigned: Bool
  /// What it says.
  package let payload: Payload

  /// Puts a message together.
  package init(
    id: GossipMessageID, topic: GossipTopic, byteCount: UInt32, author: PeerHandle? = nil,
    isSigned: Bool = false, payload: Payload
  ) {
    self.id = id
    self.topic = topic
    self.byteCount = byteCount
    self.author = author
    self.isSigned = isSigned
    self.payload = payload
  }
}

extension GossipMessage: Equatable where Payload: Equatable {}
