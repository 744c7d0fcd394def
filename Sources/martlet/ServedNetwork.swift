import ContentNode
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Telemetry

/// The peers of a store that is served: others fetch from it, and it from them.
struct ServedNetwork: Sendable {
  static let options = [
    Option(
      name: "listen", value: "MULTIADDR", summary: "exchange content with peers, and listen here"),
    Option(
      name: "bootstrap", value: "MULTIADDR,…", summary: "peers to begin with"
    ),
  ]

  /// The key of the peer, and the folder of other keys and published names, in the home.
  static let keyName = "content"
  private static let namesFolder = "names"

  let network: PeerContentNetwork
  private let host: PeerHost

  /// Whether the command asks for peers.
  static func isAsked(_ arguments: Arguments) -> Bool {
    arguments.text("listen") != nil || arguments.text("bootstrap") != nil
  }

  /// A host over a store; nothing moves before `run`.
  init(
    _ arguments: Arguments, store: BlockStore, loop: EventLoop, metrics: MetricsRegistry
  ) async throws {
    let home = Homes.selected(arguments)
    let identity = try home.keyOrNew(named: Self.keyName)
    host = PeerHost(loop: loop, identity: identity, settings: PeerHostSettings(), protocols: [])
    if let text = arguments.text("listen") {
      guard let address = try? Multiaddr(text) else {
        throw CommandFailure.usage(
          "--listen is `\(text)`", hint: "give a multiaddr, such as /ip4/127.0.0.1/tcp/0")
      }
      _ = try await host.listen(on: address)
    }
    let tables = await ContentFetching.tables(host, serving: arguments.text("listen") != nil)
    let exchange = ContentExchange(host: host, store: store, tables: tables, metrics: metrics)
    await exchange.start()
    let folder = home.file(Self.namesFolder)
    network = PeerContentNetwork(
      exchange: exchange,
      names: ContentNames(
        keys: ContentKeys(identity: identity, directory: folder), directory: folder,
        tables: tables),
      announcer: ContentAnnouncer(store: store, tables: tables, loop: loop, metrics: metrics),
      identity: identity.publicKey,
      bootstraps: try ContentFetching.addresses("bootstrap", arguments))
  }

  /// Serves until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask(executorPreference: host.loop.taskExecutor) { await host.run() }
      group.addTask { await network.run() }
    }
  }

  /// Who the peer is and where it listens, for the first line of output.
  func description() async -> [JSONValue.Member] {
    let addresses = await host.ownAddresses()
    return [
      .init("peer_id", .string("\(host.peerID)")),
      .init("addresses", .array(addresses.map { .string("\($0)") })),
    ]
  }
}
