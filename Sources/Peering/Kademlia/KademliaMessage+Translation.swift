import Cryptography
import Primitives

/// Between messages, which name peers by id, and requests and answers, which name them by handle:
/// `peer` describes a handle, `intern` finds or makes the handle of a peer, or nil where the book
/// will not take it.
extension KademliaMessage {
  /// The message of a request.
  package init(_ request: KademliaRequest, peer: (PeerHandle) -> Peer) {
    switch request {
    case .findNode(let key): self.init(.findNode, about: key)
    case .getProviders(let key): self.init(.getProviders, about: key)
    case .getValue(let key): self.init(.getValue, about: key)
    case .addProvider(let key, let provider):
      self.init(.addProvider, about: key)
      providerPeers = [peer(provider)]
    case .putValue(let value):
      self.init(.putValue, about: value.key)
      record = Record(key: value.key.bytes, value: value.value)
    case .ping: self.init(.ping)
    }
  }

  private init(_ kind: Kind, about key: KademliaKey) {
    self.init(kind)
    self.key = key.bytes
    if key.bytes.isEmpty { point = key.point.digest }
  }

  /// The message of an answer to `request`.
  package init(
    _ response: KademliaResponse, to request: KademliaRequest, peer: (PeerHandle) -> Peer
  ) {
    self.init(request, peer: peer)
    providerPeers = response.providers.map(peer)
    closerPeers = response.closer.map(peer)
    record = response.record.map { Record(key: $0.key.bytes, value: $0.value) }
  }

  /// The key asked about: a point where our own network sent one.
  private var asked: KademliaKey {
    if key.isEmpty, let point {
      KademliaKey(point: DistanceKey(digest: point))
    } else {
      KademliaKey(key)
    }
  }

  /// The request that a message of `sender` makes, or why it makes none.
  ///
  /// An ADD_PROVIDER names its sender among the providers, or is `providerIsNotSender`.
  package func request(
    from sender: PeerHandle, intern: (Peer) -> PeerHandle?
  ) throws(KademliaRefusal) -> KademliaRequest {
    switch kind {
    case .findNode: return .findNode(asked)
    case .getProviders: return .getProviders(asked)
    case .getValue: return .getValue(asked)
    case .ping: return .ping
    case .addProvider:
      guard providerPeers.contains(where: { intern($0) == sender }) else {
        throw .providerIsNotSender
      }
      return .addProvider(asked, provider: sender)
    case .putValue:
      guard let record, record.key == key else { throw .invalidRecord(.otherKey) }
      return .putValue(KademliaRecord(key: KademliaKey(record.key), value: record.value))
    }
  }

  /// The answer that a message is.
  package func response(intern: (Peer) -> PeerHandle?) -> KademliaResponse {
    KademliaResponse(
      closer: closerPeers.prefix(KademliaLimits.bucketPeersMax).compactMap(intern),
      providers: providerPeers.prefix(KademliaLimits.providersInAnswerMax).compactMap(intern),
      record: record.map { KademliaRecord(key: KademliaKey($0.key), value: $0.value) })
  }
}

extension DistanceKey {
  /// The point as the digest it is.
  var digest: Digest {
    var bytes = Bytes()
    bytes.reserveCapacity(Digest.byteCount)
    for word in [words.0, words.1, words.2, words.3] {
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    guard let digest = try? Digest(bytes: bytes) else {
      preconditionFailure("four words are 32 bytes")
    }
    return digest
  }
}
