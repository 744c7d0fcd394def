import ContentNode
import ContentStore
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Telemetry

/// `content backup place|check|release`, and repair with nodes: backups on storage nodes.
enum ContentBackupPlacing {
  static let repairOptions = [
    Option(
      name: "to", value: "MULTIADDR,…",
      summary: "give what no storage node keeps any more to those that are left, and to these"),
    Option(
      name: "from", value: "MULTIADDR,…", summary: "bring back what is missing here from these"),
  ]

  private static let samples = Option(
    name: "samples", value: "N", summary: "blocks to read of each node and group (default 1)")
  private static let on = Option(
    name: "on", value: "MULTIADDR,…", summary: "the nodes (default: those of `place`)")

  static let all = [
    Command(
      words: ["content", "backup", "place"], summary: "spread a backup over storage nodes",
      positionals: ["CID"],
      options: [
        Option(name: "to", value: "MULTIADDR,…", summary: "the nodes, with commas between them"),
        samples,
      ],
      details: [
        "The nodes must keep blocks for this home: `content serve --hold-for PEER`. What this",
        "home has is not touched; once placed, it may be unpinned.",
      ],
      example: "martlet content backup place CID --to /ip4/…/p2p/12D3KooW…",
      run: place),
    Command(
      words: ["content", "backup", "check"], summary: "ask the storage nodes what they keep",
      positionals: ["CID"], options: [on, samples],
      details: ["Exits with 1 where no node keeps some block."],
      example: "martlet content backup check CID", run: check),
    Command(
      words: ["content", "backup", "release"], summary: "let the storage nodes forget a backup",
      positionals: ["CID"], options: [on],
      example: "martlet content backup release CID", run: release),
  ]

  /// Whether a repair is one with other nodes.
  static func isAsked(_ arguments: Arguments) -> Bool {
    arguments.text("to") != nil || arguments.text("from") != nil
  }

  @Sendable private static func place(_ arguments: Arguments) async throws {
    guard arguments.text("to") != nil else {
      throw CommandFailure.usage("no storage nodes", hint: "name them with --to")
    }
    try await placeAgain(arguments)
  }

  /// Looks after a backup on the nodes that are known and those of `--to`.
  private static func placeAgain(_ arguments: Arguments) async throws {
    try await withKeeper(arguments) { keeper, cid, list in
      let known = try list.addresses()
      let nodes = merged(known, try ContentFetching.addresses("to", arguments))
      // Before anything is given away, for a run that breaks off.
      try list.remember(nodes)
      let standing = try await WorkProgress.during(arguments, counting: WorkProgress.blocks) {
        try await keeper.counting(on: $0.meter).place(cid, on: nodes)
      }
      // Who left has nothing any more that anybody needs.
      if standing.isWhole {
        try list.remember(standing.nodes.filter { $0.state == .keeping }.map(\.address))
      }
      try show(standing, arguments)
    }
  }

  @Sendable private static func check(_ arguments: Arguments) async throws {
    try await withKeeper(arguments) { keeper, cid, list in
      let nodes = try nodes(list, arguments)
      let standing = try await WorkProgress.during(arguments, counting: WorkProgress.blocks) {
        try await keeper.counting(on: $0.meter).check(cid, on: nodes)
      }
      try show(standing, arguments)
    }
  }

  @Sendable private static func release(_ arguments: Arguments) async throws {
    try await withKeeper(arguments) { keeper, cid, list in
      let standing = try await keeper.release(cid, on: nodes(list, arguments))
      let told = standing.nodes.filter { $0.state == .keeping }
      if told.count == standing.nodes.count { list.forget() }
      let json: JSONValue = ["cid": .string("\(cid)"), "released_by": JSONValue(told.count)]
      Output.result(json, asJSON: arguments.isJSON) {
        "released by \(Plural.text(told.count, "node")) of \(standing.nodes.count)"
      }
    }
  }

  /// `content backup repair` with `--to`, `--from` or both.
  static func repair(_ arguments: Arguments) async throws {
    guard arguments.text("from") != nil else { return try await placeAgain(arguments) }
    guard arguments.text("to") == nil else {
      throw CommandFailure.usage(
        "--from brings a backup back here and --to repairs it elsewhere",
        hint: "do one after the other")
    }
    try await withKeeper(arguments) { keeper, cid, _ in
      let nodes = try ContentFetching.addresses("from", arguments)
      let (standing, repair) = try await WorkProgress.during(
        arguments, counting: WorkProgress.blocks
      ) {
        try await keeper.counting(on: $0.meter).restore(cid, from: nodes)
      }
      ContentBackupCommands.show(repair, fetched: standing.fetchedCount, arguments)
      try ContentBackupCommands.checkWhole(repair, of: cid)
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

  /// Runs `body` with a host that has the home's identity, over the home's store.
  private static func withKeeper(
    _ arguments: Arguments,
    _ body: @escaping @Sendable (BackupKeeper, CID, BackupNodeList) async throws -> Void
  ) async throws {
    let cid = try ContentCommands.cid(arguments.positionals[0])
    let samples = try sampleCount(arguments)
    let store = try ContentCommands.localStore(arguments)
    defer { store.close() }
    let home = Homes.selected(arguments)
    let folder = HomeDirectory(path: home.file("backups"))
    try folder.create()
    let list = BackupNodeList(of: cid, in: folder.path)
    let identity = try home.keyOrNew(named: ServedNetwork.keyName)
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
      let exchange = ContentExchange(host: host, store: store)
      await exchange.start()
      let keeper = BackupKeeper(BlockHolding(exchange: exchange), samples: samples)
      let outcome: Result<Void, any Error>
      do {
        outcome = .success(try await body(keeper, cid, list))
      } catch {
        outcome = .failure(error)
      }
      await host.stop()
      await running.value
      exchange.stop()
      try outcome.get()
    }
  }

  private static func sampleCount(_ arguments: Arguments) throws -> Int {
    guard let text = arguments.text("samples") else { return 1 }
    guard let count = Int(text), (1...HoldRequestLimits.blocksMax).contains(count) else {
      throw CommandFailure.usage(
        "--samples is `\(text)`", hint: "give 1 to \(HoldRequestLimits.blocksMax)")
    }
    return count
  }

  // MARK: - Words

  private static func show(_ standing: BackupStanding, _ arguments: Arguments) throws {
    let nodes = standing.nodes.map { node -> JSONValue in
      [
        "peer_id": .string("\(node.peer)"), "address": .string("\(node.address)"),
        "state": .string(node.state.rawValue), "blocks": JSONValue(node.members),
        "bytes": JSONValue(node.bytes),
      ]
    }
    let json: JSONValue = [
      "content": .string("\(standing.content)"), "owner": .string("\(standing.owner)"),
      "code": .string("\(standing.code.dataCount)+\(standing.code.parityCount)"),
      "groups": JSONValue(standing.groupCount), "blocks": JSONValue(standing.memberCount),
      "kept": JSONValue(standing.keptCount), "placed": JSONValue(standing.placedCount),
      "fetched": JSONValue(standing.fetchedCount), "computed": JSONValue(standing.computedCount),
      "losses_survived": standing.lossesSurvived.map { JSONValue($0) } ?? .null,
      "lost_groups": .array(standing.lostGroups.map { JSONValue($0) }),
      "manifest_everywhere": .bool(standing.isIndexKept), "nodes": .array(nodes),
    ]
    Output.result(json, asJSON: arguments.isJSON) { text(standing) }
    guard !standing.isWhole else { return }
    let missing = standing.memberCount - standing.keptCount
    let isRefused = standing.nodes.contains { $0.state == .refusing }
    throw CommandFailure(
      missing > 0
        ? "no storage node keeps \(missing) of \(standing.memberCount) blocks"
        : "not every node has the backup's manifest",
      hint: isRefused
        ? "let the nodes that refuse keep more: `content serve --hold-for \(standing.owner)`"
        : standing.lostGroups.isEmpty
          ? "`martlet content backup repair CID --to MULTIADDR` gives them to a node"
          : "the nodes alone cannot give the content back: repair from a copy")
  }

  private static func text(_ standing: BackupStanding) -> String {
    let losses = standing.lossesSurvived.map { "survives the loss of \(Plural.text($0, "node"))" }
    let head =
      "\(standing.keptCount) of \(Plural.text(standing.memberCount, "block")) kept, "
      + "\(standing.placedCount) placed now, \(standing.computedCount) computed; "
      + (losses ?? "\(Plural.text(standing.lostGroups.count, "group")) lost")
    let rows = standing.nodes.map {
      ["\($0.peer)", $0.state.rawValue, "\($0.members)", "\($0.bytes)"]
    }
    return ([head] + TextTable.lines(["node", "state", "blocks", "bytes"], rows))
      .joined(separator: "\n")
  }
}

extension CommandFailure {
  init(_ error: HoldError) {
    switch error {
    case .malformedBackup:
      self.init("the backup names blocks that no node keeps", hint: "make it again")
    case .noNodes(let reasons):
      let reason = reasons.first.map { CommandFailure(describing: $0).message }
      self.init(
        "no storage node could be reached" + (reason.map { ": \($0)" } ?? ""),
        hint: "check the addresses", code: .unreachable)
    }
  }
}
