import ContentNode
import ContentStore
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Telemetry

/// `content get|cat --peer|--bootstrap`: what the home's store lacks comes from other nodes.
enum ContentFetching {
  static let options = [
    Option(
      name: "peer", value: "MULTIADDR,…", summary: "fetch what is missing from these nodes"),
    Option(
      name: "bootstrap", value: "MULTIADDR,…",
      summary: "or from whoever provides it, found through these"),
    Option(
      name: "identify",
      summary: "say who asks, for content that only some peers may read"),
  ]

  /// Fetches into the home's store.
  static let work = StoreWork(name: "fetch") { opened, arguments, meter in
    let path = try ContentCommands.path(arguments.positionals.first ?? "")
    // `content pin add --direct` keeps one block.
    let scope: DagScope = arguments.flags.contains("direct") ? .block : .all
    try await fetch(ContentFetch(path, scope: scope), into: opened, arguments, meter: meter)
    return [:]
  }

  /// Whether other nodes may be asked.
  static func isAsked(_ arguments: Arguments) -> Bool {
    arguments.text("peer") != nil || arguments.text("bootstrap") != nil
  }

  /// Fetches what a path leads to into the home's store where other nodes may be asked for it.
  static func fetchIfAsked(_ arguments: Arguments) async throws {
    guard isAsked(arguments) else { return }
    _ = try addresses("peer", arguments) + addresses("bootstrap", arguments)
    _ = try await work.result(arguments)
  }

  /// Fetches what is missing in the store.
  private static func fetch(
    _ wanted: ContentFetch, into opened: OpenStore, _ arguments: Arguments, meter: WorkMeter?
  ) async throws {
    let isNamed = arguments.flags.contains("identify")
    let identity = try isNamed ? opened.home.keyOrNew(named: "identity") : SigningKey.generate()
    let peers = try addresses("peer", arguments)
    let bootstraps = try addresses("bootstrap", arguments)
    let loop = try EventLoop()
    let thread = loop.start(named: "loop")
    defer {
      loop.stop()
      thread.join()
    }
    try await loop.perform {
      let host = PeerHost(
        loop: loop, identity: identity, settings: PeerHostSettings(), protocols: [])
      let running = Task(executorPreference: loop.taskExecutor) { await host.run() }
      let tables = bootstraps.isEmpty ? [] : await tables(host, serving: false)
      // Whoever fetches gives nothing away: the home says what it serves where it serves.
      let exchange = ContentExchange(
        host: host, store: opened.store, tables: tables, serves: { _, _ in false })
      await exchange.start()
      let outcome: Result<FetchedContent, any Error>
      do {
        for table in tables { _ = try await table.bootstrap(from: bootstraps) }
        outcome = .success(try await exchange.fetch(wanted, from: peers, meter: meter))
      } catch {
        outcome = .failure(error)
      }
      await host.stop()
      await running.value
      exchange.stop()
      _ = try outcome.get()
    }
  }

  /// The tables that know who provides what: our own, and that of IPFS, in which this node is a
  /// client. Whoever serves nobody is in nobody's table.
  static func tables(_ host: PeerHost, serving: Bool) async -> [KademliaShell] {
    let networks: [(String, KademliaSettings, Bool)] = [
      (KademliaMachine.martletProtocolID, .martlet, serving),
      (KademliaMachine.ipfsProtocolID, .ipfs, false),
    ]
    var tables: [KademliaShell] = []
    for (protocolID, var settings, serves) in networks {
      settings.serves = serves
      // Content is for everybody: no stake stands behind those who have it.
      settings.requiresAdmission = false
      let table = await KademliaShell(host: host, protocolID: protocolID, settings: settings)
      await table.start()
      tables.append(table)
    }
    return tables
  }

  /// The nodes that an option names.
  static func addresses(
    _ option: String, _ arguments: Arguments
  ) throws -> [Multiaddr] {
    try (arguments.text(option) ?? "").split(separator: ",").map { text in
      guard let address = try? Multiaddr(String(text)), address.peer != nil else {
        throw CommandFailure.usage(
          "`\(text)` is not the address of a node",
          hint: "give a multiaddr that ends in /p2p/PEER-ID")
      }
      return address
    }
  }
}

extension CommandFailure {
  init(_ error: ContentFetchError) {
    switch error {
    case .unavailable(let cid):
      self.init(
        "nobody who was asked has \(cid)", hint: "name a node that has it with --peer",
        code: .notFound)
    case .noPeers(_, let reasons):
      let reason = reasons.first.map { CommandFailure(describing: $0).message }
      self.init(
        "no node could be asked: " + (reason ?? "none of them exchanges content"),
        hint: "check the addresses of --peer", code: .unreachable)
    }
  }
}
