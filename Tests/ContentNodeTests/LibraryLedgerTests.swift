import ContentNode
import ContentStore
import Cryptography
import Ledger
import Persistence
import Primitives
import Testing

@Suite("A library and the ledger")
struct LibraryLedgerTests {
  @Test("own contents are registered, parents first, with the shares that parents ask for")
  func registration() async throws {
    let world = try LibraryWorld()
    let key = try LibraryWorld.key(1)
    let ledger = try LocalLedger(key: key, funding: [key])
    let library = try world.library()
    let base = try await library.storeModel(
      path: world.file("base", LibraryWorld.model("base")),
      description(
        "Base", at: 5, terms: ContentTerms(price: .tokens(2), royaltyPartsPerMillion: 300_000))
    ).content
    // The child is older by its uploader's clock, and its parent is registered first all the same.
    let tuned = try await library.storeModel(
      path: world.file("tuned", LibraryWorld.model("tuned")),
      description("Tuned", parents: [base], at: 9, terms: ContentTerms(price: .tokens(10)))
    ).content
    let result = try await library.settle(on: ledger, priceMax: .zero)
    #expect(result.registered == [base, tuned])
    let id = try #require(ContentID(tuned))
    let record = try #require(await ledger.record(of: id))
    #expect(record.owner == library.owner)
    #expect(record.registration.parents.map(\.sharePartsPerMillion) == [300_000])
    #expect(record.registration.record?.bytes == library.entry(of: tuned)?.recordCID.bytes)
    #expect(try await library.settle(on: ledger, priceMax: .zero) == LibrarySettlement())
    let parts = try await library.calculateRoyalties(tuned, accesses: 10, on: ledger)
    #expect(parts.map(\.amount) == [.tokens(70), .tokens(30)])
  }

  @Test("the node's own accesses are owed, paid once, and split")
  func accesses() async throws {
    let creators = try LibraryWorld()
    let readers = try LibraryWorld()
    let creator = try LibraryWorld.key(1)
    let reader = try LibraryWorld.key(2)
    let makerLedger = try LocalLedger(key: creator, funding: [creator, reader])
    let maker = try creators.library()
    let bytes = LibraryWorld.model("m")
    let model = try await maker.storeModel(
      path: creators.file("m", bytes),
      description("M", terms: ContentTerms(price: .tokens(3))))
    _ = try await maker.settle(on: makerLedger, priceMax: .zero)
    // The reader's node has the content and its record from the creator's.
    let record = try creators.store.block(model.record)
    _ = try ContentAdder(store: readers.store).addBlocking(path: creators.file("m", bytes))
    try await readers.store.put([ContentBlock(verifying: record, as: model.record)])
    try await readers.store.pin(model.record, .direct, name: ContentLibrary.recordPinName)
    let library = try readers.library(key: 2)
    for _ in 0..<2 {
      let retrieved = try await library.retrieveWithProvenance(
        model.content, reader: reader.publicKey, nowMilliseconds: 1)
      #expect(retrieved.bytes == bytes)
    }
    _ = try await library.retrieveWithProvenance(model.content, reader: nil, nowMilliseconds: 1)
    #expect(library.debts.map(\.accesses) == [2])
    let ledger = ReaderLedger(ledger: makerLedger, key: reader)
    let dear = try await library.settle(on: ledger, priceMax: .tokens(2))
    #expect(dear.left == [model.content: "an access costs 3"])
    let before = await makerLedger.balance(creator)
    let settled = try await library.settle(on: ledger, priceMax: .tokens(3))
    #expect(settled.paid == [model.content: 2])
    #expect(try await makerLedger.balance(creator).subtracting(before) == .tokens(6))
    #expect(library.debts.isEmpty)
    #expect(try await library.settle(on: ledger, priceMax: .tokens(3)) == LibrarySettlement())
  }

  @Test("a refused payment stays owed; a lost answer is never paid twice")
  func refusals() async throws {
    let creators = try LibraryWorld()
    let creator = try LibraryWorld.key(1)
    let poor = try LibraryWorld.key(3)
    let makerLedger = try LocalLedger(key: creator, funding: [creator])
    let maker = try creators.library()
    let model = try await maker.storeModel(
      path: creators.file("m", LibraryWorld.model("m")),
      description("M", terms: ContentTerms(price: .tokens(3))))
    _ = try await maker.settle(on: makerLedger, priceMax: .zero)
    maker.close()
    let library = try creators.library(key: 3)
    try await library.trackAccess(
      model.content, reader: poor.publicKey, byteCount: 1, nowMilliseconds: 1)
    let refused = try await library.settle(
      on: ReaderLedger(ledger: makerLedger, key: poor), priceMax: .tokens(9))
    #expect(refused.left.keys.contains(model.content))
    #expect(library.debts.map(\.accesses) == [1])
    let lost = try await library.settle(
      on: ReaderLedger(ledger: makerLedger, key: poor, losesAnswers: true),
      priceMax: .tokens(9))
    #expect(lost.left.keys.contains(model.content))
    #expect(library.debts.isEmpty)
  }

  @Test("what certainly is not on the ledger stays owed, what may be is never paid again")
  func openOrders() async throws {
    let world = try LibraryWorld()
    let creator = try LibraryWorld.key(1)
    let reader = try LibraryWorld.key(3)
    let ledger = try LocalLedger(key: creator, funding: [creator, reader])
    let maker = try world.library()
    let model = try await maker.storeModel(
      path: world.file("m", LibraryWorld.model("m")),
      description("M", terms: ContentTerms(price: .tokens(3))))
    _ = try await maker.settle(on: ledger, priceMax: .zero)
    maker.close()
    let library = try world.library(key: 3)
    try await library.trackAccess(
      model.content, reader: reader.publicKey, byteCount: 1, nowMilliseconds: 1)
    let undone: [OrderError] = [
      .refused(code: "fee_too_low", reason: "the fee is too low", hint: ""),
      .notSent(reason: "nobody answers"), .otherChain(expected: .zero, found: .zero),
    ]
    for failure in undone {
      let settled = try await library.settle(
        on: ReaderLedger(ledger: ledger, key: reader, failure: failure), priceMax: .tokens(9))
      #expect(settled.left == [model.content: failure.description])
      #expect(library.debts.map(\.accesses) == [1])
    }
    let open = OrderError.notInTime(transaction: .zero, seconds: 60)
    let settled = try await library.settle(
      on: ReaderLedger(ledger: ledger, key: reader, failure: open), priceMax: .tokens(9))
    #expect(settled.left == [model.content: open.description])
    #expect(library.debts.isEmpty)
  }

  @Test("a contribution is rewarded out of a budget after somebody else's review")
  func reward() async throws {
    let world = try LibraryWorld()
    let creator = try LibraryWorld.key(1)
    let payer = try LibraryWorld.key(2)
    let reviewer = try LibraryWorld.key(3)
    let ledger = try LocalLedger(key: creator, funding: [creator, payer, reviewer])
    let library = try world.library()
    let model = try await library.storeModel(
      path: world.file("m", LibraryWorld.model("m")), description("M")
    ).content
    let payers = ReaderLedger(ledger: ledger, key: payer)
    library.close()
    let buying = try world.library(key: 2)
    func offer(_ id: ContentID) -> RewardOffer {
      RewardOffer(
        name: .zero, content: id, reviewer: reviewer.publicKey, reward: .tokens(5),
        deadline: 100)
    }
    await #expect(throws: LibraryError.self) {
      try await buying.rewardContribution(model, offer, on: payers)
    }
    buying.close()
    let again = try world.library()
    _ = try await again.settle(on: ledger, priceMax: .zero)
    again.close()
    let buyer = try world.library(key: 2)
    let id = try await buyer.rewardContribution(model, offer, on: payers)
    let before = await ledger.balance(creator)
    try await ledger.submit(
      .reward(.review(ContributionReview(offer: id, qualityPartsPerMillion: 0))), by: reviewer)
    #expect(try await ledger.balance(creator).subtracting(before) == .tokens(5))
  }
}

/// The same ledger for another account.
struct ReaderLedger: ContentLedger {
  struct AnswerLost: Error {}

  let ledger: LocalLedger
  let key: SigningKey
  var losesAnswers = false
  var failure: OrderError?

  func record(of id: ContentID) async throws -> ContentRecord? { await ledger.record(of: id) }

  func royalties(of id: ContentID, accesses: UInt32) async throws -> [RoyaltyPart] {
    try await ledger.royalties(of: id, accesses: accesses)
  }

  func submit(_ body: TransactionBody) async throws -> Digest {
    if losesAnswers { throw AnswerLost() }
    if let failure { throw failure }
    return try await ledger.submit(body, by: key)
  }
}
