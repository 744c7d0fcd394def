extension APISchemas {
  private static let blockFields: [APISchema.Field] = [
    .init("height", .integer), .init("hash", .digest), .init("previous", .digest),
    .init("time_ms", .integer, "The proposer's Unix time"), .init("proposer", .peerID),
    .init("beacon_link", .digest).orNull,
    .init("miner", .peerID, "Whose segment won the block").orNull,
    .init("transactions", .integer, "How many"),
    .init("kinds", .list(.text), "The transactions' kinds in order"),
  ]

  static let ledger: [APISchema] = [
    APISchema(
      "Ledger",
      [
        .init("chain_id", .digest), .init("height", .integer), .init("head", .digest),
        .init("state_root", .digest), .init("beacon", .text),
        .init("beacon_links_left", .integer), .init("supply", .amount),
        .init("supply_counted", .amount, "Counted over accounts, escrows and burned stake"),
        .init("blocks_mined", .integer, "Blocks that a winning segment minted for"),
        .init("minted", .amount, "What they minted"),
        .init("mining_target", .digest, "The largest hash that wins").orNull,
        .init("symbol", .text), .init("decimals", .integer),
        .init(
          "validators",
          .list(
            .object([
              .init("key", .digest), .init("peer_id", .peerID), .init("power", .integer),
            ]))),
        .init("pending_transactions", .integer),
      ]),
    APISchema("AccountList", [.init("accounts", .list(.reference("Account")))]),
    APISchema(
      "Account",
      [
        .init("account", .digest, "The public key"), .init("peer_id", .peerID),
        .init("label", .text), .init("balance", .amount), .init("stake", .amount),
        .init("nonce", .integer, "Its transactions that blocks hold"),
        .init("next_nonce", .integer, "The nonce to sign with, those that wait counted"),
        .init("mined", .amount, "Minted for its winning segments"),
        .init("accepted", .integer, "Verdicts for it"),
        .init("rejected", .integer, "Verdicts against it"),
        .init("reputation", .number, "The mean of Beta(1 + accepted, 1 + rejected)"),
      ]),
    APISchema("BlockList", [.init("blocks", .list(.reference("BlockSummary")))]),
    APISchema("BlockSummary", blockFields),
    APISchema(
      "Block",
      blockFields + [
        .init("state_root", .digest), .init("transactions_root", .digest),
        .init("signers", .list(.peerID), "Validators whose votes made it final"),
        .init("transaction_list", .list(.reference("Transaction"))),
      ]),
    APISchema(
      "Transaction",
      [
        .init("id", .digest), .init("kind", .text), .init("sender", .digest),
        .init("sender_label", .text), .init("nonce", .integer), .init("fee", .amount),
      ]),
    APISchema(
      "Genesis",
      [
        .init("name", .text), .init("symbol", .text), .init("decimals", .integer),
        .init("chainId", .digest),
        .init(
          "accounts",
          .list(
            .object([
              .init("key", .digest), .init("balance", .amount), .init("stake", .amount),
            ]))),
        .init("validators", .list(.object([.init("key", .digest), .init("power", .text)]))),
        .init(
          "parameters",
          .object([
            .init("minimumStake", .amount), .init("slashPartsPerMillion", .integer),
            .init("treasuryPartsPerMillion", .integer), .init("flatFee", .amount),
            .init("feePartsPerMillion", .integer), .init("unbondingBlocks", .text),
          ])),
        .init("beacon", .object([.init("link", .digest), .init("count", .integer)])),
      ]),
  ]
}
