package import Cryptography
package import Primitives

/// One peer that a rendezvous point lists, checked as far as it can be.
package struct RendezvousRegistration: Equatable, Sendable {
  /// Who is registered.
  package let peer: PeerID
  /// Where it says it listens.
  package let addresses: [Multiaddr]
  /// The namespace.
  package let namespace: String
  /// For how long it is registered.
  package let lifetime: Duration
  /// The peer's signed record; nil where the point only says so.
  package let record: SignedPeerRecord?

  /// A registration.
  package init(
    peer: PeerID, addresses: [Multiaddr], namespace: String, lifetime: Duration,
    record: SignedPeerRecord? = nil
  ) {
    self.peer = peer
    self.addresses = addresses
    self.namespace = namespace
    self.lifetime = lifetime
    self.record = record
  }
}

/// One answer of a rendezvous point.
package struct RendezvousPage: Equatable, Sendable {
  /// Who was listed, without those whose record does not hold.
  package let registrations: [RendezvousRegistration]
  /// Asks for what comes after this page.
  package let cookie: Bytes

  /// A page.
  package init(registrations: [RendezvousRegistration], cookie: Bytes) {
    self.registrations = registrations
    self.cookie = cookie
  }
}

extension RendezvousPage {
  /// The entries of an answer that hold: of the namespace that was asked for, all where none was;
  /// signed by the peer itself, or at least about somebody.
  package init(entries: [RendezvousEntry], cookie: Bytes, namespace: String) {
    let registrations = entries.compactMap { entry -> RendezvousRegistration? in
      guard namespace.isEmpty || entry.namespace == namespace,
        let record = RendezvousRecord(decoding: entry.record)
      else { return nil }
      var signed: SignedPeerRecord?
      if case .signed(let found) = record { signed = found }
      return RendezvousRegistration(
        peer: record.peer, addresses: record.addresses, namespace: entry.namespace,
        lifetime: .seconds(
          min(
            Int64(clamping: entry.seconds), RendezvousLimits.lifetimeMax.components.seconds)),
        record: signed)
    }
    self.init(registrations: registrations, cookie: cookie)
  }
}
