import ContentStore
import Coordinator
import Cryptography
import Ledger
import Networking
import Persistence
import Primitives
import Testing

@Suite("REST of content on the ledger", .serialized)
struct APIContentLedgerTests {
  private static let ledger = Sample.api + "/ledger"

  /// Hands orders in one after the other and waits for each block.
  private struct Orders: Sendable {
    let target: APITarget
    let genesis: Genesis

    func submit(_ body: TransactionBody, nonce: UInt64, by key: SigningKey) async throws {
      let transaction = try APITransactionTests.signed(body, nonce: nonce, genesis, key)
      let taken = try await target.submit(transaction)
      #expect(taken.status == 202, "\(taken.text)")
      let outcome = try await target.outcome(of: transaction.id)
      #expect(outcome["state"]?.text == "included", "\(outcome)")
    }

    func read(_ path: String, _ schema: String) async throws -> JSONValue {
      let answer = try await target.send(.get, APIContentLedgerTests.ledger + path)
      let json = try #require(answer.json)
      #expect(SchemaCheck.faults(in: json, schema) == [], "\(answer.text)")
      return json
    }
  }

  private static func content(_ text: String) -> (id: ContentID, cid: String) {
    let id = ContentID(codec: .raw, digest: SHA256.hash(Bytes(text.utf8)))
    return (id, (try? CID(decoding: id.bytes))?.description ?? "")
  }

  private func decoded<Value: CanonicalCodable>(
    _ json: JSONValue, as type: Value.Type
  ) throws -> Value {
    try Value(decoding: Hex.decode(try #require(json["encoded"]?.text)))
  }

  @Test("registered content, its royalties and an open reward are read as the ledger has them")
  func registered() async throws {
    let fixture = try APIFixture(workers: 1)
    let owner = try fixture.home.key(named: "identity")
    let payer = try fixture.home.key(named: "client")
    let genesis = try fixture.home.genesis()
    let (base, tuned) = (Self.content("base"), Self.content("tuned"))
    try await fixture.run { target in
      let orders = Orders(target: target, genesis: genesis)
      try await orders.submit(
        .content(
          .register(
            ContentRegistration(
              content: base.id, purpose: .dataset, size: 4,
              terms: ContentTerms(price: .tokens(1), royaltyPartsPerMillion: 250_000)))),
        nonce: 0, by: owner)
      let registration = ContentRegistration(
        content: tuned.id, purpose: .model, record: base.id,
        parents: [ContentParent(content: base.id, sharePartsPerMillion: 250_000)],
        licence: "MIT", size: 5, sha256: .zero, terms: ContentTerms(price: .tokens(4)))
      try await orders.submit(.content(.register(registration)), nonce: 0, by: payer)
      let json = try await orders.read("/contents/\(tuned.cid)", "RegisteredContent")
      let record = try decoded(json, as: ContentRecord.self)
      #expect(record.registration == registration)
      #expect(record.owner == payer.publicKey)
      #expect(json["cid"]?.text == tuned.cid)
      #expect(json["owner"]?.text == Hex.encode(payer.publicKey.bytes))
      #expect(json["parents"]?.elements?.first?["cid"]?.text == base.cid)
      let royalties = try await orders.read(
        "/contents/\(tuned.cid)/royalties?accesses=10", "Royalties")
      #expect(
        royalties["parts"]?.elements?.compactMap { $0["amount"]?.text }
          == [Amount.tokens(30), .tokens(10)].map(\.baseUnitsText))
      let offer = RewardOffer(
        name: .zero, content: base.id, reviewer: genesis.validators[0].key, reward: .tokens(2),
        deadline: .max)
      try await orders.submit(.reward(.offer(offer)), nonce: 1, by: payer)
      let id = offer.id(payer: payer.publicKey)
      let reward = try await orders.read("/rewards/\(id)", "Reward")
      #expect(try decoded(reward, as: ContributionReward.self).terms == offer)
      for account in [payer.publicKey, owner.publicKey, offer.reviewer] {
        let list = try await orders.read("/rewards?account=\(account.peerID)", "RewardList")
        #expect(list["rewards"]?.elements == [reward])
      }
      let behind = try await orders.read("/rewards?after=\(id)", "RewardList")
      #expect(behind["rewards"]?.elements == [])
    }
  }

  @Test("a deal shows its challenge, and the link that draws the pieces once it is revealed")
  func deal() async throws {
    let fixture = try APIFixture(workers: 1)
    let payer = try fixture.home.key(named: "client")
    let provider = try fixture.home.key(named: "identity")
    let genesis = try fixture.home.genesis()
    var pieces = StoragePieces()
    pieces.append(Sample.csv)
    let offer = StorageOffer(
      name: .zero, content: Self.content("kept").id, provider: provider.publicKey,
      root: pieces.root, size: pieces.size, pay: .tokens(1), epochs: 2, epochBlocks: 10,
      proofBlocks: 10, samples: 3)
    let id = offer.id(payer: payer.publicKey)
    try await fixture.run { [pieces] target in
      let orders = Orders(target: target, genesis: genesis)
      try await orders.submit(.storage(.offer(offer)), nonce: 0, by: payer)
      let offered = try await orders.read("/deals/\(id)", "Deal")
      #expect(offered["start_height"] == .null)
      #expect(offered["challenge"] == .null)
      try await orders.submit(.storage(.accept(id)), nonce: 0, by: provider)
      try await orders.submit(.storage(.challenge(id)), nonce: 1, by: provider)
      var challenge: JSONValue = .null
      for _ in 0..<200 {
        challenge = try await orders.read("/deals/\(id)", "Deal")["challenge"] ?? .null
        if challenge["beacon_link"]?.text != nil { break }
        try await Task.sleep(for: .milliseconds(50))
      }
      let link = try Digest(hex: try #require(challenge["beacon_link"]?.text))
      #expect(challenge["epoch"]?.integer == 0)
      let drawn = offer.drawn(by: link, deal: id, epoch: 0)
      let proof = pieces.proof(of: drawn.map { Int($0) }) {
        Bytes(Sample.csv[Int($0.lowerBound)..<Int($0.upperBound)])
      }
      try await orders.submit(.storage(.prove(id, proof)), nonce: 2, by: provider)
      let list = try await orders.read(
        "/deals?account=\(Hex.encode(provider.publicKey.bytes))", "DealList")
      let deal = try decoded(try #require(list["deals"]?.elements?.first), as: StorageDeal.self)
      #expect(deal.provenEpochs == 1)
      #expect(deal.escrow == .tokens(1))
      let strangers = try await orders.read(
        "/deals?account=\(genesis.validators[0].key.peerID)", "DealList")
      #expect(strangers["deals"]?.elements == [])
    }
  }

  @Test("what is not on the ledger, and what has no name there, is said")
  func refusals() async throws {
    let zero = String(repeating: "0", count: 64)
    let unknown = Self.content("unknown").cid
    let reads: [(String, Int, String)] = [
      ("/contents/\(unknown)", 404, "unknown_content"),
      ("/contents/\(unknown)/royalties", 404, "unknown_content"),
      ("/contents/nonsense", 400, "malformed_cid"),
      // A CID of dag-json, which the ledger has no name for.
      (
        "/contents/bagaaierasords4njcts6vs7qvdjfcvgnume4hqohf65zsfguprqphs3icwea", 400,
        "malformed_cid"
      ),
      ("/contents/\(unknown)/royalties?accesses=4294967296", 400, "malformed_number"),
      ("/contents/\(unknown)/royalties?accesses=-1", 400, "malformed_number"),
      ("/rewards/\(zero)", 404, "unknown_offer"), ("/rewards/x", 400, "malformed_id"),
      ("/deals/\(zero)", 404, "unknown_offer"), ("/deals?limit=101", 400, "malformed_number"),
      ("/deals?account=nobody", 400, "malformed_account"),
      ("/deals?after=7", 400, "malformed_id"),
    ]
    try await APIFixture().run { target in
      for (path, status, code) in reads {
        let answer = try await target.send(.get, Self.ledger + path)
        #expect(answer.status == status, "\(path): \(answer.text)")
        #expect(answer.code == code, "\(path)")
        #expect(answer.json?["hint"]?.text?.isEmpty == false)
      }
    }
  }
}
