package import Networking
package import Telemetry

/// The HTTP servers of an embedded content node: its gateway, and the RPC of its owner.
package final class ContentServer: Sendable {
  /// One of the servers.
  package enum Interface: String, CaseIterable, Sendable {
    /// Kubo's RPC, with which the node is driven; its caller may do everything.
    case rpc
    /// The gateway, which is only read from.
    case gateway

    /// The port that Kubo's clients expect, and the gateway's own.
    package var defaultPort: UInt16 {
      switch self {
      case .rpc: 5_001
      case .gateway: 8_088
      }
    }
  }

  /// Where the RPC gives the figures of the node, as Kubo's does; to this machine alone, for no
  /// key is asked for.
  private static let metricsPath = "/debug/metrics/prometheus"

  private let servers: [Interface: HTTPServer]

  /// Servers for what is given; nothing listens yet.
  package init(
    loop: EventLoop, gateway: ContentGateway, rpc: HTTPServer.Handler? = nil,
    metrics: MetricsRegistry
  ) {
    let hosts = HTTPHostPolicy.localhost()
    servers = [
      .gateway: gateway.server(),
      .rpc: HTTPServer(loop: loop, hosts: hosts) { request in
        let isLocal = request.remoteAddress.isLoopback
        if isLocal, request.method == .get, request.path == Self.metricsPath {
          return HTTPResponse(
            status: .ok, headers: ["Content-Type": "text/plain; version=0.0.4"],
            body: .bytes(Array(metrics.prometheusText().utf8)))
        }
        guard let rpc else { return .text(.notFound, "404 page not found\n") }
        return await rpc(request)
      },
    ]
  }

  /// Binds an address of one interface and returns it with the real port.
  package func listen(
    _ interface: Interface, on address: SocketAddress, tls identity: TLSIdentity? = nil
  ) async throws(SocketError) -> SocketAddress {
    guard let server = servers[interface] else { preconditionFailure("\(interface) has a server") }
    return try await server.listen(on: address, tls: identity)
  }

  /// Serves until `shutdown` has ended or the task is cancelled.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for interface in Interface.allCases {
        guard let server = servers[interface] else { continue }
        group.addTask { try await server.run() }
      }
      defer { group.cancelAll() }
      while try await group.next() != nil {}
    }
  }

  /// Lets running requests end within `grace`.
  package func shutdown(within grace: Duration) async {
    await withDiscardingTaskGroup { group in
      for interface in Interface.allCases {
        guard let server = servers[interface] else { continue }
        group.addTask { await server.shutdown(within: grace) }
      }
    }
  }
}
