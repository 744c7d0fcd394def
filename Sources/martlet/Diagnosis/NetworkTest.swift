import Cryptography
import Networking
import Node
import Peering
import Persistence
import Primitives
import Telemetry

/// `network-test`: does what a node does in its network, step by step, and says what of it works.
enum NetworkTest {
  static let command = Command(
    words: ["network-test"], summary: "test this machine's way into a network, step by step",
    options: DiagnosisNode.options, example: "martlet network-test --network testnet", run: run)

  /// How long peers on the local network are listened for.
  private static let discoveryTime: Duration = .seconds(2)

  @Sendable private static func run(_ arguments: Arguments) async throws {
    let scope = try NetworkScope(arguments)
    let checks = Lock([Check]())
    try checks.withLock { $0.append(try self.scope(scope)) }
    let settings = DiagnosisNode.settings(scope)
    let identity = try DiagnosisNode.identity(arguments)
    try await PeerNode.run(arguments, settings: settings, identity: identity) { node in
      let listen = try DiagnosisNode.listenAddress(arguments, scope)
      _ = try await node.host.listen(on: listen)
      let client = AutoNATClient(host: node.host)
      await client.start()
      let own = await self.addresses(node)
      let answers = await BootstrapAnswer.dial(scope.bootstraps, from: node)
      let kademlia = await DiagnosisNode.kademlia(node, scope)
      let table = await self.table(kademlia, node, scope)
      let neighbours = await self.neighbours(node, scope)
      let records = try await self.records(
        kademlia, of: node.host.peerID, arguments, scope)
      let reach = await self.reachability(node, client)
      checks.withLock { checks in
        checks.append(own)
        checks += answers.map { self.bootstrap($0, scope) }
        checks += [table, neighbours, records, reach]
      }
    }
    let all = checks.withLock { $0 }
    let failed = all.count { $0.outcome == .failed }
    Output.result(
      [
        "network": .string(scope.name), "ok": .bool(failed == 0),
        "checks": .array(all.map(\.json)),
      ], asJSON: arguments.isJSON
    ) { Check.text(all) }
    guard failed == 0 else {
      throw CommandFailure(
        "\(failed) of \(all.count) checks failed", hint: "see the lines that begin with `failed`")
    }
  }

  private static func scope(_ scope: NetworkScope) throws -> Check {
    guard !scope.bootstraps.isEmpty || scope.file?.usesLocalDiscovery == true else {
      throw CommandFailure.usage(
        "there is no peer to begin with",
        hint: "give --network NAME or --bootstrap ADDRESS; `martlet network list` lists networks")
    }
    let name = scope.name.isEmpty ? "no file, addresses only" : scope.name
    let secret = scope.file?.key == nil ? "" : ", private"
    return Check("network", .ok, "\(name)\(secret), \(scope.bootstraps.count) bootstraps")
  }

  private static func addresses(_ node: PeerNode) async -> Check {
    let own = await node.host.ownAddresses().map { "\($0.withoutPeer)" }
    guard !own.isEmpty else {
      return Check(
        "addresses", .failed, "no interface is up",
        hint: "connect this machine to a network, or name another with --listen")
    }
    return Check(
      "addresses", .ok, own.joined(separator: " "),
      facts: ["addresses": .array(own.map { .string($0) })])
  }

  // MARK: Bootstraps

  private static func bootstrap(_ answer: BootstrapAnswer, _ scope: NetworkScope) -> Check {
    let facts: KeyValuePairs<String, JSONValue> = [
      "address": .string("\(answer.address)"),
      "peer_id": answer.peer.map { .string("\($0)") } ?? .null,
      "handshake_ms": Milliseconds.json(answer.failure == nil ? answer.handshake : nil),
      "round_trip_ms": Milliseconds.json(answer.roundTrip), "agent": .string(answer.agent),
      "protocols": .array(answer.protocols.map { .string($0) }),
    ]
    if let failure = answer.failure {
      return Check(
        "bootstrap", .failed, "\(answer.address): \(failure)", hint: hint(failure, scope),
        facts: facts)
    }
    let times =
      "handshake \(Milliseconds.text(answer.handshake)), "
      + "ping \(answer.roundTrip.map(Milliseconds.text) ?? "unknown")"
    guard answer.protocols.contains(scope.kademliaProtocol) else {
      return Check(
        "bootstrap", .failed, "\(answer.address): it does not speak \(scope.kademliaProtocol)",
        hint: "it belongs to another network; ask for the network's newest file", facts: facts)
    }
    return Check("bootstrap", .ok, "\(answer.address): \(times), \(answer.agent)", facts: facts)
  }

  private static func hint(_ failure: PeerError, _ scope: NetworkScope) -> String {
    switch failure {
    case .peering(.wrongPeer): "another key answers there: ask for the network's newest file"
    case .nameUnknown: "check the name, and this machine's name server"
    case .filtered: "see `martlet config get deny` and `martlet config get allow`"
    case .peering where scope.file?.key != nil:
      "it may not have the secret of this private network, or another one"
    case .peering: "what answers there is no peer, or one of a private network"
    default: "check that it runs, and that a firewall lets this machine out to its port"
    }
  }

  // MARK: The table of peers

  private static func table(
    _ kademlia: KademliaShell, _ node: PeerNode, _ scope: NetworkScope
  ) async -> Check {
    let outcome = await kademlia.run(.bootstrap)
    let own = await kademlia.run(.findNode(KademliaKey(node.host.peerID.bytes)))
    let count = await kademlia.peerCount
    let facts: KeyValuePairs<String, JSONValue> = [
      "peers": .integer(Int64(count)), "hops": .integer(Int64(own.hops)),
      "elapsed_ms": .number(own.elapsed / .milliseconds(1)),
      "closest": .integer(Int64(own.closest.count)),
    ]
    guard count > 0, outcome.ending != .nobodyToAsk else {
      return Check(
        "dht", .failed, "no peer of \(scope.kademliaProtocol) answers",
        hint: "without a bootstrap that answers there is nobody to ask", facts: facts)
    }
    return Check(
      "dht", .ok,
      "\(count) peers known, own id found in \(own.hops) hops, \(Milliseconds.text(own.elapsed))",
      facts: facts)
  }

  /// A record that one node gives away and another finds must have gone through peers.
  private static func records(
    _ kademlia: KademliaShell, of provider: PeerID, _ arguments: Arguments, _ scope: NetworkScope
  ) async throws -> Check {
    let key = KademliaCommands.key("network-test \(Hex.encode(SystemRandom.bytes(16)))")
    let start = ContinuousClock.now
    let given = await kademlia.run(.provide(key))
    guard given.stored > 0 else {
      return Check(
        "records", .failed, "nobody took a provider record",
        hint: "peers that know this node longer may; see `martlet p2p provide --help`",
        facts: ["stored": 0])
    }
    let found = Lock(false)
    let settings = DiagnosisNode.settings(scope)
    try await PeerNode.run(arguments, settings: settings, identity: .generate()) { other in
      let shell = await DiagnosisNode.kademlia(other, scope)
      _ = await BootstrapAnswer.dial(scope.bootstraps, from: other)
      let providers = await shell.findProviders(of: key, wanted: 1)
      found.withLock { $0 = providers.contains(provider) }
    }
    await kademlia.stopProviding(key)
    let elapsed = ContinuousClock.now - start
    let facts: KeyValuePairs<String, JSONValue> = [
      "stored": .integer(Int64(given.stored)), "elapsed_ms": .number(elapsed / .milliseconds(1)),
    ]
    guard found.withLock({ $0 }) else {
      return Check(
        "records", .failed, "\(given.stored) peers took a record, and a second node found none",
        hint: "they may be cut off from the others; try again with more bootstraps", facts: facts)
    }
    return Check(
      "records", .ok,
      "\(given.stored) peers took a record, a second node found it, \(Milliseconds.text(elapsed))",
      facts: facts)
  }

  // MARK: Here and from outside

  private static func neighbours(_ node: PeerNode, _ scope: NetworkScope) async -> Check {
    guard scope.file?.usesLocalDiscovery ?? true else {
      return Check("mdns", .note, "the network does not look for peers on local networks")
    }
    var settings = MDNSSettings()
    settings.includesLoopback = scope.isLocal
    let shell = MDNSShell(host: node.host, settings: settings)
    do throws(PeerError) {
      try await shell.start()
    } catch {
      return Check(
        "mdns", .note, "no interface can be used: \(error)",
        hint: "peers of the local network are found by the other ways only")
    }
    try? await node.loop.perform { try await node.loop.sleep(for: discoveryTime) }
    let found = await shell.found
    await shell.stop()
    return Check(
      "mdns", found.isEmpty ? .note : .ok,
      found.isEmpty ? "no peer on the local network" : "\(found.count) peers on the local network",
      facts: ["peers": .array(found.map { .string("\($0)") })])
  }

  private static func reachability(_ node: PeerNode, _ client: AutoNATClient) async -> Check {
    let servers = await PortCheck.servers(of: node.host)
    guard !servers.isEmpty else {
      return Check(
        "reachability", .note, "no connected peer dials back (AutoNAT)",
        hint: "peers that do will tell once the node runs")
    }
    let findings = await PortCheck.run(on: node.host, by: client, asking: servers)
    let facts: KeyValuePairs<String, JSONValue> = ["ports": .array(findings.map(\.json))]
    let words = findings.map { "\($0.address) \($0.verdict.rawValue)" }.joined(separator: ", ")
    let isReached = findings.contains { !$0.reached.isEmpty }
    if isReached { return Check("reachability", .ok, words, facts: facts) }
    let isKnown = findings.contains { $0.verdict == .closed }
    return Check(
      "reachability", .note, words,
      hint: isKnown
        ? "peers cannot connect to this machine: relays carry it, or forward a port"
        : "the peers asked would not dial; `martlet check-ports` asks again", facts: facts)
  }
}
