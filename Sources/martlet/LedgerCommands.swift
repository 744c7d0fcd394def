import Consensus
import ContentNode
import Cryptography
import Ledger
import MartletClient
import Persistence
import Primitives

/// `ledger …`, `receipt …`.
enum LedgerCommands {
  static let all = [
    Command(
      words: ["ledger", "status"], summary: "height, supply and validators of the chain",
      options: NetworkClient.options, example: "martlet ledger status", run: status),
    Command(
      words: ["ledger", "account"], summary: "an account by public key or peer id, or all",
      positionals: ["ACCOUNT?"], options: NetworkClient.options,
      example: "martlet ledger account", run: account),
    Command(
      words: ["ledger", "block"], summary: "a block by its height", positionals: ["HEIGHT"],
      options: NetworkClient.options, example: "martlet ledger block 1", run: block),
    Command(
      words: ["ledger", "transfer"], summary: "send tokens of this home's account to another",
      positionals: ["ACCOUNT", "TOKENS"], options: NetworkClient.options,
      details: ["ACCOUNT is a peer id or a public key, TOKENS a number such as 2.5."],
      example: "martlet ledger transfer 12D3KooW… 2.5", run: transfer),
    Command(
      words: ["receipt", "get"], summary: "the proof that a client-round was paid",
      positionals: ["SESSION", "ROUND", "CLIENT"],
      options: [
        Option(name: "output", value: "FILE", short: "o", summary: "where to write it")
      ] + NetworkClient.options,
      example: "martlet receipt get SESSION 1 0 -o receipt.json", run: receipt),
    Command(
      words: ["receipt", "verify"],
      summary: "check a receipt offline: signatures, inclusion, amounts", positionals: ["FILE"],
      options: [
        Option(name: "trust", value: "GENESIS", summary: "the genesis document to trust")
      ],
      example: "martlet receipt verify receipt.json --trust genesis.json", run: verify),
  ]
  /// Receipts and genesis documents are far smaller.
  private static let fileBytesMax = 1 << 20

  @Sendable private static func status(_ arguments: Arguments) async throws {
    let view = try await NetworkClient.selected(arguments).ledgerStatus()
    Output.result(view, asJSON: arguments.isJSON) {
      """
      chain   \(SessionText.text(view, "chain_id"))
      height  \(SessionText.text(view, "height"))
      supply  \(tokens(view, "supply")) \(SessionText.text(view, "symbol"))
      beacon  \(SessionText.text(view, "beacon"))
      mined   \(SessionText.text(view, "blocks_mined")) blocks
      """
    }
  }

  @Sendable private static func account(_ arguments: Arguments) async throws {
    let client = try NetworkClient.selected(arguments)
    let views: [JSONValue]
    if let name = arguments.positionals.first {
      views = [try await client.account(name)]
    } else {
      views = try await client.accounts()
    }
    let json = arguments.positionals.isEmpty ? JSONValue.array(views) : views[0]
    Output.result(json, asJSON: arguments.isJSON) {
      views.map { view in
        "\(SessionText.text(view, "account"))  balance \(tokens(view, "balance"))"
          + "  stake \(tokens(view, "stake"))  \(SessionText.text(view, "label"))"
      }.joined(separator: "\n")
    }
  }

  @Sendable private static func transfer(_ arguments: Arguments) async throws {
    let recipient = try LedgerAccess.account(arguments.positionals[0])
    let amount = try LedgerAccess.amount(arguments.positionals[1], called: "TOKENS")
    let client = try NetworkClient.selected(arguments)
    defer { client.close() }
    let transaction = try await LedgerAccess.ledger(client, arguments).submit(
      .transfer(to: recipient, amount: amount))
    let json: JSONValue = [
      "transaction": .string(transaction.hex), "to": .string("\(recipient.peerID)"),
      "amount": .string(amount.baseUnitsText),
    ]
    Output.result(json, asJSON: arguments.isJSON) { "\(amount) to \(recipient.peerID)" }
  }

  private static func tokens(_ view: JSONValue, _ name: String) -> String {
    (view[name]?.text).flatMap { try? Amount(baseUnitsText: $0) }.map { "\($0)" } ?? "-"
  }

  @Sendable private static func block(_ arguments: Arguments) async throws {
    guard let height = UInt64(arguments.positionals[0]), height > 0 else {
      throw CommandFailure.usage(
        "`\(arguments.positionals[0])` is not a height", hint: "heights count from 1")
    }
    let view = try await NetworkClient.selected(arguments).block(height)
    Output.result(view, asJSON: arguments.isJSON) { view.text(indented: true) }
  }

  @Sendable private static func receipt(_ arguments: Arguments) async throws {
    guard let round = Int(arguments.positionals[1]), let client = Int(arguments.positionals[2])
    else {
      throw CommandFailure.usage(
        "ROUND and CLIENT are numbers", hint: "rounds count from 1, clients from 0")
    }
    let network = try NetworkClient.selected(arguments)
    let view = try await network.receipt(
      session: try await LearningCommands.session(arguments, network), round: round,
      client: client)
    guard let path = arguments.text("output") else {
      return Output.line(view.text(indented: !arguments.isJSON))
    }
    try AtomicFile.write(Bytes((view.text(indented: true) + "\n").utf8), to: path)
    Output.result(["path": .string(path)], asJSON: arguments.isJSON) { path }
  }

  @Sendable private static func verify(_ arguments: Arguments) async throws {
    let receipt = try Receipt(json: document(arguments.positionals[0]))
    let genesis = try arguments.text("trust").map { try Genesis(json: document($0)) }
    let trust: ReceiptTrust
    do {
      trust = try receipt.verify(trusting: genesis)
    } catch {
      throw CommandFailure(
        "the receipt proves nothing: \(error)", hint: "ask for it again, from another node")
    }
    let isTrusted = if case .genesis = trust { true } else { false }
    let result: JSONValue = [
      "valid": true, "trust": .string(isTrusted ? "genesis" : "self-consistent only"),
      "round": JSONValue(receipt.round + 1), "client": JSONValue(receipt.client),
      "worker": .string("\(receipt.worker.peerID)"),
      "amount": .string(receipt.amount.baseUnitsText),
    ]
    Output.result(result, asJSON: arguments.isJSON) {
      "\(isTrusted ? "valid" : "self-consistent only")  \(receipt.amount) to "
        + "\(receipt.worker.peerID) for client \(receipt.client) of round \(receipt.round + 1)"
    }
    guard isTrusted else {
      throw CommandFailure(
        "self-consistent only: nobody vouches for the validators that signed",
        hint: "give the network's genesis document with --trust", code: .refused)
    }
  }

  private static func document(_ path: String) throws -> JSONValue {
    guard let bytes = try AtomicFile.read(path, byteCountMax: fileBytesMax) else {
      throw CommandFailure("there is no file \(path)", hint: "check the path", code: .notFound)
    }
    do {
      return try JSONValue(parsing: bytes)
    } catch {
      throw CommandFailure("\(path): \(error)", hint: "it is not the file that was written")
    }
  }
}
