package import Cryptography
package import Peering

extension PeerHost {
  /// Serves a protocol from now on, on open connections too; one of the same name is replaced.
  package func serve(_ protocol: StreamProtocol) {
    served.removeAll { $0.id == `protocol`.id }
    served.append(`protocol`)
    selfChanged()
  }

  /// Serves a protocol no longer; its open streams go on.
  package func stopServing(_ protocolID: String) {
    served.removeAll { $0.id == protocolID }
    selfChanged()
  }

  /// What peers are told that this host serves.
  package var protocolIDs: [String] {
    [PingProtocol.protocolID, IdentifyMessage.protocolID]
      + served.filter(\.isAdvertised).map(\.id)
  }

  /// Opens a stream to a peer for the first of `protocols` that it speaks, over the connection
  /// there is or a new one. `PeerConnection.openStream` says when the protocol is agreed.
  package func open(
    _ protocols: [String], to peer: PeerID, at addresses: [Multiaddr] = []
  ) async throws(PeerError) -> PeerStream {
    try await connect(to: peer, at: addresses).openStream(protocols)
  }

  /// What serves a stream that a peer opened, or nil when no limit leaves room for it.
  func admitStream(_ protocolID: String, by peer: PeerID) -> StreamProtocol? {
    guard let found = served.first(where: { $0.id == protocolID }) else { return nil }
    do {
      try budget.openStream(protocolID, limits: found.limits, by: peer)
      return found
    } catch {
      note(.refusedStream(error), peer: peer)
      return nil
    }
  }

  func streamEnded(_ protocolID: String, by peer: PeerID) {
    budget.closeStream(protocolID, by: peer)
  }

  /// Counts bytes that a connection holds; returns why it has to end. When all peers together hold
  /// too much, the one that holds the most loses its connections and nobody else.
  func hold(_ delta: Int, for peer: PeerID) -> PeerError? {
    do {
      try budget.hold(delta, for: peer)
      return nil
    } catch {
      guard case .memory = error, let heavier = budget.heavierPeer(than: peer),
        let connections = connectionsByPeer[heavier]
      else { return .refusedByUs(error) }
      for connection in connections {
        connection.assumeIsolated { $0.end(.refusedByUs(error)) }
      }
      return nil
    }
  }

  /// Counts bytes that wait to be sent to a peer, or returns why they cannot.
  func holdUnsent(_ bytes: Int, for peer: PeerID) -> ResourceRefusal? {
    do {
      try budget.holdUnsent(bytes, for: peer)
      return nil
    } catch {
      return error
    }
  }

  /// Bytes so far, with those of connections and streams that are open.
  package func bandwidth() -> TrafficMeter {
    var meter = traffic
    for connection in connections.values {
      let live = connection.assumeIsolated { $0.liveTraffic }
      meter.add(live.total)
      for stream in live.streams { meter.add(stream.traffic, to: stream.protocolID) }
    }
    return meter
  }

  func count(_ traffic: Traffic, of protocolID: String) {
    self.traffic.add(traffic, to: protocolID)
  }
}

/// Bytes that went both ways.
package struct Traffic: Equatable, Sendable {
  /// To us.
  package var received: UInt64 = 0
  /// From us.
  package var sent: UInt64 = 0

  /// This many bytes.
  package init(received: UInt64 = 0, sent: UInt64 = 0) {
    self.received = received
    self.sent = sent
  }
}

/// Bytes by protocol.
package struct TrafficMeter: Sendable {
  /// Names are ours or agreed with us, yet whoever opens streams for ever new names is not counted
  /// one by one.
  static let protocolsMax = 256
  /// Where the rest is counted.
  private static let others = "others"

  private var protocols: [String: Traffic] = [:]
  /// Bytes over all sockets, with encryption and frames.
  package internal(set) var total = Traffic()

  mutating func add(_ traffic: Traffic, to protocolID: String) {
    let isKnown = protocols[protocolID] != nil || protocols.count < Self.protocolsMax
    let name = isKnown ? protocolID : Self.others
    protocols[name, default: Traffic()].received += traffic.received
    protocols[name, default: Traffic()].sent += traffic.sent
  }

  mutating func add(_ traffic: Traffic) {
    total.received += traffic.received
    total.sent += traffic.sent
  }

  /// Each protocol's bytes on ended streams, sorted by name.
  package var rows: [(protocolID: String, traffic: Traffic)] {
    protocols.sorted { $0.key < $1.key }.map { (protocolID: $0.key, traffic: $0.value) }
  }
}
