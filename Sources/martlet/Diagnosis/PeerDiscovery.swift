import Cryptography
import Ledger
import Networking
import Node
import Peering
import Persistence
import Primitives
import Telemetry

/// `discover-peers`: who is there, and how each became known.
enum PeerDiscovery {
  static let command = Command(
    words: ["discover-peers"], summary: "find peers by each way there is, and say by which",
    options: [
      Option(name: "seconds", value: "S", summary: "how long to look (default 5)"),
      Option(
        name: "kind", value: "KIND",
        summary: "only who offers this: coordinator, worker, validator, evaluator, peer"),
    ] + DiagnosisNode.options, example: "martlet discover-peers --network testnet --seconds 5",
    run: run)

  private static let secondsDefault = 5
  private static let secondsMax = 600
  /// Peers that are asked who they are: a screen or two.
  private static let peersMax = 256
  /// Lookups of points drawn by chance begin so far apart.
  private static let lookupPause: Duration = .milliseconds(250)
  /// Registrations asked of one rendezvous point.
  private static let registrationsMax = 100

  /// Who was found, and by which ways, the first one first.
  private struct Found: Sendable {
    var sources: [PeerID: [String]] = [:]

    mutating func add(_ peer: PeerID, by source: String) {
      guard sources.count < PeerDiscovery.peersMax || sources[peer] != nil else { return }
      if sources[peer]?.contains(source) != true { sources[peer, default: []].append(source) }
    }
  }

  @Sendable private static func run(_ arguments: Arguments) async throws {
    let seconds = try arguments.integer("seconds", in: 1...secondsMax) ?? secondsDefault
    let scope = try NetworkScope(arguments)
    let kind = arguments.text("kind")
    guard kind == nil || scope.file != nil else {
      throw CommandFailure.usage(
        "--kind needs a network", hint: "what peers offer is told by network; give --network NAME")
    }
    let rows = Lock([JSONValue]())
    let settings = DiagnosisNode.settings(scope)
    let identity = try DiagnosisNode.identity(arguments)
    try await PeerNode.run(arguments, settings: settings, identity: identity) { node in
      _ = try await node.host.listen(on: try DiagnosisNode.listenAddress(arguments, scope))
      let found = try await look(node, scope, kind: kind, for: .seconds(seconds))
      let described = await describe(found, node)
      rows.withLock { $0 = described }
    }
    let all = rows.withLock { $0 }
    Output.result(.array(all), asJSON: arguments.isJSON) { text(all) }
    guard !all.isEmpty else {
      throw CommandFailure(
        kind.map { "nobody says that it offers `\($0)`" } ?? "no peer was found",
        hint: "`martlet network-test` says which of the ways works", code: .notFound)
    }
  }

  // MARK: Ways

  private static func look(
    _ node: PeerNode, _ scope: NetworkScope, kind: String?, for time: Duration
  ) async throws -> Found {
    let found = Lock(Found())
    let end = node.loop.now.advanced(by: time)
    let shell = MDNSShell(host: node.host, settings: discovery(scope)) { peer, _ in
      if kind == nil { found.withLock { $0.add(peer, by: "mdns") } }
    }
    // Without an interface for it the other ways are left.
    try? await shell.start()
    let kademlia = await DiagnosisNode.kademlia(node, scope)
    let answers = await BootstrapAnswer.dial(scope.bootstraps, from: node)
    for answer in answers where kind == nil && answer.failure == nil {
      if let peer = answer.peer { found.withLock { $0.add(peer, by: "bootstrap") } }
    }
    if let kind, let chainID = scope.file?.chainID {
      let key = NetworkFile.serviceKey(kind, of: chainID)
      for peer in await kademlia.findProviders(of: key, wanted: peersMax) {
        found.withLock { $0.add(peer, by: "dht \(kind)") }
      }
      await shell.stop()
      return found.withLock { $0 }
    }
    await rendezvous(node, answers, found)
    _ = await kademlia.run(.bootstrap)
    while node.loop.now < end {
      // A point drawn by chance lies anywhere, so each lookup meets others.
      let outcome = await kademlia.run(.findNode(KademliaKey(SystemRandom.bytes(32))))
      let peers = await kademlia.peers
      let book = await node.host.book
      found.withLock { found in
        for peer in peers + outcome.closest.compactMap({ book.peer(of: $0) })
        where peer != node.host.peerID { found.add(peer, by: "dht") }
      }
      try await node.loop.perform { try await node.loop.sleep(for: lookupPause) }
    }
    await shell.stop()
    return found.withLock { $0 }
  }

  private static func discovery(_ scope: NetworkScope) -> MDNSSettings {
    var settings = MDNSSettings()
    settings.includesLoopback = scope.isLocal
    return settings
  }

  /// Asks the bootstraps that keep registrations.
  private static func rendezvous(
    _ node: PeerNode, _ answers: [BootstrapAnswer], _ found: Lock<Found>
  ) async {
    let client = RendezvousClient(host: node.host, points: [], namespaces: [])
    for answer in answers where answer.protocols.contains(RendezvousMessage.protocolID) {
      guard let peer = answer.peer,
        let page = try? await client.discover(
          nil, at: answer.address.naming(peer), max: registrationsMax)
      else { continue }
      for registration in page.registrations where registration.peer != node.host.peerID {
        found.withLock { $0.add(registration.peer, by: "rendezvous") }
      }
    }
  }

  // MARK: Who they are

  /// Connects to each, since a peer that cannot be asked is only somebody's word.
  private static func describe(_ found: Found, _ node: PeerNode) async -> [JSONValue] {
    await withTaskGroup(of: (PeerID, JSONValue).self) { group in
      for (peer, sources) in found.sources {
        group.addTask { (peer, await describe(peer, sources, node)) }
      }
      var rows: [(PeerID, JSONValue)] = []
      for await row in group { rows.append(row) }
      return rows.sorted { $0.0.bytes.lexicographicallyPrecedes($1.0.bytes) }.map(\.1)
    }
  }

  private static func describe(
    _ peer: PeerID, _ sources: [String], _ node: PeerNode
  ) async -> JSONValue {
    var roundTrip: Duration?
    var failure: String?
    do throws(PeerError) {
      let connection = try await node.host.connect(to: peer)
      await connection.waitUntilIdentified()
      roundTrip = try await connection.echo(count: 2).min()
    } catch {
      failure = "\(error)"
    }
    let record = await node.host.record(of: peer)
    return [
      "peer_id": .string("\(peer)"), "sources": .array(sources.map { .string($0) }),
      "addresses": .array((record?.addresses ?? []).map { .string("\($0.address)") }),
      "agent": .string(record?.agent ?? ""), "round_trip_ms": Milliseconds.json(roundTrip),
      "failure": failure.map { .string($0) } ?? .null,
    ]
  }

  private static func text(_ rows: [JSONValue]) -> String {
    TextTable.lines(
      ["SOURCE", "PEER", "AGENT", "LATENCY", "ADDRESSES"],
      rows.map { row in
        let time = row["round_trip_ms"]?.double.map { "\(($0 * 10).rounded() / 10) ms" }
        let addresses = (row["addresses"]?.elements ?? []).compactMap(\.text)
        return [
          (row["sources"]?.elements ?? []).compactMap(\.text).joined(separator: ","),
          row["peer_id"]?.text ?? "",
          row["agent"]?.text.flatMap { $0.isEmpty ? nil : PeerText.plain($0) } ?? "-",
          time ?? "unreachable", addresses.joined(separator: " "),
        ]
      }
    ).joined(separator: "\n")
  }
}
