import Peering
import Primitives

/// The pacers of a host whose connections together stay below a rate, each way.
struct TrafficPacers: Sendable {
  var incoming: TrafficPacer
  var outgoing: TrafficPacer

  init(rate: BitRate, now: Tick) {
    incoming = TrafficPacer(rate: rate, now: now)
    outgoing = TrafficPacer(rate: rate, now: now)
  }
}

extension PeerConnection {
  /// A sleep is cut into pieces, so that a connection that ends does not wait for its turn.
  private static let pauseMax: Duration = .milliseconds(100)

  /// How long all connections together have to wait before more is read.
  func readingPause() -> Duration? {
    // What a circuit carries is counted once, on the connection with the relay.
    guard !isRelayed else { return nil }
    let now = loop.now
    return host.assumeIsolated { $0.pacers?.incoming.pause(now: now) }
      .map { min($0, Self.pauseMax) }
  }

  /// The same for writing.
  func writingPause() -> Duration? {
    guard !isRelayed else { return nil }
    let now = loop.now
    return host.assumeIsolated { $0.pacers?.outgoing.pause(now: now) }
      .map { min($0, Self.pauseMax) }
  }

  /// Counts bytes of the socket.
  func count(received: Int = 0, sent: Int = 0) {
    traffic.received += UInt64(received)
    traffic.sent += UInt64(sent)
    guard !isRelayed, host.settings.bandwidthMax != nil else { return }
    let now = loop.now
    host.assumeIsolated { host in
      if received > 0 { host.pacers?.incoming.spend(received, now: now) }
      if sent > 0 { host.pacers?.outgoing.spend(sent, now: now) }
    }
  }
}
