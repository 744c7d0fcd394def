import Cryptography
package import Peering
import Primitives

/// A rendezvous point on a host: peers register in namespaces and discover each other, as its
/// `RendezvousServerMachine` decides. Lives on the loop.
package actor RendezvousServer {
  /// How long a peer may take for its next message; py-libp2p opens a stream for each.
  private static let patience: Duration = .seconds(30)
  /// Streams of one peer.
  private static let streamsPerPeerMax = 4
  /// Streams of all peers.
  private static let streamsMax = 1_024
  /// How often what has expired is cleared away; it is not listed any more before.
  private static let sweepInterval: Duration = .seconds(60)

  /// Whose peers it serves.
  package nonisolated let host: PeerHost
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    host.loop.asUnownedSerialExecutor()
  }
  private var machine: RendezvousServerMachine

  /// A point on a host; `start` begins to serve.
  package init(host: PeerHost, limits: RendezvousServerLimits = RendezvousServerLimits()) {
    self.host = host
    machine = RendezvousServerMachine(limits: limits, secret: SystemRandom.bytes(32))
  }

  /// Serves peers from now on.
  package func start() async {
    let limits = StreamLimits(
      inboundPerPeerMax: Self.streamsPerPeerMax, inboundMax: Self.streamsMax)
    await host.serve(
      StreamProtocol(RendezvousMessage.protocolID, limits: limits) { stream in
        try await self.serve(stream)
      })
    sweepLater()
  }

  /// Registrations that stand.
  package var registrationCount: Int { machine.registrationCount }

  private func sweepLater() {
    host.loop.schedule(after: Self.sweepInterval) { [weak self] in
      self?.assumeIsolated { server in
        guard !server.host.assumeIsolated({ $0.isStopped }) else { return }
        _ = server.machine.handle(.tick, now: server.host.loop.now)
        server.sweepLater()
      }
    }
  }

  private func serve(_ stream: PeerStream) async throws(PeerError) {
    while let bytes = try await stream.readMessage(
      limit: RendezvousLimits.requestBytesMax, within: Self.patience)
    {
      let message: RendezvousMessage
      do { message = try RendezvousMessage(decoding: bytes) } catch { throw .rendezvous(error) }
      for effect in handle(message, from: stream.peer) {
        switch effect {
        case .answer(let answer): try await stream.writeMessage(answer.encoded())
        case .refuse: throw .rendezvous(.unexpected)
        }
      }
    }
  }

  private func handle(
    _ message: RendezvousMessage, from peer: PeerID
  ) -> [RendezvousServerEffect] {
    let now = host.loop.now
    let group = host.assumeIsolated { host in
      host.book.addressGroup(of: host.book.intern(peer, now: now))
    }
    return machine.handle(.received(message, from: peer, group: group), now: now)
  }
}
