import Peering
import Primitives

extension PeerConnection {
  /// Tells the host's budget how much this connection holds; ends it when that is too much.
  func countMemory() {
    guard let peer = countedPeer, closeReason == nil else { return }
    let delta = machine.heldBytes - heldBytes
    guard abs(delta) >= PeerLimits.memoryStepBytes else { return }
    heldBytes += delta
    if let refusal = host.assumeIsolated({ $0.hold(delta, for: peer) }) { end(refusal) }
  }

  /// Gives back what the budget counts for the connection, which has ended.
  func giveMemoryBack() {
    guard let peer = countedPeer else { return }
    let bytes = heldBytes
    heldBytes = 0
    _ = host.assumeIsolated { $0.hold(-bytes, for: peer) }
  }

  /// How long the connection has been without streams, or nil while it has some or is not yet open.
  var idleTime: Duration? {
    guard case .open = state, streams.isEmpty else { return nil }
    return loop.now.duration(since: lastStream)
  }

  /// What the host serves, and says of itself, has changed.
  func serve(_ protocols: [String], identify message: IdentifyMessage) {
    var message = message
    message.observedAddress = machine.identify.observedAddress
    machine.identify = message
    machine.serve(protocols)
  }

  /// Bytes of the socket, and of each stream that is still open.
  package var liveTraffic: (total: Traffic, streams: [(protocolID: String, traffic: Traffic)]) {
    (traffic, streams.values.map { (protocolID: $0.protocolID, traffic: $0.traffic) })
  }
}
