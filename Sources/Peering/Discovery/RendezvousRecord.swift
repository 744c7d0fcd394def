package import Cryptography
package import Primitives

/// What a peer says of itself when it registers.
package enum RendezvousRecord: Equatable, Sendable {
  /// With its signature, as the specification wants it.
  case signed(SignedPeerRecord)
  /// Without one, as its first draft had it and py-libp2p 0.8.1 has it.
  case unsigned(PeerID, [Multiaddr])

  /// Reads either kind; nil for neither.
  package init?(decoding bytes: Bytes) {
    guard bytes.count <= RendezvousLimits.recordBytesMax else { return nil }
    if let record = try? SignedPeerRecord(decoding: bytes) {
      self = .signed(record)
      return
    }
    guard let fields = try? ProtobufFields(bytes[...]),
      let peer = fields.bytes(1).flatMap({ try? PeerID(bytes: $0) })
    else { return nil }
    let addresses = fields.repeated(2, max: SignedPeerRecord.addressesMax)
      .compactMap { try? Multiaddr(bytes: $0) }
    self = .unsigned(peer, addresses)
  }

  /// Who it is about.
  package var peer: PeerID {
    switch self {
    case .signed(let record): record.peer
    case .unsigned(let peer, _): peer
    }
  }

  /// Where that peer listens.
  package var addresses: [Multiaddr] {
    switch self {
    case .signed(let record): record.addresses
    case .unsigned(_, let addresses): addresses
    }
  }

  /// The bytes that a registration carries.
  package func encoded() -> Bytes {
    switch self {
    case .signed(let record): return record.envelope
    case .unsigned(let peer, let addresses): return Self.unsigned(peer, addresses)
    }
  }

  /// The same without a signature.
  package var withoutSignature: Bytes { Self.unsigned(peer, addresses) }

  private static func unsigned(_ peer: PeerID, _ addresses: [Multiaddr]) -> Bytes {
    var info = ProtobufWriter()
    info.append(1, bytes: peer.bytes)
    for address in addresses { info.append(2, bytes: address.withoutOwner.bytes) }
    return info.bytes
  }
}
