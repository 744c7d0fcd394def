import Charts
import Glibc
import IPFSClient
import Primitives

/// `content nodes`: the IPFS nodes of the configuration, and reading through them.
enum ContentNodes {
  static let option = Option(
    name: "node", value: "URLS",
    summary: "ask these IPFS nodes for what is not stored, separated by commas")

  static let command = Command(
    words: ["content", "nodes"], summary: "how the configured IPFS nodes do",
    options: [
      Option(name: "node", value: "URLS", summary: "these nodes instead, separated by commas")
    ],
    details: [
      "Nodes are rpc:http://HOST:PORT (Kubo's RPC) or gateway:https://HOST (a trustless gateway),",
      "from MARTLET_IPFS_NODES, or MARTLET_IPFS_HOST, _PORT and _GATEWAY, or the same with PRSM_.",
      "Exits with 5 where no node can be used.",
    ],
    example: "martlet content nodes", run: show)

  /// A client of the nodes of `--node`, or of the environment and `.env`.
  static func client(_ arguments: Arguments) throws -> IPFSClient {
    var configuration = try IPFSClientConfiguration(environment: Settings.environment)
    if let list = arguments.text("node") {
      configuration.nodes = try list.split(separator: ",").map {
        try NodeAddress(parsing: String($0))
      }
    }
    return IPFSClient(configuration)
  }

  @Sendable private static func show(_ arguments: Arguments) async throws {
    let client = try client(arguments)
    defer { client.close() }
    let report = await client.healthCheck()
    let json: JSONValue = [
      "status": .string(report.status.rawValue), "nodes": .array(report.nodes.map(json)),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      TextTable.lines(
        ["NODE", "KIND", "HEALTH", "SCORE", "LATENCY", "BREAKERS", "NOTE"],
        report.nodes.map(row)
      ).joined(separator: "\n")
    }
    guard report.healthyCount == 0 || report.nodes.allSatisfy({ $0.fault != nil }) else { return }
    throw CommandFailure(
      "none of \(Plural.text(report.nodes.count, "node")) answers",
      hint: "start one, or name others with --node", code: .unreachable)
  }

  private static func row(_ node: NodeStatus) -> [String] {
    let stopped = node.breakers.filter { $0.state != "closed" }
      .map { "\($0.operation.rawValue) \($0.state)" }
    return [
      node.url, node.kind.rawValue, node.health.rawValue, rounded(node.score),
      node.latencySeconds.map { "\(Int($0 * 1_000)) ms" } ?? "-",
      stopped.isEmpty ? "closed" : stopped.joined(separator: ", "),
      node.fault.map { "\($0)" } ?? node.version.map { "version \($0)" } ?? "",
    ]
  }

  private static func rounded(_ score: Double) -> String {
    let hundredths = Int((score * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }

  private static func json(_ node: NodeStatus) -> JSONValue {
    [
      "node": .string(node.name), "url": .string(node.url), "kind": .string(node.kind.rawValue),
      "health": .string(node.health.rawValue), "healthy": .bool(node.isHealthy),
      "score": .number(node.score),
      "latency_seconds": node.latencySeconds.map { .number($0) } ?? .null,
      "lies": JSONValue(node.lies),
      "breakers": .object(
        node.breakers.map { .init($0.operation.rawValue, .string($0.state)) }),
      "version": node.version.map { .string($0) } ?? .null,
      "fault": node.fault.map { .string("\($0)") } ?? .null,
    ]
  }

  // MARK: Reading

  /// Writes a file to `path`, every block checked; returns its size.
  static func get(_ text: String, to path: String, _ arguments: Arguments) async throws -> UInt64 {
    let client = try client(arguments)
    defer { client.close() }
    let result = await WorkProgress.during(arguments) { progress in
      await client.downloadContent(
        text, outputPath: path, progress: { progress.show($0, of: $1) })
    }
    if let error = result.error { throw error }
    return result.size
  }

  /// Prints a file, every block checked before its bytes.
  static func cat(_ text: String, _ arguments: Arguments) async throws {
    let client = try client(arguments)
    defer { client.close() }
    let result = await client.downloadContent(text)
    if let error = result.error { throw error }
    Output.write(result.metadata.content ?? [], to: STDOUT_FILENO)
  }
}

extension CommandFailure {
  /// The words and the exit code for an error of the client.
  init(_ error: IPFSClientError) {
    let code: ExitCode =
      switch error {
      case .notFound: .notFound
      case .allNodesFailed, .pinQueued: .unreachable
      case .noNode, .configuration: .usage
      case .content, .pinQueueFull, .tooLarge, .file, .fileBusy, .fileChanged, .busy, .cancelled:
        .failed
      }
    self.init(error.description, hint: error.hint, code: code)
  }
}
