import Cryptography
import Peering
import Primitives

extension PeerConnection {
  /// Looks at the silence again after the ping interval.
  func scheduleKeepAlive() {
    let due = loop.now.advanced(by: timeouts.pingInterval)
    keepAlive = loop.schedule(at: due) { [weak self] in
      self?.assumeIsolated { $0.checkSilence(due: due) }
    }
  }

  private func checkSilence(due: Tick) {
    guard case .open = state, let peer = machine.remotePeer else { return }
    // While our own loop stood still, nobody could be heard.
    lastHeard = min(loop.now, lastHeard.advanced(by: loop.now.duration(since: due)))
    machine.releaseIdleMemory()
    // Who opens a stream says at once what for.
    machine.now = loop.now
    machine.refuseUndecided(after: timeouts.handshake)
    let silence = loop.now.duration(since: lastHeard)
    if silence >= timeouts.silence { return end(.silent(peer)) }
    if silence >= timeouts.pingInterval {
      machine.ping(nextPing)
      nextPing &+= 1
      flushNow()
    }
    scheduleKeepAlive()
  }

  /// Returns the time one muxer ping takes to come back.
  package func ping() async throws(PeerError) -> Duration {
    if let reason = closeReason { throw reason }
    let opaque = nextPing
    nextPing &+= 1
    let start = ContinuousClock.now
    await withUnsafeContinuation { continuation in
      guard closeReason == nil else { return continuation.resume() }
      pings[opaque] = continuation
      machine.ping(opaque)
      flushNow()
    }
    if let reason = closeReason { throw reason }
    return ContinuousClock.now - start
  }
}
