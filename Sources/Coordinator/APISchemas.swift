internal import NeuralNetworks

/// Every object of the REST interface.
enum APISchemas {
  static let all: [APISchema] =
    requests + sessions + ledger + transactions + contentLedger + ipfs
    + system

  static let requests: [APISchema] = [
    APISchema(
      "SessionOrder",
      [
        .init("name", .text, "A label of 1 to 200 bytes").optional,
        .init("description", .text).optional,
        .init("model_type", .word(["neural_network", "mlp", "cnn", "CNN", "logistic"]))
          .optional,
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
        .init("model_type", .word(["mlp", "neural_network", "cnn", "CNN", "logistic"])).optional,
        .init("hidden_size", .oneOf([.integer, .list(.integer)]), "Units of the hidden layers")
          .optional,
        .init("architecture", .object(architectureFields)),
        .init("optimizer", .object(optimizerFields)),
        .init("learning_rate", .number).optional, .init("batch_size", .integer).optional,
        .init("epochs", .integer).optional, .init("max_epochs", .integer).optional,
        .init("min_accuracy", .number).optional,
        .init("gradient_clip", .number, "Longest gradient").optional,
        .init(
          "schedule",
          .object([
            .init("type", .word(["constant", "step", "exponential", "cosine"])),
            .init("step_epochs", .integer).optional, .init("factor", .number).optional,
            .init("floor", .number).optional, .init("warmup_steps", .integer).optional,
          ])
        ).optional,
        .init("loss", .word(["cross_entropy"])),
        .init("metrics", .list(.word(ModelConfiguration.MetricName.allCases.map(\.rawValue))))
          .optional,
      ]),
    APISchema("Login", [.init("token", .text, "What stood behind #token= in the printed link")]),
  ]

  private static let activations = ActivationFunction.allCases.map(\.rawValue)

  private static let architectureFields: [APISchema.Field] = [
    .init("input_dim", .integer, "Of all but a CNN").optional, .init("output_dim", .integer),
    .init("activation", .word(activations)).optional,
    .init("output_activation", .word(["softmax"])).optional,
    .init("dropout", .number).optional,
    .init(
      "image",
      .object([
        .init("height", .integer), .init("width", .integer), .init("channels", .integer).optional,
      ]), "Of a CNN"
    ).optional,
    .init(
      "blocks",
      .list(
        .object([
          .init("channels", .integer), .init("kernel", .integer).optional,
          .init("stride", .integer).optional, .init("padding", .integer).optional,
          .init("batch_norm", .boolean).optional,
          .init("activation", .word(activations)).optional,
          .init(
            "pool",
            .object([
              .init("type", .word(["max", "average"])).optional,
              .init("size", .integer).optional,
            ])
          ).optional,
        ])), "Convolutions of a CNN"
    ).optional,
  ]

  private static let optimizerFields: [APISchema.Field] = [
    .init(
      "type",
      .word(["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad"])),
    .init("momentum", .number).optional, .init("nesterov", .boolean).optional,
    .init("beta1", .number).optional, .init("beta2", .number).optional,
    .init("alpha", .number).optional, .init("epsilon", .number).optional,
    .init("lr_decay", .number).optional, .init("learning_rate", .number).optional,
    .init("weight_decay", .number).optional,
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
