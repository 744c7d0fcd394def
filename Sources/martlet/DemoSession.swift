import Glibc
import MartletClient
import Primitives
import Synchronization

/// Orders the demonstration's session and follows it to its end.
struct DemoSession {
  let client: NetworkClient
  let plan: DemoPlan

  private enum Limits {
    /// How long a session may stand still before the demonstration gives up.
    static let stillSecondsMax = 60.0
    /// A score follows its round at once, and a dispute ends within some; the last get this long.
    static let scorePause: Duration = .milliseconds(5)
    static let scoreTriesMax = 2_000
    /// How long the processes may take to find each other, where many others want the processors.
    static let joinSecondsMax = 60.0
    static let joinPause: Duration = .milliseconds(5)
  }

  /// Returns the session's last view.
  func run(
    watching progress: DemoProgress, health: @escaping () throws -> Void
  ) async throws -> JSONValue {
    let dataset = try await client.uploadContent(dataPath())
    try await waitForNodes(health: health)
    let order = try await client.createSession(order(dataset: dataset["cid"]?.text ?? ""))
    guard let id = order["session_id"]?.text else {
      throw CommandFailure("the coordinator gave no session", hint: "see its log")
    }
    progress.begin(session: id)
    try await client.startSession(id)
    try await client.watch(id) { name, data in
      if name == "round" { progress.round(data) }
      if name == "session" { progress.session(data) }
      return !(name == "session" && SessionText.isOver(data))
    }
    for _ in 0..<Limits.scoreTriesMax {
      let rounds = try await client.rounds(id)
      if rounds.allSatisfy({ $0["accuracy"]?.double != nil && !SessionText.isDisputed($0) }) {
        for round in rounds { progress.round(round) }
        break
      }
      try health()
      try await Task.sleep(for: Limits.scorePause)
    }
    return try await client.session(id)
  }

  private func waitForNodes(health: () throws -> Void) async throws {
    let wanted = plan.workers + 2
    let deadline = Clock.seconds() + Limits.joinSecondsMax
    while Clock.seconds() < deadline {
      let connected = try await client.nodes().count { $0["state"]?.text == "connected" }
      if connected >= wanted { return }
      try health()
      try await Task.sleep(for: Limits.joinPause)
    }
    throw CommandFailure(
      "not all processes found the coordinator in \(Int(Limits.joinSecondsMax)) s",
      hint: "is this machine very busy?", code: .timedOut)
  }

  private func dataPath() throws -> String {
    if let data = plan.data { return data }
    let candidates = [
      "Examples/data/digits.csv.gz",
      "\(executableDirectory())/../../../Examples/data/digits.csv.gz",
      "\(executableDirectory())/../../Examples/data/digits.csv.gz",
      "\(executableDirectory())/../share/martlet/digits.csv.gz",
    ]
    guard let path = candidates.first(where: { access($0, R_OK) == 0 }) else {
      throw CommandFailure(
        "the example data is not beside the program", hint: "name a CSV file with --data",
        code: .notFound)
    }
    return path
  }

  private func executableDirectory() -> String {
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let bytes = buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
    let path = String(decoding: bytes, as: UTF8.self)
    return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }

  private func order(dataset: String) throws -> JSONValue {
    let columns = plan.data == nil ? (64, 10) : try shape()
    return [
      "name": "demo", "model_type": "mlp", "dataset_cid": .string(dataset),
      "total_rounds": JSONValue(plan.rounds), "min_participants": JSONValue(plan.workers),
      "clients": JSONValue(plan.clients), "seed": JSONValue(plan.seed), "learning_rate": 0.1,
      "batch_size": 16, "local_epochs": 5, "audit_rate": .number(plan.audit),
      "aggregation_method": "fedavg",
      "model_config": [
        "hidden_size": 128,
        "architecture": [
          "input_dim": JSONValue(columns.0), "output_dim": JSONValue(columns.1),
          "activation": "relu", "output_activation": "softmax",
        ],
        "optimizer": ["type": "sgd"], "loss": "cross_entropy", "metrics": ["accuracy"],
      ],
    ]
  }

  /// Inputs and classes of the file that was named.
  private func shape() throws -> (Int, Int) {
    try DemoData.shape(of: plan.data ?? "")
  }
}
