import ContentNode
import ContentStore
import Cryptography
import Ledger
import MartletClient
import Persistence
import Primitives
import Telemetry

/// `content storage …`: pay for kept content by proofs of retrievability.
enum ContentStorageDeals {
  static let all = [
    Command(
      words: ["content", "storage", "offer"],
      summary: "offer pay to a node that keeps stored content", positionals: ["CID"],
      options: [
        Option(name: "provider", value: "PEER", summary: "who is to keep it"),
        Option(name: "pay", value: "TOKENS", summary: "what each proven epoch pays"),
        Option(name: "epochs", value: "N", summary: "how many epochs (default 30)"),
        Option(
          name: "epoch-blocks", value: "N", summary: "blocks of an epoch (default 1000)"),
        Option(
          name: "proof-blocks", value: "N", summary: "blocks for a proof, from 10 (default 100)"),
        Option(name: "samples", value: "N", summary: "pieces of a proof, 1 to 16 (default 8)"),
      ] + LedgerAccess.options,
      details: [
        "The pay of all epochs leaves this home's account at once; what is not earned comes back.",
        "The provider must have the content: it reads all of it before it accepts.",
      ],
      example: "martlet content storage offer CID --provider 12D3KooW… --pay 0.1", run: offer),
    Command(
      words: ["content", "storage", "accept"],
      summary: "accept an offer after comparing what is stored here with it",
      positionals: ["OFFER"], options: LedgerAccess.options,
      details: ["`content serve --coordinator URL` then answers the challenges."],
      example: "martlet content storage accept OFFER", run: accept),
    Command(
      words: ["content", "storage", "list"], summary: "offers and deals of this home's account",
      options: LedgerAccess.options, example: "martlet content storage list", run: list),
    Command(
      words: ["content", "storage", "challenge"],
      summary: "ask for this epoch's proof, as its payer or provider", positionals: ["OFFER"],
      options: LedgerAccess.options,
      details: ["Costs the least fee, so that a provider does not choose the moment alone."],
      example: "martlet content storage challenge OFFER", run: challenge),
    Command(
      words: ["content", "storage", "prove"],
      summary: "prove this epoch of every deal that this home keeps", options: LedgerAccess.options,
      details: ["For a timer; `content serve --coordinator URL` does the same all the time."],
      example: "martlet content storage prove", run: prove),
  ]

  @Sendable private static func offer(_ arguments: Arguments) async throws {
    let provider = try LedgerAccess.account(arguments.required("provider"))
    let pay = try LedgerAccess.requiredAmount("pay", arguments)
    let times = try Times(arguments)
    let (content, root, size) = try await ContentTransfer.reading(
      arguments.positionals[0], arguments
    ) { cid, store in
      guard let id = ContentID(cid) else { throw LibraryError.noLedgerName(cid) }
      let pieces = try StorageContent(store: store).piecesBlocking(of: id)
      return (id, pieces.root, pieces.size)
    }
    let offer = StorageOffer(
      name: try LedgerAccess.newName(), content: content, provider: provider, root: root,
      size: size, pay: pay, epochs: times.epochs, epochBlocks: times.epochBlocks,
      proofBlocks: times.proofBlocks, samples: times.samples)
    let payer = try await LedgerAccess.with(arguments) { ledger, _ in
      _ = try await ledger.submit(.storage(.offer(offer)))
      return ledger.account
    }
    let escrow = try offer.escrow()
    let json: JSONValue = [
      "offer": .string("\(offer.id(payer: payer))"), "root": .string(root.hex),
      "size": JSONValue(size), "escrow": .string(escrow.baseUnitsText),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      "\(offer.id(payer: payer))  \(size) bytes for \(Plural.text(Int(offer.epochs), "epoch")), "
        + "\(escrow) in escrow"
    }
  }

  /// How long a deal lasts and how it is asked about.
  private struct Times {
    let epochs: UInt32
    let epochBlocks: UInt32
    let proofBlocks: UInt32
    let samples: UInt32

    init(_ arguments: Arguments) throws {
      func number(_ name: String, _ range: ClosedRange<UInt32>, usual: UInt32) throws -> UInt32 {
        let bounds = Int(range.lowerBound)...Int(range.upperBound)
        return try arguments.integer(name, in: bounds).map { UInt32($0) } ?? usual
      }
      epochs = try number("epochs", 1...StorageLimits.epochsMax, usual: 30)
      proofBlocks = try number("proof-blocks", StorageLimits.proofBlocks, usual: 100)
      samples = try number("samples", 1...StorageLimits.samplesMax, usual: 8)
      epochBlocks = try number(
        "epoch-blocks", proofBlocks...StorageLimits.epochBlocksMax,
        usual: max(1_000, proofBlocks))
    }
  }

  @Sendable private static func accept(_ arguments: Arguments) async throws {
    let id = try LedgerAccess.offer(arguments.positionals[0])
    let terms = try await LedgerAccess.with(arguments) { ledger, _ in
      guard let deal = try await ledger.deal(id)?.deal else { throw LedgerError.unknownOffer(id) }
      guard deal.terms.provider == ledger.account else { throw LedgerError.notProvider }
      try await check(deal.terms, arguments)
      _ = try await ledger.submit(.storage(.accept(id)))
      return deal.terms
    }
    let json: JSONValue = [
      "offer": .string("\(id)"), "cid": .string(ContentPayments.cid(terms.content)),
      "size": JSONValue(terms.size), "pay": .string(terms.pay.baseUnitsText),
      "epochs": JSONValue(terms.epochs),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      "\(id)  accepted: \(terms.pay) for each of \(Plural.text(Int(terms.epochs), "epoch"))"
    }
  }

  @Sendable private static func challenge(_ arguments: Arguments) async throws {
    let id = try LedgerAccess.offer(arguments.positionals[0])
    let transaction = try await LedgerAccess.with(arguments) { ledger, _ in
      try await ledger.submit(.storage(.challenge(id)))
    }
    let json: JSONValue = ["offer": .string("\(id)"), "transaction": .string(transaction.hex)]
    Output.result(json, asJSON: arguments.isJSON) { "\(id)  challenged" }
  }

  /// Throws unless all that the offer names is stored here.
  private static func check(_ terms: StorageOffer, _ arguments: Arguments) async throws {
    let path = ContentPayments.cid(terms.content)
    let (root, size) = try await ContentTransfer.reading(path, arguments) { _, store in
      let pieces = try StorageContent(store: store).piecesBlocking(of: terms.content)
      return (pieces.root, pieces.size)
    }
    guard root == terms.root, size == terms.size else {
      throw StorageContentError.otherBytes(terms.content, root: root, size: size)
    }
  }

  @Sendable private static func list(_ arguments: Arguments) async throws {
    let (deals, own) = try await LedgerAccess.with(arguments) { ledger, client in
      let own = Hex.encode(ledger.account.bytes)
      let deals = try await ContentRewards.pages("deals") {
        try await client.deals(of: own, after: $0)
      }
      return (deals, own)
    }
    Output.result(["deals": .array(deals)], asJSON: arguments.isJSON) {
      let rows = deals.map { view in
        [
          SessionText.text(view, "offer"), view["provider"]?.text == own ? "keep" : "pay",
          state(view),
          "\(SessionText.text(view, "proven_epochs"))/\(SessionText.text(view, "epochs"))",
          LedgerAccess.tokens(view, "pay"), SessionText.text(view, "cid"),
        ]
      }
      return TextTable.lines(["OFFER", "PART", "STATE", "PROVEN", "PAY", "CID"], rows)
        .joined(separator: "\n")
    }
  }

  private static func state(_ view: JSONValue) -> String {
    guard view["start_height"]?.integer != nil else { return "offered" }
    if let challenge = view["challenge"], challenge["proven"]?.bool == false { return "challenged" }
    return view["epoch"]?.integer != nil ? "running" : "over"
  }

  // MARK: Proving

  /// Between two looks while a challenge waits for its link and its block.
  private static let pause: Duration = .milliseconds(250)
  /// Looks of one run: blocks come once a second, and a proof takes three.
  private static let looksMax = 240

  @Sendable private static func prove(_ arguments: Arguments) async throws {
    let store = try ContentCommands.localStore(arguments)
    defer { store.close() }
    let news = Lock<[StorageNews]>([])
    try await LedgerAccess.with(arguments) { ledger, _ in
      let keeper = StorageKeeper(ledger: ledger, store: store) { item in
        news.withLock { $0.append(item) }
      }
      for _ in 0..<looksMax {
        if try await keeper.look() > 0 { continue }
        guard try await keeper.isWaiting() else { return }
        try await Task.sleep(for: pause)
      }
    }
    let all = news.withLock { $0 }
    let proven = all.compactMap { item in
      if case .proven(let id, let pay) = item { (id: id, pay: pay) } else { nil }
    }
    let faults = all.compactMap(fault)
    let json: JSONValue = [
      "proven": .array(
        proven.map { ["offer": .string("\($0.id)"), "pay": .string($0.pay.baseUnitsText)] }),
      "failed": .array(
        faults.map { ["offer": .string("\($0.id)"), "reason": .string($0.reason)] }),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      let lines =
        proven.map { "\($0.id)  proven, \($0.pay) earned" }
        + faults.map { "\($0.id)  \($0.reason)" }
      return lines.isEmpty ? "nothing to prove in this epoch" : lines.joined(separator: "\n")
    }
    guard !faults.isEmpty else { return }
    throw CommandFailure(
      "\(Plural.text(faults.count, "proof")) failed",
      hint: "each line says why; `content fsck` finds what is damaged")
  }

  private static func fault(_ item: StorageNews) -> (id: OfferID, reason: String)? {
    switch item {
    case .failed(let id, let reason), .checked(let id, false, let reason): (id, reason)
    case .checked, .challenged, .proven, .unreachable: nil
    }
  }

  /// Says on standard error what a keeper did.
  static func note(_ item: StorageNews) {
    switch item {
    case .checked(_, true, _): break
    case .checked(let id, false, let reason):
      Output.note("warning: the storage deal \(id) cannot be kept: \(reason)")
    case .challenged(let id): Output.note("the storage deal \(id) is challenged")
    case .proven(let id, let pay): Output.note("the storage deal \(id) is proven: \(pay) earned")
    case .failed(let id, let reason): Output.note("warning: the storage deal \(id): \(reason)")
    case .unreachable(let reason): Output.note("warning: deals are not looked at: \(reason)")
    }
  }
}
