package import Primitives

/// What a relay grants; the defaults are go-libp2p's.
package struct RelayServerLimits: Equatable, Sendable {
  /// How long a reservation lasts; it is asked for again before.
  package var reservationLifetime: Duration = .seconds(3_600)
  /// Reservations of all peers.
  package var reservationsMax = 128
  /// Reservations of peers in one address group: one operator cannot take them all.
  package var reservationsPerGroupMax = 8
  /// Circuits of all peers.
  package var circuitsMax = 256
  /// Circuits that begin or end at one peer.
  package var circuitsPerPeerMax = 16
  /// How long a circuit stays: enough to punch a hole, not to live on.
  package var circuitSeconds: UInt32 = 120
  /// Bytes of a circuit in each direction.
  package var circuitBytes: UInt64 = 128 * 1_024

  /// The defaults.
  package init() {}
}

/// What happens to a relay.
package enum RelayServerEvent: Equatable, Sendable {
  /// A peer asks to be reachable; `isRelayed` says that it asks through a relay itself.
  case reserve(by: PeerHandle, isRelayed: Bool)
  /// A peer asks for a circuit to another one, under a number that is new.
  case connect(circuit: UInt32, from: PeerHandle, to: PeerHandle, isRelayed: Bool)
  /// The other peer, or the way to it, answered.
  case stopAnswered(circuit: UInt32, RelayStatus)
  /// Bytes came from one side of a circuit.
  case carried(circuit: UInt32, fromCaller: Bool, bytes: Int)
  /// A side of a circuit has ended it.
  case ended(circuit: UInt32)
  /// The last connection with a peer is gone.
  case disconnected(PeerHandle)
  /// Time has passed.
  case tick
}

/// What a relay does.
package enum RelayServerEffect: Equatable, Sendable {
  /// The reservation stands for this long.
  case reserved(PeerHandle, for: Duration)
  /// It does not.
  case reservationRefused(PeerHandle, RelayStatus)
  /// Ask the peer that is called whether it takes the circuit.
  case openStop(circuit: UInt32, to: PeerHandle, from: PeerHandle)
  /// Answer who asked for the circuit; after `ok` bytes go both ways.
  case answer(circuit: UInt32, RelayStatus)
  /// The circuit has used up what it was allowed: give both sides up.
  case reset(circuit: UInt32)
}

/// Decides whom a relay serves, and counts what it carries (libp2p/specs relay/circuit-v2.md).
package struct RelayServerMachine: Sendable {
  private struct Circuit: Sendable {
    let caller: PeerHandle
    let called: PeerHandle
    var isOpen = false
    var expires: Tick
    var bytes: (fromCaller: UInt64, fromCalled: UInt64) = (0, 0)
  }

  private struct Reservation: Sendable {
    let group: UInt32
    var expires: Tick
  }

  /// What it grants.
  package let limits: RelayServerLimits
  private var reservations: [PeerHandle: Reservation] = [:]
  private var circuits: [UInt32: Circuit] = [:]

  /// A relay that serves nobody yet.
  package init(limits: RelayServerLimits = RelayServerLimits()) { self.limits = limits }

  /// Reservations that stand.
  package var reservationCount: Int { reservations.count }

  /// Circuits, open or about to be.
  package var circuitCount: Int { circuits.count }

  /// Whether bytes may go over a circuit.
  package func isOpen(_ circuit: UInt32) -> Bool { circuits[circuit]?.isOpen == true }

  /// What each circuit is allowed.
  package var circuitLimit: RelayLimit {
    RelayLimit(seconds: limits.circuitSeconds, bytes: limits.circuitBytes)
  }

  /// When the next circuit or reservation is over.
  package var nextWake: Tick? {
    (circuits.values.map(\.expires) + reservations.values.map(\.expires)).min()
  }

  /// Takes an event in and says what to do.
  package mutating func handle(
    _ event: RelayServerEvent, now: Tick, directory: some PeerDirectory
  ) -> [RelayServerEffect] {
    switch event {
    case .reserve(let peer, let isRelayed):
      return [reserve(peer, isRelayed, now, directory)]
    case .connect(let circuit, let from, let to, let isRelayed):
      return [connect(circuit, from, to, isRelayed, now)]
    case .stopAnswered(let circuit, let status):
      guard let found = circuits[circuit], !found.isOpen else { return [] }
      if status == .ok {
        circuits[circuit]?.isOpen = true
        circuits[circuit]?.expires = now.advanced(by: .seconds(limits.circuitSeconds))
      } else {
        circuits[circuit] = nil
      }
      return [.answer(circuit: circuit, status)]
    case .carried(let circuit, let fromCaller, let bytes):
      return carried(circuit, fromCaller, UInt64(clamping: bytes))
    case .ended(let circuit):
      circuits[circuit] = nil
      return []
    case .disconnected(let peer):
      reservations[peer] = nil
      return []
    case .tick:
      return tick(now)
    }
  }

  private mutating func reserve(
    _ peer: PeerHandle, _ isRelayed: Bool, _ now: Tick, _ directory: some PeerDirectory
  ) -> RelayServerEffect {
    guard !isRelayed else { return .reservationRefused(peer, .permissionDenied) }
    expireReservations(now)
    let group = directory.addressGroup(of: peer)
    if reservations[peer] == nil {
      // Nobody is in group 0 who is not on this machine or an allow list.
      let inGroup = group == 0 ? 0 : reservations.values.count { $0.group == group }
      guard reservations.count < limits.reservationsMax,
        inGroup < limits.reservationsPerGroupMax
      else { return .reservationRefused(peer, .reservationRefused) }
    }
    reservations[peer] = Reservation(
      group: group, expires: now.advanced(by: limits.reservationLifetime))
    return .reserved(peer, for: limits.reservationLifetime)
  }

  private mutating func connect(
    _ circuit: UInt32, _ from: PeerHandle, _ to: PeerHandle, _ isRelayed: Bool, _ now: Tick
  ) -> RelayServerEffect {
    guard !isRelayed, circuits[circuit] == nil else {
      return .answer(circuit: circuit, .permissionDenied)
    }
    expireReservations(now)
    guard reservations[to] != nil, from != to else {
      return .answer(circuit: circuit, .noReservation)
    }
    guard circuits.count < limits.circuitsMax, count(of: from) < limits.circuitsPerPeerMax,
      count(of: to) < limits.circuitsPerPeerMax
    else { return .answer(circuit: circuit, .resourceLimitExceeded) }
    circuits[circuit] = Circuit(
      caller: from, called: to, expires: now.advanced(by: .seconds(limits.circuitSeconds)))
    return .openStop(circuit: circuit, to: to, from: from)
  }

  private func count(of peer: PeerHandle) -> Int {
    circuits.values.count { $0.caller == peer || $0.called == peer }
  }

  private mutating func carried(
    _ circuit: UInt32, _ fromCaller: Bool, _ bytes: UInt64
  ) -> [RelayServerEffect] {
    guard var found = circuits[circuit], found.isOpen else { return [] }
    if fromCaller { found.bytes.fromCaller += bytes } else { found.bytes.fromCalled += bytes }
    circuits[circuit] = found
    guard max(found.bytes.fromCaller, found.bytes.fromCalled) > limits.circuitBytes else {
      return []
    }
    circuits[circuit] = nil
    return [.reset(circuit: circuit)]
  }

  private mutating func expireReservations(_ now: Tick) {
    reservations = reservations.filter { $0.value.expires > now }
  }

  private mutating func tick(_ now: Tick) -> [RelayServerEffect] {
    expireReservations(now)
    let over = circuits.filter { $0.value.expires <= now }.keys.sorted()
    for circuit in over { circuits[circuit] = nil }
    return over.map { .reset(circuit: $0) }
  }
}
