package import Cryptography
package import Peering

/// Connects to a peer through a relay.
package typealias CircuitDialer =
  @Sendable (CircuitAddress, PeerID) async throws(PeerError) -> PeerConnection

extension PeerHost {
  /// Dials addresses that lead through relays with `dialer` from now on.
  package func dialCircuits(with dialer: @escaping CircuitDialer) { circuitDialer = dialer }

  /// Replaces the addresses that we have through one relay.
  func setCircuits(_ addresses: [Multiaddr], of relay: PeerID) {
    let kept = circuitAddresses.filter { CircuitAddress($0)?.relay != relay }
    guard kept + addresses != circuitAddresses else { return }
    circuitAddresses = kept + addresses
    selfChanged()
  }
}
