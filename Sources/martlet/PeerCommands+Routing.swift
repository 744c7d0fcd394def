import ContentStore
import Cryptography
import Networking
import Peering
import Primitives

/// `p2p provide`, `find-providers` and `lookup`: a node of a Kademlia network for one question.
enum KademliaCommands {
  static let options = [
    Option(
      name: "kad-protocol", value: "ID",
      summary: "the Kademlia network's protocol (default \(KademliaMachine.martletProtocolID))"),
    Option(name: "bootstrap", value: "MULTIADDR,…", summary: "peers of it to begin with"),
  ]

  static let all = [
    Command(
      words: ["p2p", "provide"], summary: "tell the network that this node has a key",
      positionals: ["KEY"],
      options: [
        Option(name: "listen", value: "MULTIADDR", summary: "where it can be fetched"),
        Option(name: "stay", summary: "stay, and tell it again in time"),
      ] + options + PeerNode.options,
      example: "martlet p2p provide recipes --bootstrap /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW…",
      run: provide),
    Command(
      words: ["p2p", "find-providers"], summary: "find the peers that have a key",
      positionals: ["KEY"],
      options: [Option(name: "count", value: "N", summary: "enough of them (default 20)")]
        + options + PeerNode.options,
      example: "martlet p2p find-providers recipes --bootstrap /ip4/127.0.0.1/tcp/4001/p2p/12…",
      run: findProviders),
    Command(
      words: ["p2p", "lookup"], summary: "find a peer's addresses by its id",
      positionals: ["PEER"], options: options + PeerNode.options,
      example: "martlet p2p lookup 12D3KooW… --bootstrap /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW…",
      run: lookup),
  ]

  private static let providersMax = 256

  /// Makes the node one of the network that the options name; nil when they name none.
  static func join(
    _ node: PeerNode, _ arguments: Arguments, serves: Bool
  ) async throws -> KademliaShell? {
    let bootstraps = try PeerNode.list("bootstrap", arguments).map(PeerNode.dialAddress)
    guard arguments.text("kad-protocol") != nil || !bootstraps.isEmpty || !serves else {
      return nil
    }
    let name = arguments.text("kad-protocol") ?? KademliaMachine.martletProtocolID
    var settings: KademliaSettings = name.hasPrefix("/martlet/") ? .martlet : .ipfs
    settings.serves = serves
    // Stakes are read from a chain, and this node follows none.
    settings.requiresAdmission = false
    let shell = await KademliaShell(host: node.host, protocolID: name, settings: settings)
    await shell.start()
    if !bootstraps.isEmpty { _ = try await shell.bootstrap(from: bootstraps) }
    return shell
  }

  private static func client(
    _ node: PeerNode, _ arguments: Arguments, serves: Bool = false
  ) async throws -> KademliaShell {
    guard let shell = try await join(node, arguments, serves: serves),
      arguments.text("bootstrap") != nil
    else {
      throw CommandFailure.usage(
        "the option --bootstrap is missing", hint: "name a peer of the network")
    }
    return shell
  }

  /// The multihash of a CID; of any other text, the SHA-256 of its bytes.
  static func key(_ text: String) -> KademliaKey {
    if let cid = try? CID(parsing: text) {
      var multihash = Bytes()
      cid.multihash.append(to: &multihash)
      return KademliaKey(multihash)
    }
    let sha256: Bytes = [0x12, UInt8(Digest.byteCount)]
    return KademliaKey(sha256 + SHA256.hash(Bytes(text.utf8)).bytes)
  }

  @Sendable private static func provide(_ arguments: Arguments) async throws {
    let key = key(arguments.positionals[0])
    try await PeerNode.run(arguments, settings: PeerHostSettings()) { node in
      if let listen = arguments.text("listen") {
        _ = try await node.host.listen(on: PeerNode.address(listen))
      }
      let shell = try await client(node, arguments, serves: arguments.flags.contains("stay"))
      let outcome = await shell.run(.provide(key))
      Output.result(
        json(
          outcome,
          ["key": .string(Hex.encode(key.bytes)), "stored": .integer(Int64(outcome.stored))]
        ), asJSON: arguments.isJSON
      ) { "told \(outcome.stored) peers" }
      guard outcome.stored > 0 else { throw failure(outcome, "nobody took the record") }
      guard arguments.flags.contains("stay") else { return }
      let signals = try await node.loop.perform {
        try SignalSource([.interrupt, .terminate], on: node.loop)
      }
      try await node.loop.perform { _ = try await signals.next() }
    }
  }

  @Sendable private static func findProviders(_ arguments: Arguments) async throws {
    let key = key(arguments.positionals[0])
    let wanted = try arguments.integer("count", in: 1...providersMax) ?? 20
    try await PeerNode.run(arguments, settings: PeerHostSettings()) { node in
      let shell = try await client(node, arguments)
      let outcome = await shell.run(.findProviders(key, wanted: wanted))
      let book = await node.host.book
      let providers = outcome.providers.compactMap { book.record(of: $0) }
      Output.result(
        json(
          outcome,
          [
            "key": .string(Hex.encode(key.bytes)), "providers": .array(providers.map(describe)),
          ]), asJSON: arguments.isJSON
      ) { providers.map { "\($0.peer)" }.joined(separator: "\n") }
      guard !providers.isEmpty else { throw failure(outcome, "nobody provides the key") }
    }
  }

  @Sendable private static func lookup(_ arguments: Arguments) async throws {
    let peer = try PeerNode.peer(arguments.positionals[0])
    try await PeerNode.run(arguments, settings: PeerHostSettings()) { node in
      let shell = try await client(node, arguments)
      let outcome = await shell.run(.findNode(KademliaKey(peer.bytes)))
      let book = await node.host.book
      let closest = outcome.closest.compactMap { book.record(of: $0) }
      let found = book.handle(of: peer).flatMap { book.record(of: $0) }
      let addresses = (found?.addresses ?? []).map { JSONValue.string("\($0.address)") }
      Output.result(
        json(
          outcome,
          [
            "peer_id": .string("\(peer)"), "found": .bool(!addresses.isEmpty),
            "addresses": .array(addresses), "closest": .array(closest.map(describe)),
          ]), asJSON: arguments.isJSON
      ) {
        (found?.addresses ?? []).map { "\($0.address.naming(peer))" }.joined(separator: "\n")
      }
      guard !addresses.isEmpty else { throw failure(outcome, "no address of the peer was found") }
    }
  }

  // MARK: Words

  private static func describe(_ record: PeerRecord) -> JSONValue {
    [
      "peer_id": .string("\(record.peer)"),
      "addresses": .array(record.addresses.map { .string("\($0.address)") }),
    ]
  }

  private static func json(
    _ outcome: KademliaOutcome, _ members: [(String, JSONValue)]
  ) -> JSONValue {
    let common: [(String, JSONValue)] = [
      ("requests", .integer(Int64(outcome.requests))), ("hops", .integer(Int64(outcome.hops))),
      ("elapsed_ms", .number(outcome.elapsed / .milliseconds(1))),
    ]
    return .object((members + common).map { JSONValue.Member($0.0, $0.1) })
  }

  private static func json(
    _ outcome: KademliaOutcome, _ members: KeyValuePairs<String, JSONValue>
  ) -> JSONValue {
    json(outcome, members.map { ($0.key, $0.value) })
  }

  private static func failure(_ outcome: KademliaOutcome, _ what: String) -> CommandFailure {
    switch outcome.ending {
    case .nobodyToAsk:
      CommandFailure(
        "\(what): the bootstrap peers do not speak the network's protocol",
        hint: "check --kad-protocol with `martlet p2p identify`", code: .unreachable)
    case .complete, .exhausted, .refused, .invalidRecord:
      CommandFailure(
        what, hint: "\(outcome.requests) peers were asked; try other --bootstrap peers",
        code: .notFound)
    }
  }
}
