package import Cryptography

/// An address that leads through a relay: `RELAY/p2p/ID/p2p-circuit`, with or without the identity
/// of the peer behind it.
package struct CircuitAddress: Equatable, Sendable {
  /// Who relays.
  package let relay: PeerID
  /// Where the relay is found, with its identity; nil when the address only names it.
  package let relayAddress: Multiaddr?

  /// Takes an address apart; nil for one that does not lead through one relay.
  package init?(_ address: Multiaddr) {
    let steps = address.withoutOwner.components
    guard case .transport(.circuit)? = steps.last, steps.count >= 2,
      case .peer(let relay) = steps[steps.count - 2]
    else { return nil }
    let front = Multiaddr(Array(steps.dropLast()))
    guard !front.isRelayed else { return nil }
    self.relay = relay
    relayAddress = front.withoutOwner.components.isEmpty ? nil : front
  }

  /// The address of a peer behind a relay.
  package static func make(through relay: Multiaddr, to peer: PeerID) -> Multiaddr {
    Multiaddr(relay.components + [.transport(.circuit), .peer(peer)])
  }
}

extension Multiaddr {
  /// Whether a connection can be made to it, directly or through a relay.
  package var isDialable: Bool {
    if let circuit = CircuitAddress(self) {
      return circuit.relayAddress.map { $0.dialTarget != nil } ?? true
    }
    return dialTarget != nil || textRecordsName != nil
  }
}
