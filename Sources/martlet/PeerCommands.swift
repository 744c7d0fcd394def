import CShim
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Telemetry

/// `p2p`: a node of the peer network alone, and questions to others.
enum PeerCommands {
  static let all =
    [
      Command(
        words: ["p2p", "listen"], summary: "be a peer that others can reach, until ended",
        options: [
          Option(name: "listen", value: "MULTIADDR", summary: "where (default loopback, any port)"),
          Option(
            name: "announce", value: "MULTIADDR,…", summary: "addresses that peers are told too"),
          Option(name: "exit-with-parent", summary: "end when nobody reads its standard output"),
        ] + PeerNode.options + KademliaCommands.options,
        example: "martlet p2p listen --listen /ip4/127.0.0.1/tcp/0 --json", run: listen),
      Command(
        words: ["p2p", "ping"], summary: "measure the round trip to a peer",
        positionals: ["MULTIADDR"],
        options: [Option(name: "count", value: "N", summary: "pings (default 5)")]
          + PeerNode.options,
        example: "martlet p2p ping /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW… --count 10", run: ping),
      Command(
        words: ["p2p", "identify"], summary: "ask a peer what it is and speaks",
        positionals: ["MULTIADDR"], options: PeerNode.options,
        example: "martlet p2p identify /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW…", run: identify),
    ] + KademliaCommands.all + PubsubCommands.all + [
      Command(
        words: ["p2p", "peers"], summary: "list the peers of the node that runs in this home",
        example: "martlet p2p peers --home ./node",
        run: { try await ask("peers", $0) }),
      Command(
        words: ["p2p", "why"], summary: "explain how the node in this home treats a peer",
        positionals: ["PEER"], example: "martlet p2p why 12D3KooW… --home ./node",
        run: { arguments in
          try await ask("why \(PeerNode.peer(arguments.positionals[0]))", arguments)
        }),
      Command(
        words: ["p2p", "bandwidth"], summary: "show bytes by protocol of the node in this home",
        example: "martlet p2p bandwidth --home ./node",
        run: { try await ask("bandwidth", $0) }),
    ]

  private static let pingsMax = 100_000

  @Sendable private static func listen(_ arguments: Arguments) async throws {
    if arguments.flags.contains("exit-with-parent") { _ = shim_end_without_reader() }
    var settings = PeerHostSettings()
    settings.announcedAddresses = try PeerNode.addresses("announce", arguments)
    let control = try PeerNode.controlPath(arguments)
    try await PeerNode.run(arguments, settings: settings) { node in
      let wanted = try PeerNode.address(arguments.text("listen") ?? "/ip4/127.0.0.1/tcp/0")
      _ = try await node.host.listen(on: wanted)
      let kademlia = try await KademliaCommands.join(node, arguments, serves: true)
      let autoNAT = await PeerNode.startAutoNAT(node.host)
      await PeerNode.announce(node.host, asJSON: arguments.isJSON)
      let signals = try await node.loop.perform {
        try SignalSource([.interrupt, .terminate], on: node.loop)
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await node.loop.perform { _ = try await signals.next() } }
        if let control {
          let sections = PeerNode.sections(node.host, kademlia, autoNAT)
          group.addTask {
            try await PeerControl(host: node.host, sections: { sections }).run(at: control)
          }
        }
        try await group.next()
        group.cancelAll()
        _ = kademlia
      }
    }
  }

  @Sendable private static func ping(_ arguments: Arguments) async throws {
    let count = try arguments.integer("count", in: 1...pingsMax) ?? 5
    try await PeerNode.run(arguments, settings: PeerNode.quiet) { node in
      let address = try PeerNode.dialAddress(arguments.positionals[0])
      let connection = try await node.host.dial(address)
      let times = try await connection.echo(count: count).sorted()
      let microseconds = times.map { $0 / .microseconds(1) }
      let median = microseconds[times.count / 2]
      Output.result(
        [
          "median_us": .number(median), "ok": .integer(Int64(times.count)),
          "min_us": .number(microseconds[0]),
          "max_us": .number(microseconds[times.count - 1]),
        ], asJSON: arguments.isJSON
      ) { "\(times.count) pings, median \(Int(median.rounded())) us" }
    }
  }

  @Sendable private static func identify(_ arguments: Arguments) async throws {
    try await PeerNode.run(arguments, settings: PeerNode.quiet) { node in
      let address = try PeerNode.dialAddress(arguments.positionals[0])
      let connection = try await node.host.dial(address)
      let message = try await connection.identify()
      let peer = await connection.provenPeer.map { "\($0)" } ?? ""
      let addresses = message.listenAddresses.map { bytes in
        (try? Multiaddr(bytes: bytes)).map { "\($0)" } ?? Hex.encode(bytes)
      }
      let record = try? SignedPeerRecord(decoding: message.signedPeerRecord)
      let observed = (try? Multiaddr(bytes: message.observedAddress)).map { "\($0)" } ?? ""
      Output.result(
        [
          "peer_id": .string(peer), "agent_version": .string(message.agentVersion),
          "protocol_version": .string(message.protocolVersion),
          "addresses": .array(addresses.map { .string($0) }),
          "protocols": .array(message.protocols.map { .string($0) }),
          "observed_address": .string(observed),
          "signed_record": .bool(record.map { "\($0.peer)" == peer } ?? false),
        ], asJSON: arguments.isJSON
      ) {
        (["\(peer)  \(message.agentVersion)"] + addresses.map { "  \($0)" }
          + message.protocols.map { "  speaks \($0)" }).joined(separator: "\n")
      }
    }
  }

  private static func ask(_ question: String, _ arguments: Arguments) async throws {
    let loop = try EventLoop()
    loop.start(named: "loop").detach()
    let path = Homes.selected(arguments).file(PeerNode.controlName)
    let report: JSONValue
    do {
      report = try await PeerControl.ask(question, at: path, on: loop)
    } catch is SocketError {
      throw CommandFailure(
        "no node answers at \(path)",
        hint: "start one with `martlet p2p listen --home DIR`, and give the same --home",
        code: .unreachable)
    }
    Output.result(report, asJSON: arguments.isJSON) { report.text(indented: true) }
  }
}
