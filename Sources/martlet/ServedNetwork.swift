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
    Option(
      name: "hold-for", value: "PEER,…",
      summary: "keep backup blocks for these peers, or for `anybody`"),
    Option(
      name: "hold-bytes", value: "N",
      summary: "how many bytes each of them may have, or all of anybody (default 10 GiB)"),
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
    _ arguments: Arguments, store: BlockStore, library: ContentLibrary, loop: EventLoop,
    metrics: MetricsRegistry
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
    let exchange = ContentExchange(
      host: host, store: store, tables: tables, metrics: metrics,
      serves: { library.serves($0, to: $1) })
    await exchange.start()
    if let policy = try Self.holdPolicy(arguments) {
      await BlockHolding(exchange: exchange).start(
        keeping: try HeldBlocks(store: store, policy: policy), for: policy)
    }
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

  /// For whom blocks are kept: for nobody unless it is said.
  private static func holdPolicy(_ arguments: Arguments) throws -> HoldPolicy? {
    var bytesMax = HoldLimits.bytesPerOwner
    if let text = arguments.text("hold-bytes") {
      guard let count = UInt64(text), arguments.text("hold-for") != nil else {
        throw CommandFailure.usage(
          "--hold-bytes is `\(text)`", hint: "give a number of bytes, and --hold-for")
      }
      bytesMax = count
    }
    guard let text = arguments.text("hold-for") else { return nil }
    guard text != "anybody" else { return HoldPolicy(.anybody, bytesMax: bytesMax) }
    let peers = try text.split(separator: ",").map { word in
      guard let peer = try? PeerID(String(word)) else {
        throw CommandFailure.usage(
          "--hold-for names `\(word)`", hint: "give peer ids with commas between, or `anybody`")
      }
      return peer
    }
    return HoldPolicy(.named(Set(peers)), bytesMax: bytesMax)
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
