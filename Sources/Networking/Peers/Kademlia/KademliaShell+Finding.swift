package import Cryptography
package import Peering
import Primitives

extension KademliaShell {
  /// Looks for addresses of a peer, and stops at the first that may be dialled now; returns whether
  /// there is one.
  package func find(_ peer: PeerID) async -> Bool {
    let handle = interned(peer)
    _ = await run(.findNode(KademliaKey(peer.bytes)), seeking: handle)
    return hasAddress(of: handle)
  }

  /// Looks for peers that provide a key; returns who they say they are.
  package func findProviders(of key: KademliaKey, wanted: Int) async -> [PeerID] {
    let outcome = await run(.findProviders(key, wanted: wanted))
    return names(of: outcome.providers)
  }

  private func interned(_ peer: PeerID) -> PeerHandle {
    host.assumeIsolated { $0.book.intern(peer, now: loop.now) }
  }

  private func names(of handles: [PeerHandle]) -> [PeerID] {
    host.assumeIsolated { host in handles.compactMap { host.book.peer(of: $0) } }
  }

  /// Whether an address of a peer is known that may be dialled now.
  package func knowsAddress(of peer: PeerID) -> Bool { hasAddress(of: interned(peer)) }

  func hasAddress(of peer: PeerHandle) -> Bool {
    host.assumeIsolated { !$0.book.dialAddresses(of: peer, now: loop.now).isEmpty }
  }

  /// Begins or ends to serve: a node that others cannot reach must not stand in their tables.
  package func serve(_ serves: Bool) {
    guard machine.settings.serves != serves else { return }
    machine.settings.serves = serves
    let offered = serves ? servedProtocol() : nil
    host.assumeIsolated { host in
      if let offered { host.serve(offered) } else { host.stopServing(protocolID) }
    }
  }

  /// Whether this node answers others.
  package var isServing: Bool { machine.settings.serves }

  /// How many peers the table holds.
  package var peerCount: Int { machine.table.count }

  /// The peers of the table, in its order.
  package var peers: [PeerID] { names(of: machine.table.entries.map(\.peer)) }

  /// The peers most worth keeping over a restart, best first.
  package var anchors: [PeerHandle] {
    let book = host.assumeIsolated { $0.book }
    return machine.table.anchors(at: loop.now, directory: book)
  }

  /// Suspends until the table holds a peer, at most for `time`; returns whether it does.
  package func waitForPeers(within time: Duration) async -> Bool {
    guard machine.table.count == 0 else { return true }
    let id = nextWaiter
    nextWaiter &+= 1
    let timer = loop.schedule(after: time) { [weak self] in
      self?.assumeIsolated { $0.peerWaiters.removeValue(forKey: id)?.resume() }
    }
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        if Task.isCancelled { return continuation.resume() }
        peerWaiters[id] = continuation
      }
    } onCancel: {
      loop.execute { self.assumeIsolated { $0.peerWaiters.removeValue(forKey: id)?.resume() } }
    }
    loop.cancel(timer)
    return machine.table.count > 0
  }

  func wakePeerWaiters() {
    guard !peerWaiters.isEmpty else { return }
    for waiter in peerWaiters.values { waiter.resume() }
    peerWaiters = [:]
  }
}
