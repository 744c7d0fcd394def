extension APISchemas {
  static let sessions: [APISchema] = [
    APISchema("SessionList", [.init("sessions", .list(.reference("Session")))]),
    APISchema(
      "Session",
      [
        .init("session_id", .digest), .init("name", .text),
        .init(
          "state",
          .word([
            "pending", "starting", "recruiting", "running", "paused", "completed", "cancelled",
            "failed",
          ])),
        .init("round", .integer), .init("total_rounds", .integer),
        .init("waiting_for", .text, "What keeps it from going on").orNull,
        .init("accuracy", .number, "Of the newest evaluated round").orNull,
        .init("loss", .number).orNull,
        .init("model_cid", .cid, "The newest model").orNull,
        .init("model_hash", .digest, "The same order and seed give the same hash"),
        .init("specification_cid", .cid, "The canonical order"),
        .init("job", .digest, "Its name on the ledger"),
        .init("audit_rate", .number, "The share of segments replayed"),
        .init(
          "miss_probability", .number,
          "The chance that an update of which one segment in ten is false passes"),
        .init(
          "validator_wrong", .boolean,
          "A dispute found that the validator rejected an update wrongly, or it gave no answer"),
        .init("beacon", .text), .init("clients", .integer), .init("min_participants", .integer),
        .init("workers", .integer), .init("learning_rate", .number),
        .init("batch_size", .integer), .init("local_epochs", .integer),
        .init("seed", .oneOf([.integer, .text]), "Text beyond 2⁶³ − 1"),
        .init("created_at_ms", .integer, "Unix time"),
      ]),
    APISchema("RoundList", [.init("rounds", .list(.reference("Round")))]),
    APISchema(
      "Round",
      [
        .init("session_id", .digest), .init("round", .integer, "From 1"),
        .init("state", .word(["running", "settled"])), .init("accuracy", .number).orNull,
        .init("loss", .number).orNull,
        .init("diverged", .boolean, "The loss is far above that of knowing nothing"),
        .init("seconds", .number, "From start to settlement").orNull,
        .init("aggregate_hash", .digest).orNull, .init("aggregate_cid", .cid).orNull,
        .init("updates", .list(.reference("Update")), "Rejected tries, then one of each client"),
      ]),
    APISchema(
      "Update",
      [
        .init("client", .integer, "The logical client, from 0"),
        .init("attempt", .integer, "Absent while nobody has the work").optional,
        .init("worker", .peerID).orNull, .init("worker_label", .text).optional,
        .init("status", .word(["pending", "accepted", "rejected"])),
        .init("reason", .text).orNull,
        .init("replayed_segments", .integer).orNull.optional,
        .init("segments", .integer).orNull.optional,
        .init("update_cid", .cid).orNull.optional,
        .init("dispute", .reference("Dispute"), "Over a rejected update").orNull.optional,
      ]),
    APISchema(
      "Dispute",
      [
        .init("state", .word(["open", "settled"])),
        .init("segment", .integer, "Of the first difference, from 0, as far as found").orNull,
        .init("step", .integer, "Likewise, from the task's start").orNull,
        .init(
          "operator", .text,
          "Layer and operation whose result differs first; `record` if the update is not the one"
            + " that the record ends in"
        ).orNull,
        .init("rounds", .integer, "Rounds of questions"),
        .init("wrong", .list(.word(["worker", "validator"]))),
        .init("reason", .text, "What the first of them did").orNull,
        .init("recomputed", .digest, "The referee's result of the operator").orNull,
        .init("transcript_cid", .cid, "All questions and signed answers").orNull,
      ]),
    APISchema(
      "Verification",
      [
        .init("session_id", .digest), .init("rounds", .integer, "Rounds recomputed"),
        .init("updates", .integer, "Updates read"),
        .init("mismatches", .list(.integer), "Rounds whose aggregate is another"),
        .init("model_hash", .digest),
      ]),
    APISchema(
      "Receipt",
      [
        .init("format", .word(["martlet-receipt-1"])), .init("chainId", .digest),
        .init("job", .digest), .init("round", .integer, "As on the ledger, from 0"),
        .init("client", .integer), .init("worker", .digest, "Its public key"),
        .init("amount", .amount), .init("height", .text), .init("block", .digest),
        .init("transaction", .text, "Canonical bytes in hexadecimal, like the next three"),
        .init("inclusion", .text), .init("header", .text), .init("certificate", .text),
      ]),
  ]
}
