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
  private let address: Multiaddr
  private let hello: Hello
  private(set) var connection: PeerConnection?

  /// A link that is not dialled yet.
  package init(host: PeerHost, address: Multiaddr, hello: Hello) {
    loop = host.loop
    self.host = host
    self.address = address
    self.hello = hello
  }

  /// Keeps the link up until it is cancelled or cannot ever work.
  ///
  /// - Parameters:
  ///   - connected: called after each hello; an error that it throws ends the node.
  ///   - disconnected: called after each loss, with the reason.
  package func run(
    connected: @Sendable (HelloReply) async throws -> Void,
    disconnected: @Sendable (String) async -> Void
  ) async throws {
    var pause = Self.firstPause
    while !Task.isCancelled {
      do {
        let connection = try await host.dial(address)
        let reply = try HelloReply(
          decoding: await connection.request(method: RPCMethod.hello, body: hello.encoded()))
        self.connection = connection
        pause = Self.firstPause
        try await connected(reply)
        let reason = await connection.waitUntilClosed()
        self.connection = nil
        await disconnected("\(reason)")
      } catch let error as PeerError {
        connection = nil
        try Self.giveUp(on: error)
        await disconnected("\(error)")
      }
      try await loop.sleep(for: pause)
      pause = min(pause * 2, Self.longestPause)
    }
  }

  private static func giveUp(on error: PeerError) throws {
    switch error {
    case .peering(.wrongPeer(let expected, let actual)):
      throw NodeError.wrongCoordinator(expected: expected, actual: actual)
    case .addressNotUsable: throw error
    // `starting` and `busy` pass; everything else would be said again.
    case .refused(let refusal) where ["starting", "busy"].contains(refusal.code): break
    case .refused(let refusal): throw NodeError.refused(refusal)
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
