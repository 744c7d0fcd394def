import ContentNode
import ContentStore
import Cryptography
import Ledger
import MartletClient
import Networking
import Persistence
import Primitives

/// `content settle|royalties|retrieve`: accesses, and what is paid for them.
enum ContentPayments {
  static let all = [
    Command(
      words: ["content", "retrieve"],
      summary: "write a stored model or data set with its provenance, and note the access",
      positionals: ["CID"],
      options: [Option(name: "output", value: "PATH", short: "o", summary: "where to write it")],
      details: ["An access to what others made is owed from then on: see `content settle`."],
      example: "martlet content retrieve CID -o model.safetensors", run: retrieve),
    Command(
      words: ["content", "settle"],
      summary: "register what this home made, and pay for what it read",
      options: [
        Option(
          name: "price-max", value: "TOKENS",
          summary: "accesses that cost more stay owed (default 0)")
      ] + LedgerAccess.options,
      details: ["Exits with 1 where something was left, and says why."],
      example: "martlet content settle --price-max 0.5", run: settle),
    Command(
      words: ["content", "royalties"], summary: "who gets what of accesses at the price of now",
      positionals: ["CID"],
      options: [
        Option(name: "accesses", value: "N", summary: "so many accesses (default 1)")
      ] + LedgerAccess.options,
      example: "martlet content royalties CID --accesses 10", run: royalties),
    Command(
      words: ["content", "terms"], summary: "change what registered content costs from now on",
      positionals: ["CID"],
      options: [
        Option(name: "price", value: "TOKENS", summary: "what an access costs"),
        Option(
          name: "royalty", value: "PERCENT", summary: "what is made of it from now on owes this"),
      ] + LedgerAccess.options,
      details: ["What was made of it before keeps the share that it agreed to."],
      example: "martlet content terms CID --price 0.5", run: changeTerms),
  ]

  @Sendable private static func retrieve(_ arguments: Arguments) async throws {
    let output = try arguments.required("output")
    try await withLibrary(arguments) { library in
      let cid = try ContentCommands.resolve(arguments.positionals[0], in: library.store)
      guard let entry = library.entry(of: cid) else { throw LibraryError.undescribed(cid) }
      let owed = { library.debts.first { $0.content == cid.asVersion1 }?.accesses ?? 0 }
      let content = try await library.retrieveWithProvenance(
        cid, reader: library.owner, nowMilliseconds: WallClock.milliseconds())
      try AtomicFile.write(content.bytes, to: output)
      let json: JSONValue = [
        "path": .string(output), "cid": .string("\(cid)"), "size": JSONValue(content.bytes.count),
        "creator": .string("\(entry.statement.uploader.peerID)"),
        "sources": JSONValue(content.provenance.count - 1), "cut": .bool(content.isCut),
        "owed_accesses": JSONValue(owed()),
      ]
      Output.result(json, asJSON: arguments.isJSON) {
        let accesses = owed()
        return "\(output)  \(content.bytes.count) bytes by \(entry.statement.uploader.peerID)"
          + (accesses > 0 ? "\n\(accessText(accesses)) owed" : "")
      }
    }
  }

  /// Runs `body` with the library of a home whose store nobody else has open.
  private static func withLibrary<Result>(
    _ arguments: Arguments, _ body: (ContentLibrary) async throws -> Result
  ) async throws -> Result {
    let store = try ContentCommands.localStore(arguments)
    defer { store.close() }
    let opened = OpenStore(store: store, home: Homes.selected(arguments))
    return try await opened.withLibrary(body)
  }

  private static func accessText(_ count: UInt32) -> String {
    count == 1 ? "1 access" : "\(count) accesses"
  }

  @Sendable private static func settle(_ arguments: Arguments) async throws {
    let priceMax = try LedgerAccess.amount("price-max", arguments) ?? .zero
    let settlement = try await withLibrary(arguments) { library in
      try await LedgerAccess.with(arguments) { ledger, client in
        // Asked first, so that a coordinator that is not there is one error.
        _ = try await client.ledgerStatus()
        return try await library.settle(on: ledger, priceMax: priceMax)
      }
    }
    let paid = settlement.paid.sorted { $0.key < $1.key }
    let left = settlement.left.sorted { $0.key < $1.key }
    let json: JSONValue = [
      "registered": .array(settlement.registered.map { .string("\($0)") }),
      "paid": .array(
        paid.map { ["cid": .string("\($0.key)"), "accesses": JSONValue($0.value)] }),
      "left": .array(
        left.map { ["cid": .string("\($0.key)"), "reason": .string($0.value)] }),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      let lines =
        settlement.registered.map { "\($0)  registered" }
        + paid.map { "\($0.key)  paid for \(accessText($0.value))" }
        + left.map { "\($0.key)  left: \($0.value)" }
      return lines.isEmpty ? "nothing to settle" : lines.joined(separator: "\n")
    }
    guard !left.isEmpty else { return }
    throw CommandFailure(
      "\(Plural.text(left.count, "content")) left", hint: "each line says why; try again after that"
    )
  }

  @Sendable private static func royalties(_ arguments: Arguments) async throws {
    let id = try LedgerAccess.content(arguments.positionals[0])
    let accesses = try arguments.integer("accesses", in: 0...Int(UInt32.max)) ?? 1
    let parts = try await LedgerAccess.with(arguments) { ledger, _ in
      try await ledger.royalties(of: id, accesses: UInt32(accesses))
    }
    let json: JSONValue = [
      "accesses": JSONValue(accesses),
      "parts": .array(
        parts.map {
          [
            "cid": .string(cid($0.content)), "account": .string("\($0.account.peerID)"),
            "amount": .string($0.amount.baseUnitsText),
          ]
        }),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      TextTable.lines(
        [], parts.map { [cid($0.content), "\($0.account.peerID)", "\($0.amount)"] }
      ).joined(separator: "\n")
    }
  }

  @Sendable private static func changeTerms(_ arguments: Arguments) async throws {
    let id = try LedgerAccess.content(arguments.positionals[0])
    guard arguments.text("price") != nil || arguments.text("royalty") != nil else {
      throw CommandFailure.usage("give --price, --royalty or both")
    }
    let terms = try await LedgerAccess.with(arguments) { ledger, _ in
      guard let record = try await ledger.record(of: id) else {
        throw LedgerError.unknownContent(id)
      }
      let terms = try ContentDescribing.terms(arguments, besides: record.registration.terms)
      _ = try await ledger.submit(
        .content(.changeTerms(ContentTermsChange(content: id, terms: terms))))
      return terms
    }
    let json: JSONValue = [
      "cid": .string(cid(id)), "price": .string(terms.price.baseUnitsText),
      "royalty_parts_per_million": JSONValue(terms.royaltyPartsPerMillion),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      "\(cid(id))  an access costs \(terms.price)"
    }
  }

  /// The CID as people write it.
  static func cid(_ id: ContentID) -> String {
    (try? CID(decoding: id.bytes))?.description ?? id.description
  }
}
