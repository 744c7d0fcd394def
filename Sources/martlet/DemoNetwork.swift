import CShim
import Cryptography
import Glibc
import Ledger
import Persistence
import Primitives
import Telemetry

/// The demonstration's processes, each with an own home below one directory.
final class DemoNetwork: Sendable {
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
      named: "demo", in: coordinatorHome, validator: validator, validatorKeyName: "identity",
      evaluators: [evaluatorKey], workers: workers, beaconLinks: BeaconChain.standardCount,
      mining: Homes.demonstrationMining)
    state.withLock { $0.genesis = genesis }
    let peers = try startCoordinator()
    try startNode("validator", role: "validator", peers: peers)
    try startNode("evaluator", role: "evaluator", peers: peers)
    for index in 0..<plan.workers {
      let isLiar = index >= plan.workers - plan.liars
      try startNode(
        workerName(index), role: "worker", peers: peers, lie: isLiar ? plan.lie : nil)
    }
  }

  private func startCoordinator() throws -> String {
    let child = try ChildProcess(
      name: "coordinator",
      arguments: [
        "--home", coordinatorHome.path, "server", "start", "--json", "--no-roles",
        "--exit-with-parent", "--port", "\(plan.port)", "--listen", "/ip4/127.0.0.1/tcp/0",
        "--host", "127.0.0.1", "--stake-grants", "0",
      ], log: coordinatorHome.file("log"))
    adopt(child)
    guard let line = child.firstLine(),
      let ready = try? JSONValue(parsing: Bytes(line.utf8)), let peers = ready["peers"]?.text
    else { throw startFailure(coordinatorHome.file("log")) }
    state.withLock { $0.dashboard = ready["dashboard"]?.text ?? "" }
    return peers
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

  private func startNode(_ name: String, role: String, peers: String, lie: String? = nil) throws {
    let home = home(name)
    var arguments = [
      "--home", home.path, "node", "start", "--exit-with-parent", "--role", role, "--join",
      peers, "--label", name, "--threads", role == "validator" ? "2" : "1",
    ]
    if let lie { arguments += ["--lie", lie] }
    adopt(try ChildProcess(name: name, arguments: arguments, log: home.file("log")))
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
