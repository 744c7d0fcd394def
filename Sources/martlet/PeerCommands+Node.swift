import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Telemetry

/// A host that lives as long as one command.
struct PeerNode: Sendable {
  let loop: EventLoop
  let host: PeerHost

  static let options = [
    Option(name: "allow", value: "PEER,…", summary: "talk to these peers only"),
    Option(name: "deny", value: "PEER|BLOCK,…", summary: "never talk to these"),
  ]

  /// The socket file in the home of a running node.
  static let controlName = "p2p.sock"

  /// For commands that talk to one peer and go: no identify of their own accord.
  static let quiet: PeerHostSettings = {
    var settings = PeerHostSettings()
    settings.identifiesPeers = false
    return settings
  }()

  /// Runs `body` beside a host; the host ends with it.
  static func run(
    _ arguments: Arguments, settings: PeerHostSettings, protocols: [StreamProtocol] = [],
    identity: SigningKey? = nil,
    _ body: @escaping @Sendable (PeerNode) async throws -> Void
  ) async throws {
    let loop = try EventLoop()
    loop.start(named: "loop").detach()
    let pool = ComputePool(named: "names", threads: 1, queueMax: 64)
    var settings = settings
    settings.resolver = NameResolver(pool: pool)
    settings.filter = try filter(arguments)
    let host = PeerHost(
      loop: loop, identity: try identity ?? self.identity(arguments), settings: settings,
      protocols: protocols)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await host.run() }
      do {
        try await body(PeerNode(loop: loop, host: host))
      } catch {
        await host.stop()
        throw error
      }
      await host.stop()
      try await group.waitForAll()
    }
  }

  /// The key of the home that was named; without one, a key that is gone afterwards.
  private static func identity(_ arguments: Arguments) throws -> SigningKey {
    guard hasHome(arguments) else { return .generate() }
    let home = Homes.selected(arguments)
    try home.create()
    return try home.keyOrNew(named: "identity")
  }

  private static func hasHome(_ arguments: Arguments) -> Bool {
    arguments.text("home") != nil || Settings.environment("MARTLET_HOME") != nil
  }

  /// Where the node of a named home answers questions.
  static func controlPath(_ arguments: Arguments) throws -> String? {
    hasHome(arguments) ? Homes.selected(arguments).file(controlName) : nil
  }

  /// The lists of the settings, from wherever they come.
  static func filter(_ arguments: Arguments) throws -> PeerFilter {
    let settings = try Settings(arguments: arguments)
    return try filter(allow: settings.text("allow") ?? "", deny: settings.text("deny") ?? "")
  }

  /// The lists that these words make.
  static func filter(allow: String, deny: String) throws -> PeerFilter {
    var filter = PeerFilter()
    for word in words(allow) { filter.allowedPeers.insert(try peer(word)) }
    for word in words(deny) {
      if let peer = try? PeerID(word) {
        filter.deniedPeers.insert(peer)
      } else if let block = try? AddressBlock(word) {
        filter.deniedBlocks.append(block)
      } else {
        throw CommandFailure.usage(
          "`\(word)` is neither a peer id nor a block of addresses",
          hint: "give ids such as 12D3KooW…, or blocks such as 10.0.0.0/8")
      }
    }
    return filter
  }

  /// The first line of a node that stays: who it is and where.
  static func announce(_ host: PeerHost, asJSON: Bool) async {
    let addresses = await host.ownAddresses().map { "\($0)" }
    Output.result(
      [
        "peer_id": .string("\(host.peerID)"),
        "addresses": .array(addresses.map { .string($0) }),
      ], asJSON: asJSON
    ) { addresses.joined(separator: "\n") }
  }

  /// Dials peers back that ask whether they can be reached, and asks the same.
  static func startAutoNAT(_ host: PeerHost) async -> AutoNATClient {
    var limits = DialBackLimits()
    // Who listens on this machine alone meets nobody whose addresses it could be sent to.
    limits.dialsLocalAddresses = await host.ownAddresses()
      .allSatisfy { AddressGroup.scope(of: $0) == .loopback }
    await AutoNATServer(host: host, limits: limits).start()
    let client = AutoNATClient(host: host)
    await client.start()
    return client
  }

  /// What such a peer answers at its socket file beside what its host does.
  static func sections(
    _ host: PeerHost, _ kademlia: KademliaShell?, _ client: AutoNATClient
  ) -> [PeerControlSection] {
    let ports = PeerControlSection(name: "ports", isLive: false) {
      await PortCheck.report(on: host, by: client)
    }
    guard let kademlia else { return [ports] }
    return [
      ports, PeerControlSection(name: "dht", isLive: true) { await kademlia.liveReport() },
    ]
  }

  // MARK: Words

  /// Words separated by commas.
  static func words(_ text: String) -> [String] {
    text.split(separator: ",").map { String($0.filter { $0 != " " }) }.filter { !$0.isEmpty }
  }

  static func list(_ name: String, _ arguments: Arguments) -> [String] {
    words(arguments.text(name) ?? "")
  }

  static func addresses(_ name: String, _ arguments: Arguments) throws -> [Multiaddr] {
    try list(name, arguments).map(address)
  }

  static func peer(_ word: String) throws -> PeerID {
    do { return try PeerID(word) } catch {
      throw CommandFailure.usage("`\(word)` is not a peer id")
    }
  }

  /// A multiaddr, or `HOST:PORT`.
  static func address(_ word: String) throws -> Multiaddr {
    let parts = word.split(separator: ":").map(String.init)
    guard word.hasPrefix("/") || parts.count == 2 else {
      throw CommandFailure.usage(
        "`\(word)` is not an address",
        hint: "give a multiaddr such as /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…, or HOST:PORT")
    }
    do {
      if word.hasPrefix("/") { return try Multiaddr(word) }
      if let numeric = try? Multiaddr("/ip4/\(parts[0])/tcp/\(parts[1])") { return numeric }
      return try Multiaddr("/dns/\(parts[0])/tcp/\(parts[1])")
    } catch {
      throw CommandFailure.usage("`\(word)` is not a multiaddr", hint: "\(error)")
    }
  }

  /// An address that says who must answer.
  static func dialAddress(_ word: String) throws -> Multiaddr {
    let address = try address(word)
    guard address.peer != nil else {
      throw CommandFailure.usage(
        "`\(word)` does not say whose it is", hint: "add /p2p/ and the peer's id")
    }
    return address
  }
}
