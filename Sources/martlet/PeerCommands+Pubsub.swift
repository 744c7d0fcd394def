import Cryptography
import Networking
import Peering
import Primitives

/// `p2p pubsub`: hear and say things on topics of gossipsub.
enum PubsubCommands {
  static let all = [
    Command(
      words: ["p2p", "pubsub", "sub"], summary: "print what is said on a topic",
      positionals: ["TOPIC"],
      options: [
        Option(name: "listen", value: "MULTIADDR", summary: "where others reach this node"),
        Option(name: "count", value: "N", summary: "end after this many messages"),
      ] + KademliaCommands.options + PeerNode.options,
      example: "martlet p2p pubsub sub news --bootstrap /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW…",
      run: subscribe),
    Command(
      words: ["p2p", "pubsub", "pub"], summary: "say something on a topic",
      positionals: ["TOPIC", "TEXT"],
      options: [
        Option(name: "wait", value: "SECONDS", summary: "for a listener (default 10)")
      ] + KademliaCommands.options + PeerNode.options,
      example: "martlet p2p pubsub pub news hello --bootstrap /ip4/127.0.0.1/tcp/4001/p2p/12D3K…",
      run: publish),
  ]

  private static let messagesMax = 1_000_000
  private static let waitSecondsMax = 3_600
  private static let pollPause: Duration = .milliseconds(50)
  /// What was published needs a moment on its way out before the node ends.
  private static let farewell: Duration = .milliseconds(300)

  @Sendable private static func subscribe(_ arguments: Arguments) async throws {
    let topic = arguments.positionals[0]
    let count = try arguments.integer("count", in: 1...messagesMax)
    let asJSON = arguments.isJSON
    let (messages, feed) = AsyncStream.makeStream(
      of: GossipsubWireMessage.self, bufferingPolicy: .bufferingNewest(4_096))
    try await PeerNode.run(arguments, settings: PeerHostSettings()) { node in
      let wanted = try PeerNode.address(arguments.text("listen") ?? "/ip4/127.0.0.1/tcp/0")
      _ = try await node.host.listen(on: wanted)
      let shell = try await router(node) { message, _ in feed.yield(message) }
      await shell.join(topic)
      try await connect(shell, node, arguments, serves: true)
      await PeerNode.announce(node.host, asJSON: asJSON)
      var heard = 0
      for await message in messages {
        show(message, asJSON: asJSON)
        heard += 1
        if heard == count { break }
      }
      _ = shell
    }
  }

  @Sendable private static func publish(_ arguments: Arguments) async throws {
    let (topic, text) = (arguments.positionals[0], arguments.positionals[1])
    let wait = try arguments.integer("wait", in: 0...waitSecondsMax) ?? 10
    guard arguments.text("bootstrap") != nil else {
      throw CommandFailure.usage("the option --bootstrap is missing", hint: "name a listener")
    }
    try await PeerNode.run(arguments, settings: PeerHostSettings()) { node in
      let shell = try await router(node) { _, _ in }
      await shell.join(topic)
      try await connect(shell, node, arguments, serves: false)
      let end = node.loop.now.advanced(by: .seconds(wait))
      while await shell.listeners(of: topic) == 0, node.loop.now < end {
        try await node.loop.perform { try await node.loop.sleep(for: pollPause) }
      }
      let listeners = await shell.listeners(of: topic)
      guard listeners > 0 else {
        throw CommandFailure(
          "no peer listens to `\(topic)`", hint: "start a listener, or wait longer with --wait",
          code: .notFound)
      }
      await shell.publish(Bytes(text.utf8), on: topic)
      try await node.loop.perform { try await node.loop.sleep(for: farewell) }
      Output.result(
        ["topic": .string(topic), "peers": .integer(Int64(listeners))], asJSON: arguments.isJSON
      ) { "said to \(listeners) peers" }
    }
  }

  private static func router(
    _ node: PeerNode,
    deliver: @escaping @Sendable (GossipsubWireMessage, PeerID?) -> Void
  ) async throws -> GossipsubShell {
    let shell = await GossipsubShell(
      host: node.host, configuration: try GossipsubConfiguration(), deliver: deliver)
    await shell.start()
    return shell
  }

  /// Joins the network whose peers the router meets while its mesh is thin.
  private static func connect(
    _ shell: GossipsubShell, _ node: PeerNode, _ arguments: Arguments, serves: Bool
  ) async throws {
    guard let network = try await KademliaCommands.join(node, arguments, serves: serves) else {
      return
    }
    await shell.meetPeers { _, wanted in await network.strangers(wanted) }
  }

  private static func show(_ message: GossipsubWireMessage, asJSON: Bool) {
    let author = message.author.flatMap { try? PeerID(bytes: $0) }.map { "\($0)" } ?? ""
    let data = message.data ?? []
    let text = String(validating: data, as: UTF8.self)
    Output.result(
      [
        "topic": .string(message.topic), "from": .string(author),
        "data": text.map { .string($0) } ?? .null, "hex": .string(Hex.encode(data)),
      ], asJSON: asJSON
    ) { text ?? Hex.encode(data) }
  }
}
