import Consensus
import Coordinator
import Cryptography
import Glibc
import Ledger
import Networking
import Node
import Orchestration
import Peering
import Persistence
import Primitives
import Telemetry
import UsefulWork

/// A coordinator with its nodes on one loop, talking over real sockets, each in an own home.
struct LocalNetwork: Sendable {
  struct Worker: Sendable {
    var lie: String?
    var hasStake = true
  }

  let root: String
  /// What the nodes logged.
  let reports = Lock<[String]>([])
  /// What each worker says of its segments; a test puts faults here.
  var segmentRoots: SegmentRootsFunction = { try $0.segmentRoots(of: $1, dataset: $2) }
  /// How each worker trains; a test puts faults here.
  var train: TrainingFunction?
  /// Stakes as the coordinator and the validator know them.
  let coordinatorStakes = StakeBook()
  let validatorStakes = StakeBook()
  let loop: EventLoop
  let coordinator: CoordinatorServer
  let coordinatorIdentity: SigningKey
  let genesis: Genesis
  private let coordinatorSettings: CoordinatorSettings
  private let host: PeerHost
  private let nodes: [(home: HomeDirectory, role: NodeRole, label: String, lie: String?)]

  init(
    workers: [Worker], stakeGrants: Int = 0, mining: MiningTerms? = nil,
    disputeTimeout: Duration = .seconds(10)
  ) throws {
    var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SocketError.closed }
    root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    loop = try EventLoop()
    loop.start(named: "test-loop").detach()
    let root = root
    func home(_ name: String) throws -> HomeDirectory {
      let home = HomeDirectory(path: "\(root)/\(name)")
      try home.create()
      return home
    }
    let coordinatorHome = try home("coordinator")
    let identity = try coordinatorHome.keyOrNew(named: "identity")
    let client = try coordinatorHome.keyOrNew(named: "client")
    let validator = try home("validator")
    let beacon = BeaconChain(
      seed: try Digest(bytes: validator.keyOrNew(named: "beacon").seed), count: 4_096)
    let validatorKey = try validator.keyOrNew(named: "identity").publicKey
    var accounts = [
      GenesisAccount(id: client.publicKey, balance: .tokens(100_000)),
      GenesisAccount(id: identity.publicKey, balance: .tokens(1_000)),
      GenesisAccount(id: validatorKey, balance: .tokens(1_000)),
    ]
    var nodes: [(HomeDirectory, NodeRole, String, String?)] = [
      (validator, .validator, "validator", nil),
      (try home("evaluator"), .evaluator, "evaluator", nil),
    ]
    for (index, worker) in workers.enumerated() {
      let home = try home("worker-\(index)")
      let key = try home.keyOrNew(named: "identity").publicKey
      if worker.hasStake {
        accounts.append(GenesisAccount(id: key, balance: .tokens(100), stake: .tokens(1_000)))
      }
      nodes.append((home, .worker, "worker-\(index)", worker.lie))
    }
    let genesis = try Genesis(
      name: "test", accounts: accounts,
      validators: [GenesisValidator(key: validatorKey, power: 1)], beacon: beacon.anchor,
      mining: mining)
    try coordinatorHome.store(genesis)
    try validator.store(genesis)
    self.nodes = nodes
    coordinatorIdentity = identity
    self.genesis = genesis
    coordinatorSettings = CoordinatorSettings(
      home: coordinatorHome, stakeGrants: stakeGrants, disputeTimeout: disputeTimeout,
      stakes: coordinatorStakes)
    let server = try CoordinatorServer(settings: coordinatorSettings, loop: loop)
    coordinator = server
    host = PeerHost(loop: loop, identity: identity, handler: { await server.answer($0) })
  }

  /// Workers, validator and evaluator.
  var nodeCount: Int { nodes.count }

  var nodeNames: [String] { nodes.map(\.label) }

  /// The key of a node, as somebody who stole it would have it.
  func key(of name: String) throws -> SigningKey {
    try nodes.first { $0.label == name }!.home.key(named: "identity")
  }

  /// What a validator leaves behind that is killed between its signature and its block log.
  func signWithoutStoring() throws -> Block {
    let home = nodes.first { $0.role == .validator }!.home
    let key = try home.key(named: "identity")
    let store = try ValidatorStore(home: home, genesis: genesis)
    defer { store.blocks.close() }
    let body = TransactionBody.transfer(to: coordinatorIdentity.publicKey, amount: .tokens(1))
    let transfer = Transaction(
      signing: body, chainID: genesis.chainID, nonce: 0, fee: try genesis.parameters.fee(for: body),
      key: key)
    let proposed = try store.chain.state.propose(
      [transfer], proposer: key.publicKey, timeMilliseconds: 1, beaconLink: nil)
    var signGuard = store.signGuard
    try signGuard.authorise(height: 1, blockHash: proposed.block.header.hash)
    try store.store(signGuard, of: proposed.block)
    return proposed.block
  }

  /// How a node is started at a coordinator's address.
  func settings(of name: String, address: Multiaddr) -> NodeSettings {
    let node = nodes.first { $0.label == name }!
    return NodeSettings(
      home: node.home, role: node.role, coordinator: address, label: node.label, lie: node.lie)
  }

  /// The coordinator's home opened once more, after the first one was closed.
  func reopenedCoordinator() throws -> CoordinatorServer {
    try CoordinatorServer(settings: coordinatorSettings, loop: loop)
  }

  /// Runs the network while `body` works with it.
  func run<Result: Sendable>(_ body: @Sendable () async throws -> Result) async throws -> Result {
    let address = try await host.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0"))
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await coordinator.run(host: host) }
      for node in nodes {
        var node = settings(of: node.label, address: address)
        if node.role == .validator { node.membership.stakes = validatorStakes }
        let settings = node
        group.addTask {
          try await NodeProcess(
            settings: settings, loop: loop, train: train, segmentRoots: segmentRoots,
            report: { line in reports.withLock { $0.append(line) } }
          ).run()
        }
      }
      defer { group.cancelAll() }
      return try await body()
    }
  }

  /// Removes the homes.
  func remove() {
    for path in ["\(root)"] where path.hasPrefix("/tmp/martlet-test-") {
      removeDirectory(path)
    }
  }
}

func removeDirectory(_ path: String) {
  guard let directory = opendir(path) else { return }
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
