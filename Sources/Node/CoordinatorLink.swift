package import Cryptography
package import Networking
package import Orchestration
package import Peering
package import Primitives

/// Why a node stopped for good.
package enum NodeError: Error {
  /// Another key answered at the address: never tried again.
  case wrongCoordinator(expected: PeerID, actual: PeerID)
  /// The coordinator's chain is not the one in this home.
  case otherChain(expected: Digest, found: Digest)
  /// The coordinator refuses this node.
  case refused(RPCError)
  case notConnected
  /// What was served is not what its name says.
  case wrongContent(String)
}

/// Which coordinator a node came to, and how.
package struct CoordinatorFound: Sendable, CustomStringConvertible {
  /// Who it is, proven.
  package let peer: PeerID
  /// Over what.
  package let connection: PeerConnection
  /// How it was found.
  package let route: PeerRoute

  /// Who, where and how.
  package var description: String {
    let place = connection.isRelayed ? "a relay" : "\(connection.remoteAddress)"
    return "\(peer) at \(place), found by \(route.words)"
  }
}

/// A node's way to its coordinator: dials out, says hello, comes back after every interruption.
package actor CoordinatorLink {
  /// The first wait before another try; each further one is twice as long.
  private static let firstPause: Duration = .milliseconds(50)
  /// A coordinator that was restarted is found again within this time.
  private static let longestPause: Duration = .seconds(1)

  /// Everything of the link runs here.
  package nonisolated let loop: EventLoop
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }
  private let host: PeerHost
  private let place: CoordinatorPlace
  private let hello: Hello
  /// Where a coordinator is looked for.
  private(set) var network: PeerNetwork?
  /// The one of the network's coordinators that is tried next.
  private var turn = 0
  private(set) var connection: PeerConnection?

  /// A link that is not dialled yet.
  package init(host: PeerHost, place: CoordinatorPlace, hello: Hello) {
    loop = host.loop
    self.host = host
    self.place = place
    self.hello = hello
  }

  /// Finds the coordinator through a network from now on.
  package func search(in network: PeerNetwork?) { self.network = network }

  /// Keeps the link up until it is cancelled or cannot ever work.
  ///
  /// - Parameters:
  ///   - connected: called after each hello; an error that it throws ends the node.
  ///   - disconnected: called after each loss, with the reason.
  package func run(
    connected: @Sendable (HelloReply, CoordinatorFound) async throws -> Void,
    disconnected: @Sendable (String) async -> Void
  ) async throws {
    var pause = Self.firstPause
    while !Task.isCancelled {
      do {
        let (connection, found) = try await reach()
        let reply = try HelloReply(
          decoding: await connection.request(method: RPCMethod.hello, body: hello.encoded()))
        self.connection = connection
        pause = Self.firstPause
        try await connected(reply, found)
        let reason = await connection.waitUntilClosed()
        self.connection = nil
        await disconnected("\(reason)")
      } catch let error as PeerError {
        connection = nil
        try giveUp(on: error)
        await disconnected("\(error)")
      }
      try await loop.sleep(for: pause)
      pause = min(pause * 2, Self.longestPause)
    }
  }

  /// Any of the network's coordinators, in turn, or the one at the address.
  private func reach() async throws(PeerError) -> (PeerConnection, CoordinatorFound) {
    switch place {
    case .address(let address): return try await reach(at: address)
    case .network(let file):
      guard let network, !file.coordinators.isEmpty else { throw .closed }
      let peer = file.coordinators[turn % file.coordinators.count]
      do throws(PeerError) {
        let (connection, route) = try await network.call(
          peer, offering: NodeRole.coordinator.rawValue)
        return (connection, CoordinatorFound(peer: peer, connection: connection, route: route))
      } catch {
        turn += 1
        throw error
      }
    }
  }

  /// A coordinator that has moved is found through the peers that were met before.
  private func reach(
    at address: Multiaddr
  ) async throws(PeerError) -> (PeerConnection, CoordinatorFound) {
    guard let peer = address.peer else { throw .addressNotUsable(address) }
    do throws(PeerError) {
      let connection = try await host.dial(address)
      return (connection, CoordinatorFound(peer: peer, connection: connection, route: .known))
    } catch {
      guard case .socket = error, let network, await network.kademlia.peerCount > 0 else {
        throw error
      }
      guard let (connection, route) = try? await network.call(peer) else { throw error }
      return (connection, CoordinatorFound(peer: peer, connection: connection, route: route))
    }
  }

  private func giveUp(on error: PeerError) throws {
    switch (error, place) {
    case (.peering(.wrongPeer(let expected, let actual)), .address):
      throw NodeError.wrongCoordinator(expected: expected, actual: actual)
    case (.addressNotUsable, .address): throw error
    // `starting` and `busy` pass; everything else would be said again.
    case (.refused(let refusal), _) where ["starting", "busy"].contains(refusal.code): break
    case (.refused(let refusal), _): throw NodeError.refused(refusal)
    default: break
    }
  }

  /// Whether the coordinator is there.
  package var isConnected: Bool { connection != nil }

  /// Calls the coordinator.
  package func request(
    _ method: String, _ body: Bytes = [], deadline: Duration = .seconds(10)
  ) async throws -> Bytes {
    guard let connection else { throw NodeError.notConnected }
    return try await connection.request(method: method, body: body, deadline: deadline)
  }
}
