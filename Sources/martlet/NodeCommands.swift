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
          name: "join", value: "MULTIADDR", summary: "the coordinator, ending in /p2p/ID"),
        Option(name: "label", value: "TEXT", summary: "a name for people"),
        Option(name: "threads", value: "N", summary: "threads for training or replay (default 1)"),
        Option(
          name: "lie", value: "KIND",
          summary: "train dishonestly, to see it caught: random, scaled, stale, other-data …"),
        Option(name: "exit-with-parent", summary: "end when nobody reads its standard output"),
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
    guard let join = settings.text("join") else {
      throw CommandFailure.usage(
        "the option --join is missing", hint: "`martlet server start` prints the address")
    }
    let name = settings.text("role") ?? "worker"
    guard let role = NodeRole(named: name), role != .coordinator else {
      throw CommandFailure.usage(
        "`\(name)` is not a role of `node start`", hint: "worker, validator or evaluator")
    }
    let coordinator: Multiaddr
    do {
      coordinator = try Multiaddr(join)
    } catch {
      throw CommandFailure.usage(
        "`\(join)` is not a multiaddr: \(error)", hint: "`martlet server start` prints the address")
    }
    guard coordinator.peer != nil else {
      throw CommandFailure.usage(
        "`\(join)` does not say whose it is",
        hint: "add /p2p/ and the coordinator's peer id; `martlet server start` prints it")
    }
    let lie = try Self.lie(arguments)
    let home = Homes.selected(arguments)
    try home.create()
    let peer = try home.keyOrNew(named: "identity").publicKey.peerID
    Output.result(
      ["peer_id": .string("\(peer)"), "role": .string(role.rawValue)], asJSON: arguments.isJSON
    ) { "\(role.rawValue)  \(peer)" }
    let loop = try EventLoop()
    loop.start(named: "loop").detach()
    let resources = try NodeResources(settings)
    for note in resources.notes { Output.note(note) }
    var nodeSettings = NodeSettings(
      home: home, role: role, coordinator: coordinator, label: settings.text("label") ?? "",
      threads: resources.threads, lie: lie)
    nodeSettings.limits = try resources.limits(arguments)
    try await NodeProcess(settings: nodeSettings, loop: loop, report: { Output.note($0) }).run()
  }
}
