import CShim
import ContentNode
import ContentStore
import MartletClient
import Networking
import Persistence
import Primitives
import Telemetry

/// `content serve|gateway`: the home's store over HTTP.
enum ContentServing {
  static let all = [
    Command(
      words: ["content", "serve"], summary: "serve the store: Kubo's RPC and an IPFS gateway",
      options: [
        Option(name: "rpc", value: "ADDRESS", summary: "the RPC (default 127.0.0.1:5001)"),
        Option(
          name: "rpc-key-file", value: "FILE", summary: "what the RPC asks for as a bearer key"),
        Option(
          name: "coordinator", value: "URL",
          summary: "answer the challenges of storage deals on this coordinator's ledger"),
        Option(name: "api-key-file", value: "FILE", summary: "its key"),
      ] + options,
      details: [
        "Port 0 picks one. The RPC may do everything: beyond this machine it needs a key."
      ],
      example: "martlet content serve --rpc 127.0.0.1:0 --gateway 127.0.0.1:0"
    ) { try await serve($0, [.rpc, .gateway]) },
    Command(
      words: ["content", "gateway"], summary: "serve the store to browsers and IPFS clients",
      options: options, example: "martlet content gateway --gateway 127.0.0.1:0"
    ) { try await serve($0, [.gateway]) },
  ]

  private static let options =
    [
      Option(name: "gateway", value: "ADDRESS", summary: "the gateway (default 127.0.0.1:8088)"),
      Option(name: "trustless", summary: "give only what the client verifies: raw, car, records"),
      Option(name: "host-name", value: "NAME,…", summary: "names in URLs besides localhost"),
      Option(name: "tls-cert", value: "FILE", summary: "PEM certificate chain of the gateway"),
      Option(name: "tls-key", value: "FILE", summary: "PEM key of the gateway"),
      Option(name: "insecure-http", summary: "allow a plain HTTP gateway beyond loopback"),
      Option(name: "exit-with-parent", summary: "end when nobody reads its standard output"),
    ] + ServedNetwork.options

  /// Requests that run when the command is told to end may take this long.
  private static let shutdownMax: Duration = .seconds(2)

  private static func serve(
    _ arguments: Arguments, _ interfaces: [ContentServer.Interface]
  ) async throws {
    if arguments.flags.contains("exit-with-parent") { _ = shim_end_without_reader() }
    let addresses = try interfaces.map { ($0, try address(of: $0, arguments)) }
    let store = try ContentCommands.localStore(arguments)
    defer { store.close() }
    let home = Homes.selected(arguments)
    let library = try ContentDescribing.library(of: store, in: home)
    defer { library.close() }
    let loop = try EventLoop()
    let thread = loop.start(named: "loop")
    defer { thread.detach() }
    let metrics = MetricsRegistry()
    let peers =
      ServedNetwork.isAsked(arguments)
      ? try await ServedNetwork(
        arguments, store: store, library: library, loop: loop, metrics: metrics) : nil
    let gateway = gateway(arguments, library, loop: loop, metrics: metrics, peers?.network)
    let opened = OpenStore(
      store: store, home: home, library: library, exchange: peers?.network.exchange)
    let rpc = try KuboRPC(
      store: store, settings: rpcSettings(arguments), network: peers?.network,
      own: StoreWork.served(from: opened, on: loop))
    defer { rpc.stop() }
    let server = ContentServer(loop: loop, gateway: gateway, rpc: rpc.handler, metrics: metrics)
    let tls = try certificate(arguments)
    var urls: [(interface: ContentServer.Interface, url: String)] = []
    for (interface, address) in addresses {
      let identity = interface == .gateway ? tls : nil
      let real = try await server.listen(interface, on: address, tls: identity)
      urls.append((interface, "\(identity == nil ? "http" : "https")://\(real)"))
    }
    if let url = urls.first?.url { try store.announce(address: url) }
    let signals = try await loop.perform { try SignalSource([.interrupt, .terminate], on: loop) }
    await show(urls.map { ($0.interface.rawValue, $0.url) }, peers, arguments)
    try await keepingDeals(of: store, arguments) {
      try await run(server, peers, $0, until: signals, on: loop)
    }
  }

  /// Runs `body` with a keeper of storage deals where --coordinator names whose.
  private static func keepingDeals(
    of store: BlockStore, _ arguments: Arguments, _ body: (StorageKeeper?) async throws -> Void
  ) async throws {
    guard arguments.text("coordinator") != nil else { return try await body(nil) }
    let client = try LedgerAccess.client(arguments)
    defer { client.close() }
    let ledger = try LedgerAccess.ledger(client, arguments)
    try await body(
      StorageKeeper(ledger: ledger, store: store) { ContentStorageDeals.note($0) })
  }

  private static func gateway(
    _ arguments: Arguments, _ library: ContentLibrary, loop: EventLoop,
    metrics: MetricsRegistry, _ network: PeerContentNetwork?
  ) -> ContentGateway {
    let fetch: ContentGateway.Fetch? = network.map { network in
      { @Sendable cid in try await network.fetch(cid) }
    }
    return ContentGateway(
      store: library.store, loop: loop, settings: settings(arguments), metrics: metrics,
      fetch: fetch, records: network, denylist: { library.denial(of: $0) })
  }

  private static func show(
    _ urls: [(name: String, url: String)], _ peers: ServedNetwork?, _ arguments: Arguments
  ) async {
    let own = await peers?.description() ?? []
    let members = urls.map { JSONValue.Member($0.name, .string($0.url)) } + own
    var rows = urls.map { [$0.name, $0.url] }
    for address in own.last?.value.elements ?? [] { rows.append(["peers", address.text ?? ""]) }
    Output.result(.object(members), asJSON: arguments.isJSON) {
      TextTable.lines([], rows).joined(separator: "\n")
    }
  }

  private static func run(
    _ server: ContentServer, _ peers: ServedNetwork?, _ keeper: StorageKeeper?,
    until signals: SignalSource, on loop: EventLoop
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      if let peers { group.addTask { await peers.run() } }
      if let keeper { group.addTask { try await keeper.run() } }
      group.addTask { try await server.run() }
      group.addTask(executorPreference: loop.taskExecutor) {
        _ = try await signals.next()
        await server.shutdown(within: shutdownMax)
      }
      try await group.next()
      group.cancelAll()
    }
  }

  private static func settings(_ arguments: Arguments) -> GatewaySettings {
    var settings = GatewaySettings()
    settings.isTrustlessOnly = arguments.flags.contains("trustless")
    settings.hostNames = arguments.text("host-name")?.split(separator: ",").map(String.init) ?? []
    return settings
  }

  private static func rpcSettings(_ arguments: Arguments) throws -> KuboRPCSettings {
    var settings = KuboRPCSettings()
    settings.key = try rpcKey(arguments)
    return settings
  }

  /// Room for any key that a person or a program writes on one line.
  private static let rpcKeyByteCountMax = 1_024

  private static func rpcKey(_ arguments: Arguments) throws -> String? {
    guard let path = arguments.text("rpc-key-file") else { return nil }
    try ContentCommands.checkReadable(path)
    let bytes = try AtomicFile.read(path, byteCountMax: rpcKeyByteCountMax) ?? []
    let text = String(decoding: bytes, as: UTF8.self)
    guard let key = text.split(whereSeparator: \.isWhitespace).first.map(String.init) else {
      throw CommandFailure("\(path) holds no key", hint: "write the key into its first line")
    }
    return key
  }

  // MARK: - Where

  private static func address(
    of interface: ContentServer.Interface, _ arguments: Arguments
  ) throws -> SocketAddress {
    let name = interface.rawValue
    let text = arguments.text(name) ?? "127.0.0.1:\(interface.defaultPort)"
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else {
      throw CommandFailure.usage(
        "--\(name) is `\(text)`", hint: "give an address and a port, such as 127.0.0.1:0")
    }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    let address = SocketAddress.tcp(host: host == "localhost" ? "127.0.0.1" : host, port: port)
    if address.isLoopback { return address }
    if interface == .rpc, try rpcKey(arguments) == nil {
      throw CommandFailure(
        "\(host) is not a loopback address, and the RPC asks for no key",
        hint: "give the RPC a loopback address, or --rpc-key-file", code: .usage)
    }
    let isAllowed =
      (interface == .gateway && arguments.text("tls-cert") != nil)
      || arguments.flags.contains("insecure-http")
    guard isAllowed else {
      throw CommandFailure(
        "\(host) is not a loopback address and \(name) has no certificate",
        hint: "give --tls-cert and --tls-key, or --insecure-http behind a proxy", code: .usage)
    }
    return address
  }

  private static func certificate(_ arguments: Arguments) throws -> TLSIdentity? {
    guard let certificate = arguments.text("tls-cert") else { return nil }
    return try TLSIdentity(
      certificateFile: certificate, keyFile: try arguments.required("tls-key"))
  }
}
