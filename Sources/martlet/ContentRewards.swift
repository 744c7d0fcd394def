import ContentNode
import Cryptography
import Ledger
import MartletClient
import Primitives

/// `content reward|rewards|review|close`: rewards of contributions, paid by the word of a reviewer.
enum ContentRewards {
  static let all = [
    Command(
      words: ["content", "reward"], summary: "offer a reward for registered content",
      positionals: ["CID"],
      options: [
        Option(name: "reviewer", value: "PEER", summary: "who checks it: not its owner"),
        Option(name: "reward", value: "TOKENS", summary: "what its owner gets if it is accepted"),
        Option(name: "bonus", value: "TOKENS", summary: "and above that for full quality"),
        Option(name: "review-price", value: "TOKENS", summary: "what the reviewer gets"),
        Option(
          name: "blocks", value: "N",
          summary: "how long it stands before anybody may close it (default 10000)"),
      ] + LedgerAccess.options,
      details: ["The money leaves this home's account at once and waits for the review."],
      example: "martlet content reward CID --reviewer 12D3KooW… --reward 5", run: offer),
    Command(
      words: ["content", "rewards"], summary: "open rewards that this home pays, reviews or earns",
      options: LedgerAccess.options, example: "martlet content rewards", run: list),
    Command(
      words: ["content", "review"], summary: "accept or refuse a contribution as its reviewer",
      positionals: ["OFFER"],
      options: [
        Option(name: "quality", value: "Q", summary: "accept it: its quality from 0 to 1"),
        Option(name: "refuse", summary: "refuse it: its owner gets nothing"),
      ] + LedgerAccess.options,
      example: "martlet content review OFFER --quality 0.8", run: review),
    Command(
      words: ["content", "close"],
      summary: "give back what an offer still holds, of a reward or a storage deal",
      positionals: ["OFFER"], options: LedgerAccess.options,
      details: [
        "A reward after its time; a storage deal before it is accepted, after its end, or as its",
        "provider.",
      ],
      example: "martlet content close OFFER", run: close),
  ]

  private static let blocksUsual = 10_000
  private static let blocksMax = 1 << 32

  @Sendable private static func offer(_ arguments: Arguments) async throws {
    let blocks = try arguments.integer("blocks", in: 1...blocksMax) ?? blocksUsual
    let terms = try terms(arguments)
    let (offer, id) = try await LedgerAccess.with(arguments) { ledger, client in
      let offer = try await submit(terms, standing: blocks, to: ledger, client)
      return (offer, offer.id(payer: ledger.account))
    }
    let escrow = try offer.escrow()
    let json: JSONValue = [
      "offer": .string("\(id)"), "escrow": .string(escrow.baseUnitsText),
      "deadline_height": JSONValue(offer.deadline),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      "\(id)  \(escrow) wait for the review of \(offer.reviewer.peerID)"
    }
  }

  /// What is offered; its deadline follows from the chain's height.
  private static func terms(_ arguments: Arguments) throws -> RewardOffer {
    RewardOffer(
      name: try LedgerAccess.newName(),
      content: try LedgerAccess.content(arguments.positionals[0]),
      reviewer: try LedgerAccess.account(arguments.required("reviewer")),
      reward: try LedgerAccess.requiredAmount("reward", arguments),
      bonus: try LedgerAccess.amount("bonus", arguments) ?? .zero,
      reviewPrice: try LedgerAccess.amount("review-price", arguments) ?? .zero, deadline: 0)
  }

  private static func submit(
    _ terms: RewardOffer, standing blocks: Int, to ledger: CoordinatorLedger,
    _ client: NetworkClient
  ) async throws -> RewardOffer {
    let status = try await client.ledgerStatus()
    var offer = terms
    offer.deadline = UInt64(clamping: status["height"]?.integer ?? 0) + UInt64(blocks)
    _ = try await ledger.submit(.reward(.offer(offer)))
    return offer
  }

  @Sendable private static func list(_ arguments: Arguments) async throws {
    let rewards = try await LedgerAccess.with(arguments) { ledger, client in
      try await pages("rewards") {
        try await client.rewards(of: Hex.encode(ledger.account.bytes), after: $0)
      }
    }
    Output.result(["rewards": .array(rewards)], asJSON: arguments.isJSON) {
      let rows = rewards.map { view in
        [
          SessionText.text(view, "offer"), LedgerAccess.tokens(view, "reward"),
          LedgerAccess.tokens(view, "bonus"), SessionText.text(view, "deadline_height"),
          SessionText.text(view, "cid"),
        ]
      }
      return TextTable.lines(["OFFER", "REWARD", "BONUS", "UNTIL", "CID"], rows)
        .joined(separator: "\n")
    }
  }

  /// Pages of a list that are read: 6,400 offers.
  private static let pagesMax = 64

  /// Reads a list page by page.
  static func pages(
    _ name: String, _ read: (_ after: String?) async throws -> JSONValue
  ) async throws -> [JSONValue] {
    var all: [JSONValue] = []
    for _ in 0..<pagesMax {
      let page = try await read(all.last?["offer"]?.text)[name]?.elements ?? []
      guard !page.isEmpty else { return all }
      all += page
    }
    return all
  }

  @Sendable private static func review(_ arguments: Arguments) async throws {
    let id = try LedgerAccess.offer(arguments.positionals[0])
    let quality = try arguments.number("quality", in: 0...1)
    guard (quality == nil) == arguments.flags.contains("refuse") else {
      throw CommandFailure.usage("give either --quality or --refuse")
    }
    let millionths = quality.map { UInt32(($0 * Double(LedgerParameters.whole)).rounded()) }
    let review = ContributionReview(offer: id, qualityPartsPerMillion: millionths)
    let transaction = try await LedgerAccess.with(arguments) { ledger, _ in
      try await ledger.submit(.reward(.review(review)))
    }
    let json: JSONValue = [
      "offer": .string("\(id)"), "accepted": .bool(quality != nil),
      "transaction": .string(transaction.hex),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      "\(id)  \(quality == nil ? "refused" : "accepted")"
    }
  }

  @Sendable private static func close(_ arguments: Arguments) async throws {
    let id = try LedgerAccess.offer(arguments.positionals[0])
    let refund = try await LedgerAccess.with(arguments) { ledger, _ -> Amount in
      if let deal = try await ledger.deal(id)?.deal {
        _ = try await ledger.submit(.storage(.close(id)))
        return deal.escrow
      }
      guard let reward = try await ledger.reward(id) else { throw LedgerError.unknownOffer(id) }
      _ = try await ledger.submit(.reward(.close(id)))
      return reward.escrow
    }
    let json: JSONValue = ["offer": .string("\(id)"), "refund": .string(refund.baseUnitsText)]
    Output.result(json, asJSON: arguments.isJSON) { "\(id)  \(refund) went back to its payer" }
  }
}
