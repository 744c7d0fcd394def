import CShim
import Cryptography
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
      words: ["node", "start"], summary: "run a worker, validator or evaluator",
      options: [
        Option(name: "role", value: "ROLE", summary: "worker, validator or evaluator"),
        Option(
          name: "network", value: "NAME|FILE",
          summary: "a network of `martlet network list`, or its file"),
        Option(
          name: "join", value: "MULTIADDR",
          summary: "the coordinator of a network without a file, ending in /p2p/ID"),
        Option(name: "listen", value: "MULTIADDR", summary: "where peers reach it"),
        Option(name: "label", value: "TEXT", summary: "a name for people"),
        Option(name: "threads", value: "N", summary: "threads for training or replay (default 1)"),
        Option(
          name: "lie", value: "KIND",
          summary: "train dishonestly, to see it caught: random, scaled, stale, other-data …"),
      ] + PeerNode.options + [
        Option(name: "exit-with-parent", summary: "end when nobody reads its standard output")
      ],
      example: "martlet node start --role worker --join /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW…",
      run: start)
  ]

  /// The kind of lie that was asked for, one that the program knows.
  static func lie(_ arguments: Arguments) throws -> String? {
    guard let name = arguments.text("lie") else { return nil }
    guard Lie.named[name] != nil else {
      throw CommandFailure.usage(
        "`\(name)` is not a lie that this program knows",
        hint: "the lies are \(Lie.named.keys.sorted().joined(separator: ", "))")
    }
    return name
  }

  @Sendable private static func start(_ arguments: Arguments) async throws {
    if arguments.flags.contains("exit-with-parent") { _ = shim_end_without_reader() }
    let settings = try Settings(arguments: arguments)
    let name = settings.text("role") ?? "worker"
    guard let role = NodeRole(named: name), role != .coordinator else {
      throw CommandFailure.usage(
        "`\(name)` is not a role of `node start`", hint: "worker, validator or evaluator")
    }
    let resources = try NodeResources(settings)
    let membership = try NodeMembership.membership(arguments, settings, resources)
    let lie = try Self.lie(arguments)
    let home = Homes.selected(arguments)
    try home.create()
    let peer = try home.keyOrNew(named: "identity").publicKey.peerID
    Output.result(
      ["peer_id": .string("\(peer)"), "role": .string(role.rawValue)], asJSON: arguments.isJSON
    ) { "\(role.rawValue)  \(peer)" }
    let loop = try EventLoop()
    loop.start(named: "loop").detach()
    for note in resources.notes { Output.note(note) }
    var node = NodeSettings(
      membership: membership, role: role, label: settings.text("label") ?? "",
      threads: resources.threads, lie: lie)
    node.memoryMax = resources.memory
    try await NodeProcess(settings: node, loop: loop, report: { Output.note($0) }).run()
  }
}
