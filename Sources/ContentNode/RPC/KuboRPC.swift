internal import ContentStore
package import Networking
package import Persistence
internal import Primitives
internal import Telemetry

/// The commands of Kubo's RPC (docs.ipfs.tech/reference/kubo/rpc) over one block store, as the
/// handler of an `HTTPServer`.
///
/// What each command takes and answers is in docs/specs/kubo-rpc.md. Call `stop` when the server
/// has ended.
package final class KuboRPC: Sendable {
  /// Where the commands are.
  package static let prefix = "/api/v0/"

  private let node: KuboNode
  private let pool: ComputePool
  private let running = KuboTurns()
  private let own: OwnWorks?

  /// Serves `store`; without a `network` the commands that need others are refused. `own` is what
  /// the program does for its command line.
  package init(
    store: BlockStore, settings: KuboRPCSettings = KuboRPCSettings(),
    network: (any ContentNetwork)? = nil, own: OwnWorks? = nil
  ) {
    self.own = own
    pool = ComputePool(
      named: "kubo-rpc", threads: KuboLimits.threads, queueMax: KuboLimits.queuedWorkMax)
    node = KuboNode(store: store, network: network, settings: settings, pool: pool)
  }

  /// Ends the threads; blocks until they are gone. Requests that still run are refused.
  package func stop() { pool.stop() }

  /// Whether a path is one of this interface.
  package static func serves(_ path: String) -> Bool { path.hasPrefix(prefix) }

  /// Answers requests on a server's event loop.
  package var handler: HTTPServer.Handler { { [self] request in await answer(request) } }

  /// Answers one request.
  package func answer(_ request: HTTPRequest) async -> HTTPResponse {
    if let refusal = KuboGate(node.settings).refusal(of: request) { return refusal }
    guard Self.serves(request.path), let command = command(at: request.path) else {
      return .text(.notFound, "404 page not found\n")
    }
    guard let turn = KuboTurn(of: running) else { return KuboAnswer.failure(KuboError.busy) }
    do {
      let reply = try await command.run(KuboCall(request, command, on: node))
      return try await KuboAnswer.response(to: reply, holding: turn)
    } catch {
      return KuboAnswer.failure(error)
    }
  }

  /// A trailing slash is passed over, as Kubo does.
  private func command(at path: String) -> KuboCommand? {
    let words = path.dropFirst(Self.prefix.count).split(separator: "/").joined(separator: "/")
    return KuboCommands.byPath[words] ?? own?.command(words)
  }
}

/// One of the requests that are worked on at the same time; it ends with the last reference.
final class KuboTurn: Sendable {
  private let running: KuboTurns

  /// The next turn; nil while there are too many.
  init?(of running: KuboTurns) {
    guard running.begin() else { return nil }
    self.running = running
  }

  deinit { running.end() }
}

/// Counts the requests that are worked on.
final class KuboTurns: Sendable {
  private let count = Lock(0)

  fileprivate func begin() -> Bool {
    count.withLock { count in
      guard count < ContentNodeLimits.requestsMax else { return false }
      count += 1
      return true
    }
  }

  fileprivate func end() { count.withLock { $0 -= 1 } }
}
