extension APISchemas {
  private static let encoded = APISchema.Field(
    "encoded", .text, "The leaf of the ledger's state in canonical bytes, in hexadecimal")

  static let transactions: [APISchema] = [
    APISchema(
      "TransactionStatus",
      [
        .init("id", .digest, "SHA-256 of the transaction's canonical bytes"),
        .init("state", .word(["pending", "included", "refused"])),
        .init("height", .integer, "The block that holds it").orNull,
        .init("code", .text, "Why it was refused, for programs").orNull,
        .init("reason", .text, "The same for people").orNull,
      ])
  ]

  static let contentLedger: [APISchema] = [
    APISchema(
      "RegisteredContent",
      [
        .init("cid", .cid), .init("owner", .digest, "The creator's public key"),
        .init("height", .integer, "The block that registered it"),
        .init("purpose", .word(["model", "dataset", "research"])),
        .init("record", .cid, "The signed provenance record").orNull, .init("licence", .text),
        .init("size", .integer), .init("sha256", .digest).orNull,
        .init("price", .amount, "Of one access"),
        .init("royalty_parts_per_million", .integer, "What derived contents owe at least"),
        .init(
          "parents",
          .list(
            .object([.init("cid", .cid), .init("share_parts_per_million", .integer)]))),
        .init("accesses", .integer, "Recorded by readers"), .init("paid", .amount),
        .init("rewarded", .amount), encoded,
      ]),
    APISchema(
      "Royalties",
      [
        .init("cid", .cid), .init("accesses", .integer), .init("price", .amount),
        .init(
          "parts",
          .list(
            .object([
              .init("cid", .cid, "The content read, or one it was made of"),
              .init("account", .digest), .init("amount", .amount),
            ]))),
      ]),
    APISchema(
      "RewardList", [.init("height", .integer), .init("rewards", .list(.reference("Reward")))]),
    APISchema(
      "Reward",
      [
        .init("offer", .digest), .init("cid", .cid), .init("payer", .digest),
        .init("reviewer", .digest), .init("reward", .amount), .init("bonus", .amount),
        .init("review_price", .amount), .init("escrow", .amount),
        .init("deadline_height", .integer, "From this block on anybody may close it"), encoded,
      ]),
    APISchema(
      "DealList",
      [
        .init("height", .integer), .init("beacon_links_left", .integer),
        .init("deals", .list(.reference("Deal"))),
      ]),
    APISchema(
      "Deal",
      [
        .init("offer", .digest), .init("cid", .cid), .init("payer", .digest),
        .init("provider", .digest), .init("root", .digest, "Over pieces of 4,096 bytes"),
        .init("size", .integer), .init("pay", .amount, "For each proven epoch"),
        .init("epochs", .integer), .init("epoch_blocks", .integer),
        .init("proof_blocks", .integer), .init("samples", .integer), .init("escrow", .amount),
        .init("start_height", .integer, "The block that accepted it").orNull,
        .init("end_height", .integer, "From this block on anybody may close it").orNull,
        .init("epoch", .integer, "That of the next block").orNull,
        .init("proven_epochs", .integer),
        .init(
          "challenge",
          .object([
            .init("epoch", .integer), .init("height", .integer),
            .init("deadline_height", .integer, "The last block for its proof"),
            .init("proven", .boolean),
            .init("beacon_link", .digest, "Draws the pieces, while a proof can count").orNull,
          ])
        ).orNull,
        encoded,
      ]),
  ]
}
