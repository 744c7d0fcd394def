import ContentNode
import ContentStore
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Telemetry

/// What the commands about storage nodes do with an open store.
extension ContentBackupPlacing {
  static let works = [placeWork, checkWork, releaseWork, restoreWork]

  /// Looks after a backup on the nodes that are known and those of `--to`.
  static let placeWork = StoreWork(name: "backup/place", unit: WorkProgress.blocks) {
    opened, arguments, meter in
    try await withKeeper(opened, arguments, meter) { keeper, cid, list in
      let nodes = merged(
        try list.addresses(), try ContentFetching.addresses("to", arguments))
      // Before anything is given away, for a run that breaks off.
      try list.remember(nodes)
      let standing = try await keeper.place(cid, on: nodes)
      // Who left has nothing any more that anybody needs.
      if standing.isWhole {
        try list.remember(standing.nodes.filter { $0.state == .keeping }.map(\.address))
      }
      return json(standing)
    }
  }

  static let checkWork = StoreWork(name: "backup/check", unit: WorkProgress.blocks) {
    opened, arguments, meter in
    try await withKeeper(opened, arguments, meter) { keeper, cid, list in
      json(try await keeper.check(cid, on: nodes(list, arguments)))
    }
  }

  static let releaseWork = StoreWork(name: "backup/release", unit: WorkProgress.blocks) {
    opened, arguments, meter in
    try await withKeeper(opened, arguments, meter) { keeper, cid, list in
      let standing = try await keeper.release(cid, on: nodes(list, arguments))
      let told = standing.nodes.filter { $0.state == .keeping }
      if told.count == standing.nodes.count { list.forget() }
      return [
        "cid": .string("\(cid)"), "released_by": JSONValue(told.count),
        "asked": JSONValue(standing.nodes.count),
      ]
    }
  }

  static let restoreWork = StoreWork(name: "backup/restore", unit: WorkProgress.blocks) {
    opened, arguments, meter in
    try await withKeeper(opened, arguments, meter) { keeper, cid, _ in
      let nodes = try ContentFetching.addresses("from", arguments)
      let (standing, repair) = try await keeper.restore(cid, from: nodes)
      return ContentBackupCommands.json(repair, of: cid, fetched: standing.fetchedCount)
    }
  }

  // MARK: - Nodes

  private static func nodes(
    _ list: BackupNodeList, _ arguments: Arguments
  ) throws -> [Multiaddr] {
    let named = try ContentFetching.addresses("on", arguments)
    let nodes = try named.isEmpty ? list.addresses() : named
    guard !nodes.isEmpty else {
      throw CommandFailure(
        "this home knows no storage nodes of the backup", hint: "name them with --on",
        code: .notFound)
    }
    return nodes
  }

  /// Addresses, the later one of a node in place of the earlier.
  private static func merged(_ known: [Multiaddr], _ new: [Multiaddr]) -> [Multiaddr] {
    let named = Set(new.compactMap(\.peer))
    return known.filter { $0.peer.map(named.contains) != true } + new
  }

  /// Runs `body` over the home's store with the peers of the server that has it open, or with a
  /// host of the same identity.
  private static func withKeeper(
    _ opened: OpenStore, _ arguments: Arguments, _ meter: WorkMeter?,
    _ body: @escaping @Sendable (BackupKeeper, CID, BackupNodeList) async throws -> JSONValue
  ) async throws -> JSONValue {
    let cid = try ContentCommands.cid(arguments.positionals.first ?? "")
    let samples = try sampleCount(arguments)
    let folder = HomeDirectory(path: opened.home.file("backups"))
    try folder.create()
    let list = BackupNodeList(of: cid, in: folder.path)
    @Sendable func run(_ exchange: ContentExchange) async throws -> JSONValue {
      let keeper = BackupKeeper(BlockHolding(exchange: exchange), samples: samples)
      return try await body(keeper.counting(on: meter), cid, list)
    }
    if let exchange = opened.exchange {
      return try await exchange.host.loop.perform { try await run(exchange) }
    }
    return try await withExchange(opened, run)
  }

  private static func withExchange(
    _ opened: OpenStore,
    _ body: @escaping @Sendable (ContentExchange) async throws -> JSONValue
  ) async throws -> JSONValue {
    let identity = try opened.home.keyOrNew(named: ServedNetwork.keyName)
    let loop = try EventLoop()
    let thread = loop.start(named: "loop")
    defer {
      loop.stop()
      thread.join()
    }
    return try await loop.perform {
      let host = PeerHost(
        loop: loop, identity: identity, settings: PeerHostSettings(), protocols: [])
      let running = Task(executorPreference: loop.taskExecutor) { await host.run() }
      let exchange = ContentExchange(host: host, store: opened.store)
      await exchange.start()
      let outcome: Result<JSONValue, any Error>
      do {
        outcome = .success(try await body(exchange))
      } catch {
        outcome = .failure(error)
      }
      await host.stop()
      await running.value
      exchange.stop()
      return try outcome.get()
    }
  }

  private static func json(_ standing: BackupStanding) -> JSONValue {
    let nodes = standing.nodes.map { node -> JSONValue in
      [
        "peer_id": .string("\(node.peer)"), "address": .string("\(node.address)"),
        "state": .string(node.state.rawValue), "blocks": JSONValue(node.members),
        "bytes": JSONValue(node.bytes),
      ]
    }
    return [
      "content": .string("\(standing.content)"), "owner": .string("\(standing.owner)"),
      "code": .string("\(standing.code.dataCount)+\(standing.code.parityCount)"),
      "groups": JSONValue(standing.groupCount), "blocks": JSONValue(standing.memberCount),
      "kept": JSONValue(standing.keptCount), "placed": JSONValue(standing.placedCount),
      "fetched": JSONValue(standing.fetchedCount), "computed": JSONValue(standing.computedCount),
      "losses_survived": standing.lossesSurvived.map { JSONValue($0) } ?? .null,
      "lost_groups": .array(standing.lostGroups.map { JSONValue($0) }),
      "manifest_everywhere": .bool(standing.isIndexKept), "nodes": .array(nodes),
    ]
  }
}
