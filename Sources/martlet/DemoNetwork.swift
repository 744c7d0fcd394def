import CShim
import Cryptography
import Glibc
import Ledger
import Node
import Peering
import Persistence
import Primitives
import Telemetry

/// The demonstration's processes, each with an own home below one directory.
final class DemoNetwork: Sendable {
  private static let name = "demo"
  private static let anyPort = "/ip4/127.0.0.1/tcp/0"
  /// With three, any one may be lost and one more.
  static let bootstrapCount = 3

  private struct State {
    var dashboard = ""
    var children: [ChildProcess] = []
    var genesis: Genesis?
    var isStopping = false
  }

  let plan: DemoPlan
  let coordinatorHome: HomeDirectory
  private let root: HomeDirectory
  private let ownsRoot: Bool
  private let state = Lock(State())

  var dashboard: String { state.withLock { $0.dashboard } }
  var children: [ChildProcess] { state.withLock { $0.children } }
  /// Initial balances and stakes by account, to show what changed.
  var genesis: Genesis? { state.withLock { $0.genesis } }
  /// Whether the processes end because they were told to.
  var isStopping: Bool { state.withLock { $0.isStopping } }

  init(_ plan: DemoPlan) throws {
    self.plan = plan
    ownsRoot = plan.home == nil
    root = HomeDirectory(path: try plan.home ?? Self.temporaryDirectory())
    coordinatorHome = HomeDirectory(path: root.file("coordinator"))
  }

  private static func temporaryDirectory() throws -> String {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/martlet-demo-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw CommandFailure(
        "cannot make a directory in \(base): \(String(cString: strerror(errno)))",
        hint: "set TMPDIR to a directory that you may write")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The name of each worker; the last ones lie.
  func workerName(_ index: Int) -> String { "worker-\(index + 1)" }

  func home(_ name: String) -> HomeDirectory { HomeDirectory(path: root.file(name)) }

  /// Makes keys and genesis, then starts every process.
  func start() throws {
    let validator = home("validator")
    var workers: [PublicKey] = []
    for index in 0..<plan.workers {
      let home = home(workerName(index))
      try home.create()
      workers.append(try home.keyOrNew(named: "identity").publicKey)
    }
    let evaluator = home("evaluator")
    try evaluator.create()
    let evaluatorKey = try evaluator.keyOrNew(named: "identity").publicKey
    let genesis = try Homes.createNetwork(
      named: Self.name, in: coordinatorHome, validator: validator, validatorKeyName: "identity",
      evaluators: [evaluatorKey], workers: workers, beaconLinks: BeaconChain.standardCount,
      mining: Homes.demonstrationMining)
    state.withLock { $0.genesis = genesis }
    let file = try startBootstraps(of: genesis)
    try NetworkFileStore(home: coordinatorHome).write(file)
    try startCoordinator()
    try startNode("validator", role: "validator", file)
    try startNode("evaluator", role: "evaluator", file)
    for index in 0..<plan.workers {
      let isLiar = index >= plan.workers - plan.liars
      try startNode(workerName(index), role: "worker", file, lie: isLiar ? plan.lie : nil)
    }
  }

  /// Starts the peers that everybody begins with; returns the network's file with their addresses.
  /// It does not say where the coordinator is.
  private func startBootstraps(of genesis: Genesis) throws -> NetworkFile {
    let coordinator = try coordinatorHome.key(named: "identity").publicKey.peerID
    var file = try NetworkFile(
      name: Self.name, chainID: genesis.chainID, coordinators: [coordinator],
      usesLocalDiscovery: false)
    // All at once: each finds the others through whoever comes to both.
    let names = (1...Self.bootstrapCount).map { "bootstrap-\($0)" }
    let children = try names.map { name in
      let home = home(name)
      try NetworkFileStore(home: home).write(file)
      let child = try ChildProcess(
        name: name,
        arguments: [
          "--home", home.path, "node", "start", "--json", "--exit-with-parent", "--role", "peer",
          "--network", Self.name, "--listen", Self.anyPort,
        ], log: home.file("log"))
      adopt(child)
      return child
    }
    for child in children {
      guard let line = child.firstLine(),
        let ready = try? JSONValue(parsing: Bytes(line.utf8)),
        let address = ready["addresses"]?.elements?.first?.text
      else { throw startFailure(home(child.name).file("log")) }
      file.bootstraps.append(try Multiaddr(address))
    }
    return file
  }

  private func startCoordinator() throws {
    let child = try ChildProcess(
      name: "coordinator",
      arguments: [
        "--home", coordinatorHome.path, "server", "start", "--json", "--no-roles",
        "--exit-with-parent", "--port", "\(plan.port)", "--listen", Self.anyPort,
        "--network", Self.name, "--host", "127.0.0.1", "--stake-grants", "0",
      ], log: coordinatorHome.file("log"))
    adopt(child)
    guard let line = child.firstLine(),
      let ready = try? JSONValue(parsing: Bytes(line.utf8))
    else { throw startFailure(coordinatorHome.file("log")) }
    state.withLock { $0.dashboard = ready["dashboard"]?.text ?? "" }
  }

  /// A process that starts while the others are being stopped is stopped too.
  private func adopt(_ child: ChildProcess) {
    let isLate = state.withLock { state in
      if !state.isStopping { state.children.append(child) }
      return state.isStopping
    }
    guard isLate else { return }
    child.terminate()
    child.wait()
  }

  /// What the process itself said is the best description.
  private func startFailure(_ log: String) -> CommandFailure {
    let text = (try? AtomicFile.read(log)).flatMap { $0 }.map {
      String(decoding: $0, as: UTF8.self)
    }
    let lines = (text ?? "").split(separator: "\n").map(String.init)
    func last(_ mark: String) -> String? {
      lines.last { $0.contains(mark) }.map { String($0.split(separator: mark).last ?? "") }
    }
    return CommandFailure(
      last("error: ") ?? "the coordinator did not start",
      hint: last("hint: ") ?? "choose another port with --port")
  }

  private func startNode(
    _ name: String, role: String, _ file: NetworkFile, lie: String? = nil
  ) throws {
    let home = home(name)
    try NetworkFileStore(home: home).write(file)
    var arguments = [
      "--home", home.path, "node", "start", "--exit-with-parent", "--role", role, "--network",
      Self.name, "--label", name, "--threads", role == "validator" ? "2" : "1",
    ]
    if let lie { arguments += ["--lie", lie] }
    adopt(try ChildProcess(name: name, arguments: arguments, log: home.file("log")))
  }

  /// How many nodes found their coordinator, by how they say that they did.
  func waysFound() -> [(way: String, nodes: Int)] {
    let mark = "found by "
    var counts: [String: Int] = [:]
    for child in children where !child.name.hasPrefix("bootstrap") {
      let log = (try? AtomicFile.read(home(child.name).file("log"))).flatMap { $0 } ?? []
      let lines = String(decoding: log, as: UTF8.self).split(separator: "\n")
      guard let line = lines.first(where: { $0.contains(mark) }),
        let way = line.split(separator: mark).last.map(String.init)
      else { continue }
      counts[way, default: 0] += 1
    }
    return counts.sorted { $0.key < $1.key }.map { (way: $0.key, nodes: $0.value) }
  }

  /// Throws when a process has ended that should run.
  func check() throws {
    for child in children where ["coordinator", "validator"].contains(child.name) {
      guard child.isRunning else { throw startFailure(home(child.name).file("log")) }
    }
  }

  /// Leaves everything running until the coordinator ends or the terminal interrupts.
  func keep(_ progress: DemoProgress) async throws {
    progress.note("the network stays up; stop it with Ctrl-C")
    while true {
      try check()
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// Ends every process and removes what the demonstration made for itself.
  func stop() {
    let running = state.withLock { state in
      state.isStopping = true
      defer { state.children = [] }
      return state.children
    }
    for child in running { child.terminate() }
    for child in running { child.wait() }
    if ownsRoot { TemporaryTree.remove(root.path) }
  }
}

/// Removes a directory of ours with everything in it.
enum TemporaryTree {
  static func remove(_ path: String) {
    guard let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name != ".", name != ".." else { continue }
      let child = "\(path)/\(name)"
      if entry.pointee.d_type == UInt8(DT_DIR) { remove(child) } else { unlink(child) }
    }
    closedir(directory)
    rmdir(path)
  }
}
