package import Cryptography
package import Peering
package import Primitives

/// Something a host decided about a peer, for whoever asks why.
package struct HostDecision: Sendable {
  /// What was decided.
  package enum What: Equatable, Sendable {
    case connected(Peering.Direction)
    case disconnected(PeerError)
    case dialFailed(PeerError)
    case refusedConnection(PeerError)
    case refusedStream(ResourceRefusal)
    case evicted(idle: Duration)
    case identified(protocols: Int)
    case refusedGossip(GossipRefusal)
    case droppedGossip(ResourceRefusal)
    case refusedKademlia(KademliaRefusal)
  }

  /// When, on the loop's clock; of several alike the last.
  package internal(set) var time: Tick
  /// About whom, where it is known.
  package let peer: PeerID?
  /// About which address.
  package let address: Multiaddr?
  /// What.
  package let what: What
  /// How often, one soon after the other.
  package internal(set) var count = 1
}

extension HostDecision: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  package var description: String {
    count > 1 ? "\(sentence), \(count) times" : sentence
  }

  private var sentence: String {
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
    case .refusedGossip(let refusal):
      "gossip was refused: \(refusal.sentence) (\(refusal.rawValue))"
    case .refusedKademlia(let refusal): "a request was refused: \(refusal.sentence)"
    case .droppedGossip(let reason): "gossip for it was dropped: \(reason)"
    }
  }
}

extension HostDecision {
  /// Whether nothing but the moment, and the port of a stranger, tells them apart.
  fileprivate func isAlike(_ other: HostDecision) -> Bool {
    peer == other.peer && what == other.what
      && (address == other.address || (peer == nil && address?.ipBytes == other.address?.ipBytes))
  }
}

/// The last decisions of a host.
struct DecisionLog: Sendable {
  /// Enough for what happened to a few hundred peers in the last minutes.
  static let decisionsMax = 2_048

  /// A decision alike one of so many before it is counted there, so that a peer that is refused a
  /// thousand times does not push everything else out.
  private static let alikeWithin = 16

  private var ring: [HostDecision] = []
  private var next = 0

  mutating func append(_ decision: HostDecision) {
    for back in 1...Self.alikeWithin where back <= ring.count {
      let index = (next - back + Self.decisionsMax) % Self.decisionsMax
      guard index < ring.count, ring[index].isAlike(decision) else { continue }
      ring[index].time = decision.time
      ring[index].count += 1
      return
    }
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
