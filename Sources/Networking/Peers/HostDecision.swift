package import Cryptography
package import Peering
package import Primitives

/// Something a host decided about a peer, for whoever asks why.
package struct HostDecision: Sendable {
  /// What was decided.
  package enum What: Sendable {
    case connected(Peering.Direction)
    case disconnected(PeerError)
    case dialFailed(PeerError)
    case refusedConnection(PeerError)
    case refusedStream(ResourceRefusal)
    case evicted(idle: Duration)
    case identified(protocols: Int)
  }

  /// When, on the loop's clock.
  package let time: Tick
  /// About whom, where it is known.
  package let peer: PeerID?
  /// About which address.
  package let address: Multiaddr?
  /// What.
  package let what: What
}

extension HostDecision: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  package var description: String {
    let place = address.map { " at \($0)" } ?? ""
    return switch what {
    case .connected(.inbound): "it connected to us\(place)"
    case .connected(.outbound): "we connected to it\(place)"
    case .disconnected(let reason): "the connection ended\(place): \(reason)"
    case .dialFailed(let reason): "a dial failed\(place): \(reason)"
    case .refusedConnection(let reason): "a connection was refused\(place): \(reason)"
    case .refusedStream(let reason): "a stream was refused: \(reason)"
    case .evicted(let idle): "its connection, idle for \(idle), made room for another peer"
    case .identified(let count): "it told us what it is, and \(count) protocols"
    }
  }
}

/// The last decisions of a host.
struct DecisionLog: Sendable {
  /// Enough for what happened to a few hundred peers in the last minutes.
  static let decisionsMax = 2_048

  private var ring: [HostDecision] = []
  private var next = 0

  mutating func append(_ decision: HostDecision) {
    if ring.count < Self.decisionsMax {
      ring.append(decision)
    } else {
      ring[next] = decision
    }
    next = (next + 1) % Self.decisionsMax
  }

  /// The oldest first.
  var all: [HostDecision] {
    ring.count < Self.decisionsMax ? ring : Array(ring[next...] + ring[..<next])
  }
}
