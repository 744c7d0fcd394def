import ContentNode
import ContentStore
import Coordinator
import Cryptography
import Glibc
import Ledger
import MartletClient
import Networking
import Persistence
import Primitives
import Telemetry
import Testing

@Suite("Orders about content over a coordinator", .serialized)
struct CoordinatorLedgerTests {
  /// A store below the fixture's folder, gone with it.
  private static func store(_ name: String, in fixture: APIFixture) throws -> BlockStore {
    try HomeDirectory(path: "\(fixture.root)/\(name)").create()
    return try BlockStore(path: "\(fixture.root)/\(name)/content")
  }

  /// The ledger over the owner's door, or over TCP with the key.
  private static func withLedger<Result>(
    _ target: APITarget, _ key: SigningKey, chainID: Digest? = nil,
    orderMax: Duration = CoordinatorLedgerLimits.orderMax,
    _ body: (CoordinatorLedger) async throws -> Result
  ) async throws -> Result {
    try await target.withClient(.address(url: target.base, key: target.key)) { client in
      try await body(
        CoordinatorLedger(client: client, key: key, chainID: chainID, orderMax: orderMax))
    }
  }

  private static func balance(_ key: SigningKey, _ target: APITarget) async throws -> Amount {
    let account = Sample.api + "/ledger/accounts/\(Hex.encode(key.publicKey.bytes))"
    let text = try await target.send(.get, account).json?["balance"]?.text
    return try Amount(baseUnitsText: text ?? "")
  }

  /// A file that looks like safetensors.
  private static var model: Bytes {
    let header = Bytes("{\"__metadata__\":{}}".utf8)
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Bytes($0) } + header
      + Sample.bytes(40_000)
  }

  @Test("one library registers, another pays for its accesses, and the royalties arrive")
  func settlement() async throws {
    let fixture = try APIFixture(workers: 1)
    let creator = try fixture.home.key(named: "identity")
    let reader = try fixture.home.key(named: "client")
    let chainID = try fixture.home.genesis().chainID
    try await fixture.run { target in
      let path = "\(fixture.root)/model"
      try AtomicFile.write(Self.model, to: path)
      let store = try Self.store("creator", in: fixture)
      defer { store.close() }
      let library = try ContentLibrary(
        store: store, directory: "\(fixture.root)/creator", key: creator)
      defer { library.close() }
      let terms = ContentTerms(price: .tokens(3))
      let stored = try await library.storeModel(
        path: path, ContentDescription(name: "m", terms: terms, createdMilliseconds: 1))
      try await Self.withLedger(target, creator, chainID: chainID) { ledger in
        let settled = try await library.settle(on: ledger, priceMax: .zero)
        #expect(settled.registered == [stored.content], "\(settled)")
        let id = try #require(ContentID(stored.content))
        #expect(try await ledger.record(of: id)?.owner == creator.publicKey)
        #expect(
          try await library.calculateRoyalties(stored.content, accesses: 4, on: ledger)
            == [RoyaltyPart(content: id, account: creator.publicKey, amount: .tokens(12))])
      }
      let before = try await Self.balance(creator, target)
      let paid = try await Self.settleAccesses(
        of: stored, from: store, by: reader, fixture, target)
      #expect(paid == LibrarySettlementFigures(paid: 2, left: 0))
      let after = try await Self.balance(creator, target)
      #expect(try after.subtracting(before) == .tokens(6))
    }
  }

  private struct LibrarySettlementFigures: Equatable {
    let paid: UInt32
    let left: Int
  }

  /// Reads the content twice in a second home, then settles; the price was too high once before.
  private static func settleAccesses(
    of stored: DescribedContent, from source: BlockStore, by reader: SigningKey,
    _ fixture: APIFixture, _ target: APITarget
  ) async throws -> LibrarySettlementFigures {
    let store = try Self.store("reader", in: fixture)
    defer { store.close() }
    let record = try source.block(stored.record)
    _ = try ContentAdder(store: store).addBlocking(path: "\(fixture.root)/model")
    try await store.put([ContentBlock(verifying: record, as: stored.record)])
    try await store.pin(stored.record, .direct, name: ContentLibrary.recordPinName)
    let library = try ContentLibrary(
      store: store, directory: "\(fixture.root)/reader", key: reader)
    defer { library.close() }
    for _ in 0..<2 {
      let retrieved = try await library.retrieveWithProvenance(
        stored.content, reader: reader.publicKey, nowMilliseconds: 1)
      #expect(retrieved.bytes == model)
    }
    return try await withLedger(target, reader) { ledger in
      let dear = try await library.settle(on: ledger, priceMax: .tokens(2))
      #expect(dear.left == [stored.content: "an access costs 3"])
      let settled = try await library.settle(on: ledger, priceMax: .tokens(3))
      #expect(try await library.settle(on: ledger, priceMax: .tokens(3)) == LibrarySettlement())
      return LibrarySettlementFigures(
        paid: settled.paid[stored.content] ?? 0, left: settled.left.count)
    }
  }

  @Test("a provider answers the challenge of its deal from its own store, and is paid once")
  func storageDeal() async throws {
    let fixture = try APIFixture(workers: 1)
    let payer = try fixture.home.key(named: "client")
    let provider = try fixture.home.key(named: "identity")
    try await fixture.run { target in
      let path = "\(fixture.root)/file"
      try AtomicFile.write(Self.model, to: path)
      let store = try Self.store("provider", in: fixture)
      defer { store.close() }
      let cid = try ContentAdder(store: store).addBlocking(path: path).cid
      let content = try #require(ContentID(cid))
      let pieces = try StorageContent(store: store).piecesBlocking(of: content)
      #expect(pieces.size == UInt64(Self.model.count))
      let offer = StorageOffer(
        name: .zero, content: content, provider: provider.publicKey, root: pieces.root,
        size: pieces.size, pay: .tokens(2), epochs: 1, epochBlocks: 20, proofBlocks: 20,
        samples: 4)
      let id = offer.id(payer: payer.publicKey)
      try await Self.withLedger(target, payer) { ledger in
        _ = try await ledger.submit(.storage(.offer(offer)))
        #expect(try await ledger.storageStanding().deals.map(\.id) == [id])
      }
      try await Self.withLedger(target, provider) { ledger in
        _ = try await ledger.submit(.storage(.accept(id)))
        let news = Lock<[StorageNews]>([])
        let keeper = StorageKeeper(ledger: ledger, store: store) { item in
          news.withLock { $0.append(item) }
        }
        let before = try await Self.balance(provider, target)
        for _ in 0..<200 where try await ledger.deal(id)?.deal.provenEpochs == 0 {
          _ = try await keeper.look()
          try await Task.sleep(for: .milliseconds(50))
        }
        #expect(
          news.withLock { $0 } == [
            .checked(id, isWhole: true, reason: ""), .challenged(id),
            .proven(id, pay: .tokens(2)),
          ])
        #expect(try await ledger.deal(id)?.deal.escrow == .zero)
        let fee = try await ledger.fee(for: .storage(.challenge(id)))
        let after = try await Self.balance(provider, target)
        #expect(try after.adding(fee).subtracting(before) == .tokens(2))
        #expect(try await keeper.look() == 0, "an epoch is proven once")
      }
    }
  }

  @Test("refusals keep their code, and orders of several processes of one account all pass")
  func refusals() async throws {
    let fixture = try APIFixture(workers: 1)
    let key = try fixture.home.key(named: "client")
    try await fixture.run { target in
      try await Self.withLedger(target, key) { ledger async throws in
        let unknown = ContentID(codec: .raw, digest: .zero)
        #expect(try await ledger.record(of: unknown) == nil)
        #expect(try await ledger.deal(OfferID(digest: .zero)) == nil)
        #expect(try await ledger.reward(OfferID(digest: .zero)) == nil)
        await #expect(throws: LedgerError.unknownContent(unknown)) {
          try await ledger.royalties(of: unknown, accesses: 1)
        }
        let error = await #expect(throws: OrderError.self) {
          try await ledger.submit(.storage(.accept(OfferID(digest: .zero))))
        }
        guard case .refused("unknown_offer", _, _) = error else {
          Issue.record("\(String(describing: error))")
          return
        }
        #expect(error?.changesNothing == true)
      }
      // Five processes sign at the same time: nonces collide, and every order passes once.
      let ids = try await withThrowingTaskGroup(of: Digest.self) { group in
        for part in 1...5 {
          group.addTask {
            try await Self.withLedger(target, key) { ledger in
              try await ledger.submit(.stake(amount: .tokens(UInt64(part))))
            }
          }
        }
        return try await group.reduce(into: Set<Digest>()) { $0.insert($1) }
      }
      #expect(ids.count == 5)
      let account = Sample.api + "/ledger/accounts/\(Hex.encode(key.publicKey.bytes))"
      let view = try await target.send(.get, account)
      #expect(view.json?["stake"]?.text == Amount.tokens(15).baseUnitsText)
    }
  }

  @Test("an order that no block takes is said to be open; one that never left changes nothing")
  func open() async throws {
    let fixture = try APIFixture()
    let key = try fixture.home.key(named: "client")
    try await fixture.run { target in
      // No validator runs here.
      try await Self.withLedger(target, key, orderMax: .milliseconds(300)) { ledger in
        let error = await #expect(throws: OrderError.self) {
          try await ledger.submit(.stake(amount: .tokens(1)))
        }
        guard case .notInTime = error else {
          Issue.record("\(String(describing: error))")
          return
        }
        #expect(error?.changesNothing == false)
      }
      try await Self.withLedger(target, key, chainID: .zero) { ledger in
        let error = await #expect(throws: OrderError.self) {
          try await ledger.submit(.stake(amount: .tokens(1)))
        }
        guard case .otherChain = error else {
          Issue.record("\(String(describing: error))")
          return
        }
      }
      let dead = NetworkClient(.address(url: "http://127.0.0.1:1"))
      defer { dead.close() }
      let error = await #expect(throws: OrderError.self) {
        try await CoordinatorLedger(client: dead, key: key).submit(.stake(amount: .tokens(1)))
      }
      #expect(error?.changesNothing == true)
    }
  }
}
