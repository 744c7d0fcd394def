package import Cryptography
import Peering
package import Primitives

/// What a host tells the person who runs it.
extension PeerHost {
  /// The connected peers, and how much of each limit is in use.
  package func peersReport() -> JSONValue {
    let rows = connectedHandles().compactMap { handle -> JSONValue? in
      guard let record = book.record(of: handle), let connection = connection(with: record.peer)
      else { return nil }
      return [
        "peer_id": .string("\(record.peer)"), "address": .string("\(connection.remoteAddress)"),
        "direction": .string(connection.isOutgoing ? "outbound" : "inbound"),
        "agent": .string(record.agent),
        "connections": .integer(Int64(connectionsByPeer[record.peer]?.count ?? 0)),
        "protocols": .array(record.protocols.map { .string($0) }),
        "tags": .array(record.tags.map { .string($0) }),
      ]
    }
    return [
      "peer_id": .string("\(peerID)"), "peers": .array(rows), "known": .integer(Int64(book.count)),
      "limits": Self.limits(
        budget.rows + [("peer book bytes", book.heldBytes, PeerBookLimits.bytesMax)]),
      "refused": .array(strangersRefused()),
      "streams": .array(
        budget.streamsByProtocol.map {
          ["protocol": .string($0.protocolID), "count": .integer(Int64($0.count))]
        }),
    ]
  }

  /// The last decisions about those who never said who they are.
  private func strangersRefused() -> [JSONValue] {
    decisions.all.filter { $0.peer == nil }.suffix(Self.strangersMax).map { said($0) }
  }

  /// Of so many strangers at most a report tells.
  private static let strangersMax = 16

  private func said(_ decision: HostDecision) -> JSONValue {
    [
      "ms_ago": Self.milliseconds(loop.now.duration(since: decision.time)),
      "what": .string("\(decision)"),
    ]
  }

  /// Everything that decides how one peer is treated, with the decisions of the last minutes.
  package func whyReport(of peer: PeerID) -> JSONValue {
    let handle = book.handle(of: peer)
    let record = handle.flatMap { book.record(of: $0) }
    let now = loop.now
    let addresses = (record?.addresses ?? []).map { known -> JSONValue in
      [
        "address": .string("\(known.address)"), "source": .string("\(known.source)"),
        "failures": .integer(Int64(known.failures)),
        "dialled_again_in_ms": Self.milliseconds(known.retryAt.duration(since: now)),
        "believed_for_ms": Self.milliseconds(known.expires.duration(since: now)),
      ]
    }
    let decisions = self.decisions(about: peer).map { said($0) }
    let parts = handle.map { handle in
      explainers.compactMap { part in part.explain(handle).map { (part.name, $0) } }
    }
    return .object(
      own(peer, record, addresses, decisions)
        + (parts ?? []).map { JSONValue.Member($0.0, $0.1) })
  }

  private func own(
    _ peer: PeerID, _ record: PeerRecord?, _ addresses: [JSONValue], _ decisions: [JSONValue]
  ) -> [JSONValue.Member] {
    let report: JSONValue = [
      "peer_id": .string("\(peer)"), "known": .bool(record != nil),
      "connected": .bool(isConnected(peer)),
      "list": .string(filter.refusal(of: peer).map { "\($0)" } ?? "on no list"),
      "would_dial": .string(dialVerdict(of: peer)),
      "tags": .array((record?.tags ?? []).map { .string($0) }),
      "signed_record": .integer(Int64(clamping: record?.recordSequence ?? 0)),
      "addresses": .array(addresses), "limits": Self.limits(budget.rows(of: peer)),
      "decisions": .array(decisions),
    ]
    return report.members ?? []
  }

  private func dialVerdict(of peer: PeerID) -> String {
    if peer == peerID { return "no: it is this node itself" }
    if isConnected(peer) { return "no need: it is connected" }
    if let refusal = filter.refusal(of: peer) { return "no: \(refusal)" }
    let handle = book.handle(of: peer)
    let ready = handle.map { book.dialAddresses(of: $0, now: loop.now) } ?? []
    if let first = ready.first { return "yes: \(first) first, of \(ready.count)" }
    if let wait = handle.flatMap({ book.dialWait(of: $0, now: loop.now) }) {
      return "not yet: each address failed, the next try is in \(wait.duration(since: loop.now))"
    }
    return "no: no address of it is known"
  }

  /// Bytes over all sockets and by protocol.
  package func bandwidthReport() -> JSONValue {
    let meter = bandwidth()
    return [
      "received": .integer(Int64(clamping: meter.total.received)),
      "sent": .integer(Int64(clamping: meter.total.sent)),
      "protocols": .array(
        meter.rows.map {
          [
            "protocol": .string($0.protocolID),
            "received": .integer(Int64(clamping: $0.traffic.received)),
            "sent": .integer(Int64(clamping: $0.traffic.sent)),
          ]
        }),
    ]
  }

  private static func limits(_ rows: [(name: String, used: Int, limit: Int)]) -> JSONValue {
    .array(
      rows.map {
        [
          "name": .string($0.name), "used": .integer(Int64($0.used)),
          "limit": .integer(Int64($0.limit)),
        ]
      })
  }

  private static func milliseconds(_ duration: Duration) -> JSONValue {
    .integer(Int64(duration / .milliseconds(1)))
  }
}
