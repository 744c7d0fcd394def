internal import Cryptography
internal import Networking
internal import Primitives

extension APIRoutes {
  /// Blocks of one answer; a page of a dashboard shows twenty.
  static let blocksMax = 100
  private static let blocksUsual = 20

  static let network: [APIRoute] = [
    APIRoute(
      .get, base + "/nodes", .read,
      APIOperation(
        id: "listNodes", tag: "network", summary: "Every node that is or was connected",
        answer: .json("NodeList"))
    ) { call in
      .json(["nodes": await call.coordinator.nodeViews])
    },
    APIRoute(
      .get, base + "/jobs", .read,
      APIOperation(
        id: "listJobs", tag: "network", summary: "The sessions' jobs on the ledger",
        answer: .json("JobList"))
    ) { call in
      .json(["jobs": await call.coordinator.jobViews])
    },
  ]

  static let ledger: [APIRoute] = [
    APIRoute(
      .get, base + "/ledger/status", .read,
      APIOperation(
        id: "getLedger", tag: "ledger", summary: "Height, supply and validators",
        answer: .json("Ledger"))
    ) { call in
      .json(await call.coordinator.ledgerStatus)
    },
    APIRoute(
      .get, base + "/ledger/genesis", .read,
      APIOperation(
        id: "getGenesis", tag: "ledger", summary: "The chain's beginning, as in genesis.json",
        answer: .json("Genesis"))
    ) { call in
      .json(await call.coordinator.genesisJSON)
    },
    APIRoute(
      .get, base + "/ledger/accounts", .read,
      APIOperation(
        id: "listAccounts", tag: "ledger", summary: "Every account that ever held something",
        answer: .json("AccountList"))
    ) { call in
      .json(["accounts": await call.coordinator.accountViews])
    },
    APIRoute(
      .get, base + "/ledger/accounts/{account}", .read,
      APIOperation(
        id: "getAccount", tag: "ledger",
        summary: "One account, by its public key in hexadecimal or its peer id",
        answer: .json("Account"), errors: [400])
    ) { call in
      .json(await call.coordinator.view(ofAccount: try key(call.text("account"))))
    },
    APIRoute(
      .get, base + "/ledger/blocks", .read,
      APIOperation(
        id: "listBlocks", tag: "ledger", summary: "Blocks, the newest first",
        parameters: [
          .init(name: "limit", summary: "At most this many, up to 100", isInteger: true),
          .init(name: "from", summary: "The highest block of the answer", isInteger: true),
        ],
        answer: .json("BlockList"), errors: [400])
    ) { call in
      let limit = try call.query("limit", max: blocksMax) ?? blocksUsual
      let from = try call.query("from", max: Int.max)
      return .json([
        "blocks": .array(
          try await call.coordinator.blockViews(
            downFrom: from.map { UInt64($0) }, limit: limit))
      ])
    },
    APIRoute(
      .get, base + "/ledger/blocks/{height}", .read,
      APIOperation(
        id: "getBlock", tag: "ledger", summary: "One block with its transactions",
        answer: .json("Block"), errors: [400, 404])
    ) { call in
      let height = UInt64(try call.number("height", max: Int.max))
      guard let block = try await call.coordinator.blockView(at: height) else {
        throw APIError.unknown(
          "block", "\(height)", hint: "the newest height is in /api/v1/ledger/status")
      }
      return .json(block)
    },
  ]

  static func key(_ text: String) throws(APIError) -> PublicKey {
    if let bytes = try? Hex.decode(text), let key = try? PublicKey(bytes: bytes) { return key }
    if let key = (try? PeerID(text))?.publicKey { return key }
    throw .malformed(
      "account", text, expected: "a public key of 64 hexadecimal digits or a peer id")
  }
}
