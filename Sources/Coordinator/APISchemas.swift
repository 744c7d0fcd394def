/// Every object of the REST interface.
enum APISchemas {
  static let all: [APISchema] = requests + sessions + ledger + system

  static let requests: [APISchema] = [
    APISchema(
      "SessionOrder",
      [
        .init("name", .text, "A label of 1 to 200 bytes").optional,
        .init("description", .text).optional,
        .init("model_type", .word(["neural_network", "mlp"])).optional,
        .init("dataset_cid", .cid, "A stored CSV file, plain or gzip: features, then the label"),
        .init("total_rounds", .integer, "10 unless given").optional,
        .init("min_participants", .integer, "Workers present at the start, 1 unless given")
          .optional,
        .init("aggregation_method", .word(["fedavg"])).optional,
        .init("learning_rate", .number, "0.1 unless given").optional,
        .init("batch_size", .integer, "8 unless given").optional,
        .init("local_epochs", .integer, "5 unless given").optional,
        .init("clients", .integer, "Logical clients, 4 unless given").optional,
        .init("seed", .integer, "Fixes initial weights and batch order").optional,
        .init("audit_rate", .number, "The share of segments replayed, 0 to 1; 1 unless given")
          .optional,
        .init("segment_steps", .integer, "Steps of one replayed segment").optional,
        .init("creator_address", .text).optional,
        .init("model_config", .reference("ModelConfiguration")),
      ]),
    APISchema(
      "ModelConfiguration",
      [
        .init("hidden_size", .oneOf([.integer, .list(.integer)]), "Units of the hidden layers"),
        .init(
          "architecture",
          .object([
            .init("input_dim", .integer), .init("output_dim", .integer),
            .init("activation", .word(["relu"])),
            .init("output_activation", .word(["softmax"])),
          ])),
        .init(
          "optimizer",
          .object([
            .init("type", .word(["sgd"])), .init("momentum", .number).optional,
            .init("weight_decay", .number).optional,
          ])),
        .init("loss", .word(["cross_entropy"])),
        .init("metrics", .list(.word(["accuracy", "loss"]))).optional,
      ]),
    APISchema("Login", [.init("token", .text, "What stood behind #token= in the printed link")]),
  ]

  static let system: [APISchema] = [
    APISchema(
      "Error",
      [
        .init("code", .text, "Stable, in snake case"),
        .init("message", .text, "One sentence: the fact"),
        .init("hint", .text, "The next step"),
      ]),
    APISchema("LoginResult", [.init("expires_in_seconds", .integer)]),
    APISchema(
      "Health",
      [
        .init("status", .word(["ok"])), .init("version", .text),
        .init("network", .text, "The name in the genesis document"),
        .init("height", .integer), .init("nodes", .integer, "Connected now"),
        .init("sessions", .integer), .init("peer_id", .peerID, "The coordinator's"),
        .init("uptime_seconds", .integer),
      ]),
    APISchema(
      "StoredContent",
      [
        .init("cid", .cid), .init("size", .integer, "The root's cumulative size, as Kubo's Size"),
        .init("bytes", .integer, "The file's length"),
      ]),
    APISchema("NodeList", [.init("nodes", .list(.reference("Node")))]),
    APISchema(
      "Node",
      [
        .init("peer_id", .peerID),
        .init("role", .text, "worker, validator or evaluator"), .init("label", .text),
        .init("state", .word(["connected", "disconnected", "slashed"])),
        .init("account", .text, "The node's public key"), .init("balance", .amount),
        .init("stake", .amount),
        .init("hosting", .list(.integer), "Logical clients of the running rounds"),
        .init("connected_ms", .integer, "Milliseconds since it connected").orNull,
        .init("last_seen_ms", .integer, "Unix time; now, while it is connected"),
      ]),
    APISchema("JobList", [.init("jobs", .list(.reference("Job")))]),
    APISchema(
      "Job",
      [
        .init("job", .digest), .init("session_id", .digest), .init("name", .text),
        .init("state", .text, "The session's state"),
        .init("on_ledger", .boolean, "Whether its escrow is open"),
        .init("submitter", .digest, "Who paid, as public key").orNull,
        .init("escrow", .amount, "What is left of it").orNull,
        .init("work_price", .amount, "For one accepted client-round").orNull,
        .init("check_price", .amount).orNull, .init("rounds", .integer),
        .init("settled_rounds", .integer).orNull, .init("clients", .integer),
        .init("deadline_height", .integer, "From here on anybody may close it").orNull,
      ]),
  ]
}
