import Coordinator
import Cryptography
import Glibc
import Ledger
import Networking
import Peering
import Persistence
import Primitives
import Telemetry

/// A coordinator without nodes and its REST interface, in a home of its own.
struct APIFixture: Sendable {
  let root: String
  let home: HomeDirectory
  let loop: EventLoop
  let coordinator: CoordinatorServer
  let server: APIServer
  let keys: APIKeyStore
  private let host: PeerHost

  init(settings: APISettings = APISettings()) throws {
    var template = Array("/tmp/martlet-api-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SocketError.closed }
    root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    loop = try EventLoop()
    loop.start(named: "api-test").detach()
    home = HomeDirectory(path: "\(root)/home")
    try home.create()
    let identity = try home.keyOrNew(named: "identity")
    let client = try home.keyOrNew(named: "client")
    let validator = SigningKey.generate()
    let beacon = BeaconChain(seed: SHA256.hash(Bytes("beacon".utf8)), count: 64)
    try home.store(
      Genesis(
        name: "api-test",
        accounts: [
          GenesisAccount(id: client.publicKey, balance: .tokens(100_000)),
          GenesisAccount(id: identity.publicKey, balance: .tokens(1_000)),
        ],
        validators: [GenesisValidator(key: validator.publicKey, power: 1)],
        beacon: beacon.anchor))
    let coordinator = try CoordinatorServer(
      settings: CoordinatorSettings(home: home), loop: loop)
    self.coordinator = coordinator
    server = APIServer(coordinator: coordinator, settings: settings)
    keys = APIKeyStore(home: home)
    host = PeerHost(loop: loop, identity: identity, handler: { await coordinator.answer($0) })
  }

  /// Removes the home.
  func remove() { removeDirectory(root) }

  /// Serves on a free loopback port and the socket file while `body` runs.
  func run<Result: Sendable>(
    _ body: @Sendable (APITarget) async throws -> Result
  ) async throws -> Result {
    defer { remove() }
    let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
    try await server.listenLocally()
    let key = try keys.create(label: "test")
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await coordinator.run(host: host) }
      group.addTask { try await server.run() }
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
