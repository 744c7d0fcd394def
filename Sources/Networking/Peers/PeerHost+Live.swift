import Cryptography
import Peering
package import Primitives

extension PeerConnection {
  /// Asks for the round trip, unless the last one is young; a later report has it.
  func measureRoundTrip() {
    machine.now = loop.now
    machine.measureRoundTrip()
    scheduleFlush()
  }
}

/// What somebody who watches a running host sees, once a second.
extension PeerHost {
  /// Peers of one report: more than a screen shows.
  private static let peersMax = 256
  /// Decisions of one report.
  private static let refusalsMax = 32

  /// Each peer with its traffic, what is held of each limit, and what was refused lately.
  package func liveReport() -> JSONValue {
    let peers = connectionsByPeer.sorted { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }
    let total = bandwidth().total
    return [
      "peer_id": .string("\(peerID)"),
      "addresses": .array(ownAddresses().map { .string("\($0.withoutOwner)") }),
      "known": .integer(Int64(book.count)), "connected": .integer(Int64(peers.count)),
      "received": .integer(Int64(clamping: total.received)),
      "sent": .integer(Int64(clamping: total.sent)),
      "peers": .array(peers.prefix(Self.peersMax).map { live($0.key, $0.value) }),
      "limits": .array(
        budget.rows.map {
          [
            "name": .string($0.name), "used": .integer(Int64($0.used)),
            "limit": .integer(Int64($0.limit)),
          ]
        }),
      "refusals": .array(lateRefusals()),
    ]
  }

  private func live(_ peer: PeerID, _ connections: [PeerConnection]) -> JSONValue {
    var traffic = Traffic()
    var streams = 0
    var roundTrip: Duration?
    for connection in connections {
      let (total, open) = connection.assumeIsolated { connection in
        connection.measureRoundTrip()
        return (connection.liveTraffic, connection.machine.roundTrip)
      }
      traffic.received += total.total.received
      traffic.sent += total.total.sent
      streams += total.streams.count
      roundTrip = roundTrip ?? open
    }
    let record = book.handle(of: peer).flatMap { book.record(of: $0) }
    let first = connections.first
    return [
      "peer_id": .string("\(peer)"),
      "direction": .string(first?.isOutgoing == true ? "outbound" : "inbound"),
      "relayed": .bool(first?.isRelayed == true),
      "address": .string(first.map { "\($0.remoteAddress)" } ?? ""),
      "agent": .string(record?.agent ?? ""),
      "round_trip_us": roundTrip.map { .integer(Int64($0 / .microseconds(1))) } ?? .null,
      "received": .integer(Int64(clamping: traffic.received)),
      "sent": .integer(Int64(clamping: traffic.sent)), "streams": .integer(Int64(streams)),
      "tags": .array((record?.tags ?? []).map { .string($0) }),
    ]
  }

  /// What lists and limits refused, the latest last.
  private func lateRefusals() -> [JSONValue] {
    let refused = decisions.all.filter { decision in
      switch decision.what {
      case .refusedConnection, .refusedStream, .evicted: true
      default: false
      }
    }
    return refused.suffix(Self.refusalsMax).map { decision in
      [
        "ms_ago": .integer(Int64(loop.now.duration(since: decision.time) / .milliseconds(1))),
        "peer_id": decision.peer.map { .string("\($0)") } ?? .null,
        "what": .string("\(decision)"),
      ]
    }
  }
}
