internal import Cryptography
package import Networking
internal import Persistence
internal import Primitives
internal import Telemetry

/// The REST interface and the dashboard of one coordinator, on the coordinator's loop.
package final class APIServer: Sendable {
  /// The name of the socket file in the home directory.
  package static let socketName = "api.sock"

  private let gate: APIGate
  private let network: HTTPServer
  private let local: HTTPServer
  private let home: HomeDirectory

  /// Prepares both doors; `listen` opens them. What `owner` answers for a path, only the owner of
  /// the home gets, through the local socket.
  package init(
    coordinator: CoordinatorServer, settings: APISettings = APISettings(),
    owner: OwnerInterface? = nil
  ) {
    home = coordinator.settings.home
    gate = APIGate(
      loop: coordinator.loop, settings: settings, home: home, disk: coordinator.disk)
    let context = APIContext(
      coordinator: coordinator, gate: gate, metrics: APIMetrics(), settings: settings,
      log: Log(source: "api"), peerID: "\(coordinator.identity.publicKey.peerID)")
    // Two servers, because only the listener knows for certain through which door a request came.
    let hosts = HTTPHostPolicy.localhost(and: settings.hostNames)
    let (outer, inner) = (context.router(for: .network), context.router(for: .localSocket))
    network = HTTPServer(loop: coordinator.loop) { request in
      if let refusal = APIContext.refusal(of: request, by: hosts) { return refusal }
      return await outer.answer(request)
    }
    local = HTTPServer(loop: coordinator.loop) { request in
      if let owner, request.path.hasPrefix(owner.prefix) { return await owner.answer(request) }
      return await inner.answer(request)
    }
  }

  /// An interface of another part of the program beside the coordinator's own.
  package struct OwnerInterface: Sendable {
    /// What its paths begin with.
    let prefix: String
    let answer: HTTPServer.Handler

    /// An interface for all paths below `prefix`.
    package init(prefix: String, answer: @escaping HTTPServer.Handler) {
      self.prefix = prefix
      self.answer = answer
    }
  }

  /// Binds an address; returns it with the real port.
  @discardableResult
  package func listen(
    on address: SocketAddress, tls: TLSIdentity? = nil
  ) async throws(SocketError) -> SocketAddress {
    try await network.listen(on: address, tls: tls)
  }

  /// Opens `api.sock` in the home directory for the commands of its owner.
  @discardableResult
  package func listenLocally() async throws(SocketError) -> SocketAddress {
    try await local.listen(on: .unix(path: home.file(Self.socketName)))
  }

  /// Serves until `shutdown` has ended or the task is cancelled.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for server in [network, local] { group.addTask { try await server.run() } }
      defer { group.cancelAll() }
      while try await group.next() != nil {}
    }
  }

  /// Lets running requests end within `grace`.
  package func shutdown(within grace: Duration) async {
    await withDiscardingTaskGroup { group in
      for server in [network, local] {
        group.addTask { await server.shutdown(within: grace) }
      }
    }
  }

  /// A token for one browser: print `http://…/#token=…`.
  package func issueDashboardToken() async -> String { await gate.issueToken() }
}
