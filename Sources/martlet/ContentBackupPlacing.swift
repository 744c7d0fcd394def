import ContentNode
import ContentStore
import Peering
import Persistence
import Primitives

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

  // MARK: - Commands

  @Sendable private static func place(_ arguments: Arguments) async throws {
    guard arguments.text("to") != nil else {
      throw CommandFailure.usage("no storage nodes", hint: "name them with --to")
    }
    try show(try await result(placeWork, arguments), arguments)
  }

  @Sendable private static func check(_ arguments: Arguments) async throws {
    try show(try await result(checkWork, arguments), arguments)
  }

  @Sendable private static func release(_ arguments: Arguments) async throws {
    let json = try await result(releaseWork, arguments)
    Output.result(json, asJSON: arguments.isJSON) {
      let told = Plural.text(Int(clamping: json["released_by"]?.integer ?? 0), "node")
      return "released by \(told) of \(json["asked"]?.integer ?? 0)"
    }
  }

  /// `content backup repair` with `--to`, `--from` or both.
  static func repair(_ arguments: Arguments) async throws {
    guard arguments.text("from") != nil else {
      return try show(try await result(placeWork, arguments), arguments)
    }
    guard arguments.text("to") == nil else {
      throw CommandFailure.usage(
        "--from brings a backup back here and --to repairs it elsewhere",
        hint: "do one after the other")
    }
    try ContentBackupCommands.show(
      repaired: try await result(restoreWork, arguments), arguments)
  }

  /// What is wrong with the words is said before any store is opened.
  private static func result(
    _ work: StoreWork, _ arguments: Arguments
  ) async throws -> JSONValue {
    _ = try ContentCommands.cid(arguments.positionals[0])
    _ = try sampleCount(arguments)
    for option in ["to", "from", "on"] { _ = try ContentFetching.addresses(option, arguments) }
    return try await work.result(arguments)
  }

  static func sampleCount(_ arguments: Arguments) throws -> Int {
    guard let text = arguments.text("samples") else { return 1 }
    guard let count = Int(text), (1...HoldRequestLimits.blocksMax).contains(count) else {
      throw CommandFailure.usage(
        "--samples is `\(text)`", hint: "give 1 to \(HoldRequestLimits.blocksMax)")
    }
    return count
  }

  // MARK: - Words

  private static func show(_ json: JSONValue, _ arguments: Arguments) throws {
    Output.result(json, asJSON: arguments.isJSON) { text(json) }
    let (kept, all) = (number("kept", json), number("blocks", json))
    guard kept < all || json["manifest_everywhere"] != .bool(true) else { return }
    let isRefused = (json["nodes"]?.elements ?? []).contains {
      $0["state"]?.text == BackupStanding.Node.State.refusing.rawValue
    }
    let isLost = json["lost_groups"]?.elements?.isEmpty == false
    throw CommandFailure(
      kept < all
        ? "no storage node keeps \(all - kept) of \(all) blocks"
        : "not every node has the backup's manifest",
      hint: isRefused
        ? "let the nodes that refuse keep more: `content serve --hold-for "
          + "\(json["owner"]?.text ?? "")`"
        : isLost
          ? "the nodes alone cannot give the content back: repair from a copy"
          : "`martlet content backup repair CID --to MULTIADDR` gives them to a node")
  }

  private static func number(_ name: String, _ json: JSONValue) -> Int {
    Int(clamping: json[name]?.integer ?? 0)
  }

  private static func text(_ json: JSONValue) -> String {
    let lostCount = json["lost_groups"]?.elements?.count ?? 0
    let losses = json["losses_survived"]?.integer.map {
      "survives the loss of \(Plural.text(Int(clamping: $0), "node"))"
    }
    let head =
      "\(number("kept", json)) of \(Plural.text(number("blocks", json), "block")) kept, "
      + "\(number("placed", json)) placed now, \(number("computed", json)) computed; "
      + (losses ?? "\(Plural.text(lostCount, "group")) lost")
    let rows = (json["nodes"]?.elements ?? []).map { node in
      [
        node["peer_id"]?.text ?? "", node["state"]?.text ?? "", "\(number("blocks", node))",
        "\(number("bytes", node))",
      ]
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
