import CShim
import ContentNode
import Coordinator
import Cryptography
import IPFSClient
import Networking
import Node
import Orchestration
import Peering
import Persistence
import Primitives
import Telemetry

/// `server start`, `server key …`.
enum ServerCommands {
  static let all = [
    Command(
      words: ["server", "start"],
      summary: "run a coordinator with REST, dashboard, validator and evaluator",
      options: [
        Option(name: "host", value: "ADDRESS", summary: "REST and dashboard (default 127.0.0.1)"),
        Option(name: "port", value: "N", summary: "REST and dashboard; 0 picks one (default 8080)"),
        Option(
          name: "listen", value: "MULTIADDR",
          summary: "peers (default /ip4/127.0.0.1/tcp/4001; tcp/0 picks a port)"),
        Option(name: "network", value: "NAME", summary: "a network of this home (default its own)"),
        Option(
          name: "announce", value: "MULTIADDR,…", summary: "addresses that peers are told too"),
        Option(
          name: "place", value: "REGION/COUNTRY/CITY",
          summary: "where it is: it joins the group of its city"),
        Option(name: "relay", summary: "carry some traffic of peers that nobody can reach"),
        Option(name: "tls-cert", value: "FILE", summary: "PEM certificate chain"),
        Option(name: "tls-key", value: "FILE", summary: "PEM key"),
        Option(name: "insecure-http", summary: "allow plain HTTP beyond loopback"),
        Option(
          name: "stake-grants", value: "N",
          summary: "new workers that get their stake from the client's account (default 8)"),
        Option(name: "no-roles", summary: "leave validator and evaluator to other processes"),
        Option(name: "exit-with-parent", summary: "end when nobody reads its standard output"),
      ] + PeerNode.options,
      example: "martlet server start --port 0 --listen /ip4/127.0.0.1/tcp/0", run: start),
    Command(
      words: ["server", "key", "create"], summary: "make a key for the REST interface, shown once",
      options: [Option(name: "label", value: "TEXT", summary: "what it is for")],
      example: "martlet server key create --label laptop", run: createKey),
    Command(
      words: ["server", "key", "list"], summary: "list the keys of the REST interface",
      example: "martlet server key list", run: listKeys),
    Command(
      words: ["server", "key", "revoke"], summary: "make a key useless", positionals: ["ID"],
      example: "martlet server key revoke 1f2e3d4c", run: revokeKey),
  ]

  @Sendable private static func start(_ arguments: Arguments) async throws {
    if arguments.flags.contains("exit-with-parent") { _ = shim_end_without_reader() }
    let settings = try Settings(arguments: arguments)
    let home = Homes.selected(arguments)
    let loop = try EventLoop()
    loop.start(named: "loop").detach()
    let identity = try home.key(named: "identity")
    var membership = try ServerMembership(
      home: home, identity: identity.publicKey.peerID, settings: settings, arguments)
    let coordinator = try CoordinatorServer(
      settings: coordinatorSettings(home, settings, stakes: membership.stakes), loop: loop)
    let host = PeerHost(
      loop: loop, identity: identity, settings: membership.hostSettings,
      protocols: [.rpc { await coordinator.answer($0) }])
    let address = try await host.listen(on: Multiaddr(settings.text("listen") ?? ""))
    let library = try ContentDescribing.library(of: coordinator.contentStore, in: home)
    defer { library.close() }
    let opened = OpenStore(store: coordinator.contentStore, home: home, library: library)
    let rpc = KuboRPC(store: opened.store, own: StoreWork.served(from: opened, on: loop))
    defer { rpc.stop() }
    let api = apiServer(coordinator, beside: rpc, of: library)
    let tls = try certificate(settings)
    let web = try await listen(api, tls: tls, settings: settings, arguments: arguments)
    let signals = try await loop.perform { try SignalSource(ProcessSignal.allCases, on: loop) }
    try await membership.join(with: host)
    let (key, path, member) = (membership.file.key, membership.path, membership)
    try await announce(web: web, peers: address, network: path, api: api, arguments: arguments)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await coordinator.run(host: host) }
      group.addTask { try await api.run() }
      group.addTask(executorPreference: loop.taskExecutor) {
        try await answer(signals, api: api, tls: tls, member: member)
      }
      for role in roles(arguments) {
        group.addTask { try await run(role, at: address, key: key, home: home, loop: loop) }
      }
      try await group.next()
      group.cancelAll()
    }
  }

  /// The content commands of this home's owner ask the RPC while the store is open here.
  private static func apiServer(
    _ coordinator: CoordinatorServer, beside rpc: KuboRPC, of library: ContentLibrary
  ) -> APIServer {
    var settings = APISettings()
    settings.refusal = { library.obstacle(to: nil, reading: $0)?.description }
    return APIServer(
      coordinator: coordinator, settings: settings,
      owner: .init(prefix: KuboRPC.prefix, answer: rpc.handler))
  }

  private static func coordinatorSettings(
    _ home: HomeDirectory, _ settings: Settings, stakes: StakeBook?
  ) throws -> CoordinatorSettings {
    var result = CoordinatorSettings(
      home: home, stakeGrants: try settings.integer("stake-grants", in: 0...1_000),
      stakes: stakes)
    // A coordinator has a store of its own, so nodes that nobody named are not looked for.
    result.ipfs = try IPFSClientConfiguration(
      environment: Settings.environment, assumesKubo: false)
    return result
  }

  /// The roles that the server plays itself.
  private static func roles(_ arguments: Arguments) -> [NodeRole] {
    arguments.flags.contains("no-roles") ? [] : [.validator, .evaluator]
  }

  private static func run(
    _ role: NodeRole, at address: Multiaddr, key: PrivateNetworkKey?, home: HomeDirectory,
    loop: EventLoop
  ) async throws {
    var membership = Membership(place: .address(address), home: home)
    membership.keyName = role.rawValue
    membership.key = key
    // Whoever works inside the server needs nobody else.
    membership.meetsPeers = false
    let settings = NodeSettings(membership: membership, role: role, label: role.rawValue)
    try await NodeProcess(settings: settings, loop: loop, report: { _ in }).run()
  }

  /// Certificates are read again at a hang-up; returns when the server should end.
  private static func answer(
    _ signals: SignalSource, api: APIServer, tls: TLSIdentity?, member: ServerMembership
  ) async throws {
    while try await signals.next() == .hangUp {
      do {
        try tls?.reload()
        Output.note(tls == nil ? "there is no certificate to read again" : "certificate read again")
      } catch {
        Output.error(CommandFailure(describing: error))
      }
    }
    async let farewell: Void = member.leave()
    await api.shutdown(within: shutdownMax)
    await farewell
  }

  /// Requests that run when the server is told to end may take this long; downloads take longer
  /// and can be asked for again.
  private static let shutdownMax: Duration = .seconds(2)

  private static func listen(
    _ api: APIServer, tls: TLSIdentity?, settings: Settings, arguments: Arguments
  ) async throws -> String {
    try await api.listenLocally()
    let host = settings.text("host") ?? "127.0.0.1"
    let port = UInt16(try settings.integer("port", in: 0...65_535))
    let wanted = SocketAddress.tcp(host: host, port: port)
    guard wanted.isLoopback || tls != nil || arguments.flags.contains("insecure-http") else {
      throw CommandFailure(
        "\(host) is not a loopback address and there is no certificate",
        hint: "give --tls-cert and --tls-key, or --insecure-http behind a proxy", code: .usage)
    }
    let real = try await api.listen(on: wanted, tls: tls)
    return "\(tls == nil ? "http" : "https")://\(real)"
  }

  private static func certificate(_ settings: Settings) throws -> TLSIdentity? {
    guard let certificate = settings.text("tls-cert"), let key = settings.text("tls-key") else {
      return nil
    }
    return try TLSIdentity(certificateFile: certificate, keyFile: key)
  }

  private static func announce(
    web: String, peers: Multiaddr, network: String, api: APIServer, arguments: Arguments
  ) async throws {
    let dashboard = "\(web)/#token=\(await api.issueDashboardToken())"
    // Nobody can dial an address that stands for every interface.
    let dialable = InterfaceAddresses.dialable(peers).map { "\($0)" }
    let best = dialable.first ?? "\(peers)"
    let result: JSONValue = [
      "api": .string(web), "peers": .string(best), "network": .string(network),
      "dashboard": .string(dashboard),
    ]
    Output.result(result, asJSON: arguments.isJSON) {
      """
      dashboard  \(dashboard)
      peers      \(dialable.joined(separator: "\n           "))
      network    \(network)
      join with  martlet node start --role worker --join \(best)
      or         martlet network join FILE, where FILE is a copy of the network's file
      """
    }
  }

  // MARK: Keys

  @Sendable private static func createKey(_ arguments: Arguments) async throws {
    let store = APIKeyStore(home: Homes.selected(arguments))
    let key = try store.create(label: arguments.text("label") ?? "")
    Output.result(["key": .string(key)], asJSON: arguments.isJSON) { key }
    Output.note("this key is not shown again; send it as `Authorization: Bearer KEY`")
  }

  @Sendable private static func listKeys(_ arguments: Arguments) async throws {
    let keys = try APIKeyStore(home: Homes.selected(arguments)).list()
    Output.result(.array(keys.map(\.json)), asJSON: arguments.isJSON) {
      keys.map { "\($0.id)  \($0.label)" }.joined(separator: "\n")
    }
  }

  @Sendable private static func revokeKey(_ arguments: Arguments) async throws {
    let id = arguments.positionals[0]
    try APIKeyStore(home: Homes.selected(arguments)).revoke(id: id)
    Output.result(["revoked": .string(id)], asJSON: arguments.isJSON) { "revoked \(id)" }
  }
}
