import Coordinator
import Cryptography
import Glibc
import IPFSClient
import Ledger
import Networking
import Node
import Orchestration
import Peering
import Persistence
import Primitives
import Telemetry

/// A coordinator and its REST interface in a home of its own, with or without nodes.
struct APIFixture: Sendable {
  let root: String
  let home: HomeDirectory
  let loop: EventLoop
  let coordinator: CoordinatorServer
  let server: APIServer
  let keys: APIKeyStore
  private let host: PeerHost
  private let nodes: [(home: HomeDirectory, role: NodeRole)]

  /// With `workers`, a validator and an evaluator run too.
  init(
    settings: APISettings = APISettings(), workers: Int = 0,
    ipfs: IPFSClientConfiguration = IPFSClientConfiguration()
  ) throws {
    var template = Array("/tmp/martlet-api-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SocketError.closed }
    let root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    func newHome(_ name: String) throws -> HomeDirectory {
      let home = HomeDirectory(path: "\(root)/\(name)")
      try home.create()
      return home
    }
    let validator = try newHome("validator")
    let workerHomes = try (0..<workers).map { try newHome("worker-\($0)") }
    let home = try newHome("home")
    try home.store(Self.genesis(home, validator, workerHomes))
    try validator.store(home.genesis())
    nodes =
      workers == 0
      ? []
      : [(validator, .validator), (try newHome("evaluator"), .evaluator)]
        + workerHomes.map { ($0, .worker) }
    self.root = root
    self.home = home
    (loop, coordinator) = try Self.coordinator(home, ipfs: ipfs)
    server = APIServer(coordinator: coordinator, settings: settings)
    keys = APIKeyStore(home: home)
    host = PeerHost(
      loop: loop, identity: try home.key(named: "identity"),
      handler: { [coordinator] in await coordinator.answer($0) })
  }

  private static func genesis(
    _ home: HomeDirectory, _ validator: HomeDirectory, _ workers: [HomeDirectory]
  ) throws -> Genesis {
    let client = try home.keyOrNew(named: "client").publicKey
    let identity = try home.keyOrNew(named: "identity").publicKey
    let validatorKey = try validator.keyOrNew(named: "identity").publicKey
    let beacon = BeaconChain(
      seed: try Digest(bytes: validator.keyOrNew(named: "beacon").seed), count: 4_096)
    let staked = try workers.map {
      GenesisAccount(
        id: try $0.keyOrNew(named: "identity").publicKey, balance: .tokens(100),
        stake: .tokens(1_000))
    }
    return try Genesis(
      name: "api-test",
      accounts: [
        GenesisAccount(id: client, balance: .tokens(100_000)),
        GenesisAccount(id: identity, balance: .tokens(1_000)),
        GenesisAccount(id: validatorKey, balance: .tokens(1_000)),
      ] + staked,
      validators: [GenesisValidator(key: validatorKey, power: 1)], beacon: beacon.anchor)
  }

  /// Opens the home as a start of the program does.
  static func coordinator(
    _ home: HomeDirectory, ipfs: IPFSClientConfiguration = IPFSClientConfiguration()
  ) throws -> (EventLoop, CoordinatorServer) {
    let loop = try EventLoop()
    loop.start(named: "api-test").detach()
    var settings = CoordinatorSettings(home: home)
    settings.ipfs = ipfs
    return (loop, try CoordinatorServer(settings: settings, loop: loop))
  }

  /// Removes the homes.
  func remove() { removeDirectory(root) }

  /// Serves on a free loopback port and the socket file while `body` runs.
  func run<Result: Sendable>(
    _ body: @Sendable (APITarget) async throws -> Result
  ) async throws -> Result {
    defer { remove() }
    let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
    try await server.listenLocally()
    let peer = try await host.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0"))
    let key = try keys.create(label: "test")
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await coordinator.run(host: host) }
      group.addTask { try await server.run() }
      for node in nodes {
        let settings = NodeSettings(home: node.home, role: node.role, coordinator: peer)
        group.addTask {
          try await NodeProcess(settings: settings, loop: loop, report: { _ in }).run()
        }
      }
      defer { group.cancelAll() }
      return try await body(
        APITarget(base: "http://\(address)", socket: home.file(APIServer.socketName), key: key))
    }
  }
}

/// Where a test sends its requests.
struct APITarget: Sendable {
  let base: String
  let socket: String
  let key: String
}

/// Removes a directory that a test made, with everything in it.
private func removeDirectory(_ path: String) {
  guard path.hasPrefix("/tmp/martlet-api-"), let directory = opendir(path) else { return }
  while let entry = readdir(directory) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    guard name != ".", name != ".." else { continue }
    let child = "\(path)/\(name)"
    if entry.pointee.d_type == UInt8(DT_DIR) { removeDirectory(child) } else { unlink(child) }
  }
  closedir(directory)
  rmdir(path)
}
