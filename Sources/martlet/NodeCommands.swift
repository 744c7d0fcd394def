import CShim
import Cryptography
import Ledger
import Networking
import Node
import Orchestration
import Peering
import Persistence
import Primitives
import Telemetry
import UsefulWork

/// `node start`.
enum NodeCommands {
  static let all = [
    Command(
      words: ["node", "start"], summary: "run a worker, validator, evaluator or peer",
      options: [
        Option(
          name: "role", value: "ROLE", summary: "worker, validator, evaluator or peer (relays)"),
        Option(
          name: "network", value: "NAME|FILE", summary: "a network of this home, or its file"),
        Option(
          name: "join", value: "MULTIADDR",
          summary: "or the coordinator itself, ending in /p2p/ID"),
        Option(
          name: "listen", value: "MULTIADDR", summary: "where peers reach it (default any port)"),
        Option(
          name: "announce", value: "MULTIADDR,…", summary: "addresses that peers are told too"),
        Option(
          name: "place", value: "REGION/COUNTRY/CITY",
          summary: "where it is: it joins the group of its city"),
        Option(name: "relay", summary: "carry some traffic of peers that nobody can reach"),
        Option(name: "label", value: "TEXT", summary: "a name for people"),
        Option(name: "threads", value: "N", summary: "threads for training or replay (default 1)"),
        Option(
          name: "lie", value: "KIND",
          summary: "train dishonestly, to see it caught: random, scaled, stale, other-data …"),
        Option(name: "exit-with-parent", summary: "end when nobody reads its standard output"),
      ] + PeerNode.options,
      example: "martlet node start --role worker --network testnet", run: start),
    Command(
      words: ["node", "id"], summary: "print this home's peer id, made if there is none",
      details: ["Others name the node by it: in lists, invitations and `content share`."],
      example: "martlet node id", run: showID),
  ]

  @Sendable private static func showID(_ arguments: Arguments) async throws {
    let home = Homes.selected(arguments)
    try home.create()
    let key = try home.keyOrNew(named: "identity").publicKey
    let json: JSONValue = [
      "peer_id": .string("\(key.peerID)"), "public_key": .string(Hex.encode(key.bytes)),
    ]
    Output.result(json, asJSON: arguments.isJSON) { "\(key.peerID)" }
  }

  /// The kind of lie that was asked for, one that the program knows.
  static func lie(_ arguments: Arguments) throws -> String? {
    try arguments.choice("lie", of: Lie.named.keys.sorted().map { ($0, $0) })
  }

  @Sendable private static func start(_ arguments: Arguments) async throws {
    if arguments.flags.contains("exit-with-parent") { _ = shim_end_without_reader() }
    let settings = try Settings(arguments: arguments)
    let home = Homes.selected(arguments)
    let name = settings.text("role") ?? "worker"
    let isPeer = name == "peer"
    let role = NodeRole(named: name)
    guard isPeer || (role != nil && role != .coordinator) else {
      throw CommandFailure.usage(
        "`\(name)` is not a role of `node start`", hint: "worker, validator, evaluator or peer")
    }
    let lie = try Self.lie(arguments)
    let resources = try NodeResources(settings)
    let membership = try NodeMembership.membership(arguments, settings, resources)
    try home.create()
    let loop = try EventLoop()
    loop.start(named: "loop").detach()
    let signals = try await loop.perform { try SignalSource([.interrupt, .terminate], on: loop) }
    guard let role else { return try await run(membership, signals, loop: loop, arguments) }
    let peer = try home.keyOrNew(named: "identity").publicKey.peerID
    Output.result(
      ["peer_id": .string("\(peer)"), "role": .string(role.rawValue)], asJSON: arguments.isJSON
    ) { "\(role.rawValue)  \(peer)" }
    for note in resources.notes { Output.note(note) }
    var node = NodeSettings(
      membership: membership, role: role, label: settings.text("label") ?? "",
      threads: resources.threads, lie: lie)
    node.memoryMax = resources.memory
    try await NodeProcess(settings: node, loop: loop, report: { Output.note($0) })
      .run(until: { try await OrderlyEnd.wait(for: signals) })
  }

  /// A peer says where it is: others begin there.
  private static func run(
    _ membership: Membership, _ signals: SignalSource, loop: EventLoop, _ arguments: Arguments
  ) async throws {
    guard let chainID = membership.file?.chainID else {
      throw CommandFailure.usage(
        "a peer needs the option --network", hint: "`martlet network list` lists this home's")
    }
    let peer = try membership.home.keyOrNew(named: "identity").publicKey.peerID
    let process = PeerProcess(
      membership: membership, of: chainID, loop: loop, report: { Output.note($0) })
    try await process.run(until: { try await OrderlyEnd.wait(for: signals) }) { addresses in
      Output.result(
        [
          "peer_id": .string("\(peer)"), "role": "peer",
          "addresses": .array(addresses.map { .string("\($0)") }),
        ], asJSON: arguments.isJSON
      ) { (["peer  \(peer)"] + addresses.map { "      \($0)" }).joined(separator: "\n") }
    }
  }
}
