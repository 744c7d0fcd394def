package import Primitives

/// What is looked for: the bytes that go over the wire and the point they hash to.
package struct KademliaKey: Hashable, Sendable {
  /// Where in the key space.
  package let point: DistanceKey
  /// A peer id, a multihash or a record's name; empty where only the point is known, which our own
  /// protocol can send (docs/specs/kademlia.md, "Points") and the simulator always does.
  package let bytes: Bytes

  /// The key of these bytes.
  package init(_ bytes: Bytes) {
    self.bytes = bytes
    point = DistanceKey(hashing: bytes)
  }

  /// A bare point.
  package init(point: DistanceKey) {
    self.point = point
    bytes = []
  }
}

/// A value under a key.
package struct KademliaRecord: Equatable, Sendable {
  /// Its name.
  package let key: KademliaKey
  /// What a validator understands.
  package let value: Bytes

  /// A value under a key.
  package init(key: KademliaKey, value: Bytes) {
    self.key = key
    self.value = value
  }
}

/// What one node asks of another (libp2p/specs kad-dht, "RPC messages").
package enum KademliaRequest: Equatable, Sendable {
  /// The k peers closest to a point.
  case findNode(KademliaKey)
  /// Who provides a key, and closer peers.
  case getProviders(KademliaKey)
  /// "I provide this": has no answer. `provider` must be the sender.
  case addProvider(KademliaKey, provider: PeerHandle)
  /// The value of a key, and closer peers.
  case getValue(KademliaKey)
  /// Keep this value; the answer repeats it.
  case putValue(KademliaRecord)
  /// Are you there? Retired by the spec, still answered.
  case ping

  /// The key asked about.
  package var key: KademliaKey? {
    switch self {
    case .findNode(let key), .getProviders(let key), .addProvider(let key, _), .getValue(let key):
      key
    case .putValue(let record): record.key
    case .ping: nil
    }
  }

  /// Whether the other side answers.
  package var hasAnswer: Bool { if case .addProvider = self { false } else { true } }
}

/// What a node answers.
package struct KademliaResponse: Equatable, Sendable {
  /// Peers closer to the key, closest first.
  package var closer: [PeerHandle]
  /// Peers that provide the key.
  package var providers: [PeerHandle]
  /// The value of the key.
  package var record: KademliaRecord?

  /// An answer.
  package init(
    closer: [PeerHandle] = [], providers: [PeerHandle] = [], record: KademliaRecord? = nil
  ) {
    self.closer = closer
    self.providers = providers
    self.record = record
  }
}
