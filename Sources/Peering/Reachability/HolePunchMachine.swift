package import Primitives

/// What happens to a hole punch.
package enum HolePunchEvent: Equatable, Sendable {
  /// The called side begins; also after a failure.
  case begin
  /// The other side said something.
  case received(HolePunchMessage)
  /// The dials of this attempt have ended, or the stream has failed.
  case attemptEnded(isConnected: Bool)
}

/// What a hole punch does.
package enum HolePunchEffect: Equatable, Sendable {
  /// Open a stream over the relayed connection; what is sent goes there.
  case openStream
  /// Send it.
  case send(HolePunchMessage)
  /// Dial all of these at the same time, from the port we listen on, after a wait; on the
  /// connection that comes of it we take this role.
  case dial([Multiaddr], after: Duration, role: NoiseRole)
  /// There is a direct connection.
  case succeeded
  /// There is none, and there will be none.
  case failed
}

/// Turns a connection through a relay into a direct one (libp2p/specs relay/DCUtR.md): both sides
/// dial each other at the same moment, so that each side's NAT takes the other's packets for
/// answers.
///
/// The side that was called through the relay leads; the caller follows. On the direct connection
/// the caller is the initiator, whoever's packet came first.
package struct HolePunchMachine: Sendable {
  /// Attempts of the leading side.
  package static let attemptsMax = 3
  /// A round trip through a relay takes at most this long; a longer one is not waited for.
  package static let roundTripMax: Duration = .seconds(5)

  private enum Phase: Equatable, Sendable {
    case idle
    case waitingForConnect(since: Tick)
    case waitingForSync([Multiaddr])
    case dialling
    case over
  }

  private let leads: Bool
  private let ownAddresses: [Multiaddr]
  private let dialsLocalAddresses: Bool
  private var phase = Phase.idle
  private var attempts = 0

  /// One side; `ownAddresses` is where others see it.
  package init(leads: Bool, ownAddresses: [Multiaddr], dialsLocalAddresses: Bool = false) {
    self.leads = leads
    self.ownAddresses = Array(ownAddresses.prefix(HolePunchMessage.addressesMax))
    self.dialsLocalAddresses = dialsLocalAddresses
  }

  /// Takes an event in and says what to do.
  package mutating func handle(_ event: HolePunchEvent, now: Tick) -> [HolePunchEffect] {
    switch (event, phase) {
    case (.begin, .idle) where leads: return begin(now)
    case (.received(.connect(let addresses)), .waitingForConnect(let since)):
      return lead(to: addresses, after: now.duration(since: since))
    case (.received(.connect(let addresses)), .idle) where !leads:
      phase = .waitingForSync(dialable(addresses))
      return [.send(.connect(ownAddresses))]
    case (.received(.sync), .waitingForSync(let addresses)):
      return dial(addresses, after: .zero, role: .initiator)
    case (.attemptEnded(isConnected: true), _):
      phase = .over
      return [.succeeded]
    case (.attemptEnded(isConnected: false), .over): return []
    case (.attemptEnded(isConnected: false), _): return attemptFailed(now)
    case (.begin, _), (.received, _):
      phase = .over
      return [.failed]
    }
  }

  private mutating func begin(_ now: Tick) -> [HolePunchEffect] {
    attempts += 1
    phase = .waitingForConnect(since: now)
    return [.openStream, .send(.connect(ownAddresses))]
  }

  private mutating func lead(
    to addresses: [Multiaddr], after roundTrip: Duration
  ) -> [HolePunchEffect] {
    let wait = min(roundTrip, Self.roundTripMax) / 2
    return [.send(.sync)] + dial(dialable(addresses), after: wait, role: .responder)
  }

  private mutating func dial(
    _ addresses: [Multiaddr], after wait: Duration, role: NoiseRole
  ) -> [HolePunchEffect] {
    guard !addresses.isEmpty else {
      phase = .over
      return [.failed]
    }
    phase = .dialling
    return [.dial(addresses, after: wait, role: role)]
  }

  private mutating func attemptFailed(_ now: Tick) -> [HolePunchEffect] {
    guard leads, attempts < Self.attemptsMax else {
      phase = .over
      return [.failed]
    }
    return begin(now)
  }

  private func dialable(_ addresses: [Multiaddr]) -> [Multiaddr] {
    addresses.prefix(HolePunchMessage.addressesMax).filter { address in
      guard case .ip = address.dialTarget else { return false }
      return dialsLocalAddresses || AddressGroup.scope(of: address) == .global
    }
  }
}
