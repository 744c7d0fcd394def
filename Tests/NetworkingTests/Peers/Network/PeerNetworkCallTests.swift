import Cryptography
import Networking
import Peering
import Primitives
import Testing

/// A coordinator that finds a worker before the worker finds it.
@Suite("who was called first", .timeLimit(.minutes(5)))
struct PeerNetworkCallTests {
  /// The connection that `peer` opened to a member.
  private static func callOf(
    _ peer: PeerID, to member: PeerNetwork
  ) async throws -> PeerConnection {
    while true {
      if let open = await member.host.connection(with: peer) { return open }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  @Test("a worker that was called opens a connection of its own, which outlasts the call")
  func ownConnection() async throws {
    try await PeerWorld.run { world in
      let worker = try await world.member(PeerWorld.file())
      let coordinator = try await world.member(PeerWorld.file())
      let peer = coordinator.network.host.peerID
      let theirs = try await coordinator.network.host.dial(worker.address)
      let call = try await Self.callOf(peer, to: worker.network)
      #expect(!call.isOutgoing)
      // Where the caller listens stands in its identify.
      await call.waitUntilIdentified()
      let reached = try await worker.network.reach(peer)
      #expect(reached.connection === call)
      #expect(reached.route == .call)
      let own = try await worker.network.call(peer)
      #expect(own.connection.isOutgoing)
      #expect(own.connection !== call)
      #expect(own.route == .lookup)
      await theirs.close()
      _ = await call.waitUntilClosed()
      #expect(await worker.network.host.connection(with: peer) === own.connection)
      let again = try await worker.network.call(peer)
      #expect(again.connection === own.connection)
    }
  }

  @Test("a coordinator that nobody can dial is reached over its own call")
  func onlyTheirs() async throws {
    try await PeerWorld.run { world in
      let worker = try await world.member(PeerWorld.file())
      let host = try world.host(PeerWorld.file())
      let coordinator = try await PeerNetwork(
        host: host, settings: PeerNetworkSettings(PeerWorld.file()))
      await coordinator.start()
      _ = try await host.dial(worker.address)
      let call = try await Self.callOf(host.peerID, to: worker.network)
      let found = try await worker.network.call(host.peerID)
      #expect(found.connection === call)
      #expect(found.route == .call)
    }
  }
}
