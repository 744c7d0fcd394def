import MartletClient
import NeuralNetworks
import Persistence
import Primitives

/// `fl …`: federated sessions, with the words of the Parity client as aliases.
enum LearningCommands {
  /// The last score follows its round within moments, if there is an evaluator.
  private enum ScoreWait {
    static let triesMax = 100
    static let pause: Duration = .milliseconds(20)
  }

  private static let sessionOptions = NetworkClient.options
  /// Largest `model_config.json`.
  private static let configurationBytesMax = 1 << 20

  static let all = [
    Command(
      words: ["fl", "create-session"], aliases: [["create-session"]],
      summary: "order a federated training session",
      options: createOptions + sessionOptions,
      example: "martlet fl create-session --name digits --data Examples/data/digits.csv.gz"
        + " --config-file Examples/model_config.json --start",
      run: create),
    Command(
      words: ["fl", "create-session-with-data"], aliases: [["create-session-with-data"]],
      summary: "store a CSV file and order a session on it", positionals: ["FILE"],
      options: createOptions.filter { !["data", "dataset-cid"].contains($0.name) }
        + sessionOptions,
      example: "martlet fl create-session-with-data Examples/data/digits.csv.gz"
        + " --config-file Examples/model_config.json",
      run: create),
    Command(
      words: ["fl", "start-session"], aliases: [["start-session"], ["fl", "start"]],
      summary: "let an ordered session run",
      positionals: ["SESSION"], options: sessionOptions,
      example: "martlet fl start-session SESSION", run: start),
    Command(
      words: ["fl", "list"], aliases: [["fl", "list-sessions"], ["list-sessions"]],
      summary: "list the sessions", options: sessionOptions,
      example: "martlet fl list", run: list),
    Command(
      words: ["fl", "status"], aliases: [["fl", "get-session"], ["get-session"]],
      summary: "show a session and what it waits for",
      positionals: ["SESSION"], options: sessionOptions, example: "martlet fl status SESSION",
      run: status),
    Command(
      words: ["fl", "watch"], summary: "follow a session until it is done",
      positionals: ["SESSION"], options: sessionOptions, example: "martlet fl watch SESSION",
      run: watch),
    Command(
      words: ["fl", "get-model"], aliases: [["get-model"]],
      summary: "save a session's newest model as safetensors",
      positionals: ["SESSION"],
      options: [
        Option(name: "output", value: "FILE", short: "o", summary: "where to write it")
      ] + sessionOptions,
      example: "martlet fl get-model SESSION -o model.safetensors", run: model),
    Command(
      words: ["fl", "verify"],
      summary: "have every aggregate recomputed from its updates",
      positionals: ["SESSION"], options: sessionOptions, example: "martlet fl verify SESSION",
      run: verify),
  ]

  private static let createOptions = [
    Option(name: "name", value: "NAME", short: "n", summary: "a name for people"),
    Option(name: "model-type", value: "TYPE", short: "m", summary: "neural_network or mlp"),
    Option(name: "dataset-cid", value: "CID", summary: "a CSV file in the content store, or"),
    Option(name: "data", value: "FILE", short: "d", summary: "a CSV file here, stored first"),
    Option(name: "total-rounds", value: "N", short: "r", summary: "rounds (default 10)"),
    Option(
      name: "min-participants", value: "N", short: "p", summary: "workers to wait for (default 1)"),
    Option(name: "aggregation-method", value: "NAME", short: "a", summary: "fedavg"),
    Option(name: "learning-rate", value: "X", short: "l", summary: "step size (default 0.1)"),
    Option(name: "batch-size", value: "N", short: "b", summary: "examples a step (default 16)"),
    Option(name: "local-epochs", value: "N", short: "e", summary: "epochs a round (default 5)"),
    Option(name: "config-file", value: "FILE", short: "c", summary: "model_config.json"),
    Option(name: "clients", value: "N", summary: "logical clients (default 4)"),
    Option(name: "seed", value: "N", summary: "fixes initialisation and order (default 0)"),
    Option(name: "audit", value: "X", summary: "share of segments replayed (default 1.0)"),
    Option(name: "start", summary: "start it at once"),
  ]

  @Sendable private static func create(_ arguments: Arguments) async throws {
    let client = try NetworkClient.selected(arguments)
    // Read first: a mistake in it should not leave the data stored alone.
    let model = try configuration(arguments.required("config-file"))
    var members = try orderedSettings(arguments)
    if let path = arguments.positionals.first ?? arguments.text("data") {
      try ContentCommands.checkReadable(path)
      guard arguments.text("dataset-cid") == nil else {
        throw CommandFailure.usage("--data and --dataset-cid name two data sets", hint: "give one")
      }
      members.append(.init("dataset_cid", try await client.uploadContent(path)["cid"] ?? .null))
    } else {
      let cid = try arguments.required("dataset-cid", or: "data")
      members.append(.init("dataset_cid", .string(cid)))
    }
    members.append(.init("model_config", model))
    var view = try await client.createSession(.object(members))
    if arguments.flags.contains("start"), let id = view["session_id"]?.text {
      view = try await client.startSession(id)
    }
    show(view, arguments)
  }

  /// The members of the order that are options of the same name.
  private static func orderedSettings(_ arguments: Arguments) throws -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    for (flag, key) in [
      ("name", "name"), ("model-type", "model_type"),
      ("aggregation-method", "aggregation_method"),
    ] {
      if let value = arguments.text(flag) { members.append(.init(key, .string(value))) }
    }
    for (flag, key) in [
      ("total-rounds", "total_rounds"), ("min-participants", "min_participants"),
      ("batch-size", "batch_size"), ("local-epochs", "local_epochs"), ("clients", "clients"),
      ("seed", "seed"),
    ] {
      if let value = try arguments.integer(flag, in: 0...Int(Int32.max)) {
        members.append(.init(key, JSONValue(value)))
      }
    }
    for (flag, key) in [("learning-rate", "learning_rate"), ("audit", "audit_rate")] {
      if let value = try arguments.number(flag, in: 0...1_000) {
        members.append(.init(key, .number(value)))
      }
    }
    return members
  }

  private static func configuration(_ path: String) throws -> JSONValue {
    guard let bytes = try AtomicFile.read(path, byteCountMax: configurationBytesMax) else {
      throw CommandFailure(
        "there is no file \(path)", hint: "see Examples/model_config.json", code: .notFound)
    }
    do {
      _ = try ModelConfiguration(json: bytes)
      return try JSONValue(parsing: bytes)
    } catch let error as ModelConfigurationError {
      throw CommandFailure("\(path): \(error)", hint: "see Examples/model_config.json")
    }
  }

  @Sendable private static func start(_ arguments: Arguments) async throws {
    let client = try NetworkClient.selected(arguments)
    show(try await client.startSession(try await session(arguments, client)), arguments)
  }

  @Sendable private static func list(_ arguments: Arguments) async throws {
    let sessions = try await NetworkClient.selected(arguments).sessions()
    Output.result(.array(sessions), asJSON: arguments.isJSON) {
      sessions.isEmpty ? "no sessions" : sessions.map(SessionText.line).joined(separator: "\n")
    }
  }

  @Sendable private static func status(_ arguments: Arguments) async throws {
    let client = try NetworkClient.selected(arguments)
    show(try await client.session(try await session(arguments, client)), arguments)
  }

  @Sendable private static func watch(_ arguments: Arguments) async throws {
    let client = try NetworkClient.selected(arguments)
    let id = try await session(arguments, client)
    let progress = WatchProgress(isQuiet: arguments.isJSON)
    // A stream begins with the present; what was before is read once.
    for round in try await client.rounds(id) { progress.round(round) }
    try await client.watch(id) { name, data in
      if name == "round" { progress.round(data) }
      if name == "session" { progress.session(data) }
      return !(name == "session" && SessionText.isOver(data))
    }
    for _ in 0..<ScoreWait.triesMax {
      let rounds = try await client.rounds(id)
      for round in rounds { progress.round(round) }
      if rounds.allSatisfy({ $0["accuracy"]?.double != nil }) { break }
      try await Task.sleep(for: ScoreWait.pause)
    }
    progress.finish()
    show(try await client.session(id), arguments)
  }

  @Sendable private static func model(_ arguments: Arguments) async throws {
    let client = try NetworkClient.selected(arguments)
    let path = try arguments.required("output")
    let size = try await client.downloadModel(try await session(arguments, client), to: path)
    Output.result(["path": .string(path), "size": JSONValue(size)], asJSON: arguments.isJSON) {
      "\(path)  \(size) bytes"
    }
  }

  @Sendable private static func verify(_ arguments: Arguments) async throws {
    let client = try NetworkClient.selected(arguments)
    let result = try await client.verify(try await session(arguments, client))
    let mismatches = result["mismatches"]?.elements ?? []
    Output.result(result, asJSON: arguments.isJSON) {
      """
      rounds      \(result["rounds"]?.integer ?? 0)
      updates     \(result["updates"]?.integer ?? 0)
      mismatches  \(mismatches.count)
      """
    }
    guard mismatches.isEmpty else {
      throw CommandFailure(
        "\(mismatches.count) aggregates differ from their updates",
        hint: "do not trust this coordinator")
    }
  }

  /// The session that was named, in full or by enough of its first digits.
  static func session(
    _ arguments: Arguments, _ client: NetworkClient
  ) async throws -> String {
    let given = arguments.positionals[0]
    guard given.count < sessionDigits else { return given }
    let all = try await client.sessions().compactMap { $0["session_id"]?.text }
    let matching = all.filter { $0.hasPrefix(given) }
    guard matching.count <= 1 else {
      throw CommandFailure.usage(
        "`\(given)` begins \(matching.count) sessions", hint: "give more of its digits")
    }
    guard let id = matching.first else {
      throw CommandFailure(
        "there is no session `\(given)`", hint: "list them with `martlet fl list`",
        code: .notFound)
    }
    return id
  }

  /// Hexadecimal digits of a whole id.
  private static let sessionDigits = 64

  private static func show(_ view: JSONValue, _ arguments: Arguments) {
    Output.result(view, asJSON: arguments.isJSON) { SessionText.page(view) }
  }
}
