import Networking
import Node
import Peering
import Persistence
import Primitives
import Telemetry

/// `check-ports`: whether peers can connect to this machine, found by letting them try.
enum PortCommand {
  static let command = Command(
    words: ["check-ports"], summary: "let peers try to connect to each address of this node",
    options: DiagnosisNode.options, example: "martlet check-ports --network testnet", run: run)

  /// A peer may dial several addresses, each for many seconds, before it answers.
  private static let patience: Duration = .seconds(200)

  private struct Result: Sendable {
    var asked = 0
    var ports: [JSONValue] = []
    /// Whether the node that runs in this home was asked, or one for this question.
    var isRunningNode = false
  }

  @Sendable private static func run(_ arguments: Arguments) async throws {
    let path = Homes.selected(arguments).file(PeerNode.controlName)
    let result: Result
    if let running = try await askRunning(at: path) {
      result = running
    } else {
      result = try await askAlone(arguments)
    }
    let hints = result.ports.map { hint(for: $0) }
    let rows = zip(result.ports, hints).map { port, hint in
      JSONValue.object((port.members ?? []) + [JSONValue.Member("hint", .string(hint))])
    }
    let json: JSONValue = [
      "asked": .integer(Int64(result.asked)), "running_node": .bool(result.isRunningNode),
      "ports": .array(rows),
    ]
    Output.result(json, asJSON: arguments.isJSON) { text(rows) }
    try judge(result)
  }

  private static func judge(_ result: Result) throws {
    guard result.asked > 0 else {
      throw CommandFailure(
        "no connected peer dials back (AutoNAT)",
        hint: "connect to peers that do: --network NAME, or --bootstrap ADDRESS",
        code: .unreachable)
    }
    let verdicts = result.ports.compactMap { $0["verdict"]?.text }
    let good = [PortVerdict.open.rawValue, PortVerdict.local.rawValue]
    guard !verdicts.contains(where: good.contains) else { return }
    guard verdicts.contains(PortVerdict.closed.rawValue) else {
      throw CommandFailure(
        "the \(result.asked) peers asked tried no address",
        hint: "they dial for few in a minute, and local addresses never; try again later",
        code: .unreachable)
    }
    throw CommandFailure(
      "no peer could connect to this machine",
      hint: "forward the port in the router, or let relays carry it: nodes do that by themselves")
  }

  // MARK: Asking

  /// What the node of this home finds; nil where none runs.
  private static func askRunning(at path: String) async throws -> Result? {
    let loop = try EventLoop()
    loop.start(named: "loop").detach()
    let answer: JSONValue
    do {
      answer = try await PeerControl.ask("ports", at: path, on: loop, within: patience)
    } catch is SocketError {
      return nil
    }
    // A node that knows no such question is a host without a network.
    guard let ports = answer["ports"]?.elements else { return nil }
    return Result(
      asked: Int(answer["asked"]?.integer ?? 0), ports: ports, isRunningNode: true)
  }

  private static func askAlone(_ arguments: Arguments) async throws -> Result {
    let scope = try NetworkScope(arguments)
    guard !scope.bootstraps.isEmpty else {
      throw CommandFailure.usage(
        "no node runs in this home, and there is no peer to ask",
        hint: "start the node, or give --network NAME or --bootstrap ADDRESS")
    }
    let found = Lock(Result())
    let settings = DiagnosisNode.settings(scope)
    let identity = try DiagnosisNode.identity(arguments)
    try await PeerNode.run(arguments, settings: settings, identity: identity) { node in
      _ = try await node.host.listen(on: try listenAddress(arguments, scope))
      let client = AutoNATClient(host: node.host)
      await client.start()
      for answer in await BootstrapAnswer.dial(scope.bootstraps, from: node) {
        guard let failure = answer.failure else { continue }
        Output.note("\(answer.address): \(failure)")
      }
      // Peers of peers dial back too.
      _ = await DiagnosisNode.kademlia(node, scope).run(.bootstrap)
      let servers = await PortCheck.servers(of: node.host)
      let findings = await PortCheck.run(on: node.host, by: client, asking: servers)
      found.withLock {
        $0.asked = min(servers.count, PortCheck.serversMax)
        $0.ports = findings.map(\.json)
      }
    }
    return found.withLock { $0 }
  }

  /// The port that the node will have: what the settings say, and any other without.
  private static func listenAddress(
    _ arguments: Arguments, _ scope: NetworkScope
  ) throws -> Multiaddr {
    let row = try Settings(arguments: arguments).row("listen")
    guard let row, row.source != "default" else {
      return try DiagnosisNode.listenAddress(arguments, scope)
    }
    return try PeerNode.address(row.value)
  }

  // MARK: Words

  private static func hint(for port: JSONValue) -> String {
    let address = port["address"]?.text.flatMap { try? Multiaddr($0) }
    let number = address?.port.map { "\($0)" } ?? "its port"
    switch port["verdict"]?.text.flatMap(PortVerdict.init) {
    case .open?: return "others can connect here"
    case .local?: return "peers of this machine or site can connect; from elsewhere nobody tried"
    case .closed?:
      return "forward TCP port \(number) to this machine, open it in the firewall, or use a relay"
    case .unknown?, nil:
      let isGlobal = address.map { AddressGroup.scope(of: $0) == .global } ?? false
      return isGlobal
        ? "the peers asked would not try; ask again in a minute"
        : "an address of this machine or site, which peers elsewhere do not try"
    }
  }

  private static func text(_ rows: [JSONValue]) -> String {
    guard !rows.isEmpty else { return "this node listens nowhere" }
    return TextTable.lines(
      ["ADDRESS", "VERDICT", "REACHED BY", "NOT BY", "WHAT TO DO"],
      rows.map { row in
        [
          row["address"]?.text ?? "", row["verdict"]?.text ?? "", names(row["reached_by"]),
          names(row["missed_by"]), row["hint"]?.text ?? "",
        ]
      }
    ).joined(separator: "\n")
  }

  /// The ends of ids tell peers apart.
  private static func names(_ peers: JSONValue?) -> String {
    let names = (peers?.elements ?? []).compactMap(\.text).map { "…\($0.suffix(6))" }
    return names.isEmpty ? "-" : names.joined(separator: " ")
  }
}
