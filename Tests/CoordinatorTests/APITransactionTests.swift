import Cryptography
import Ledger
import Networking
import Persistence
import Primitives
import Testing

@testable import Coordinator

@Suite("REST of transactions", .serialized)
struct APITransactionTests {
  static let path = Sample.api + "/ledger/transactions"

  @Test("a signed transaction is taken once, and its id says which block holds it")
  func transfer() async throws {
    let fixture = try APIFixture(workers: 1)
    let key = try fixture.home.key(named: "identity")
    let genesis = try fixture.home.genesis()
    let other = try SigningKey(seed: Bytes(repeating: 7, count: 32)).publicKey
    try await fixture.run { target in
      let transaction = try Self.signed(
        .transfer(to: other, amount: .tokens(3)), nonce: 0, genesis, key)
      let taken = try await target.submit(transaction)
      #expect(taken.status == 202)
      #expect(taken.headers["Location"] == Self.path + "/\(transaction.id.hex)")
      let json = try #require(taken.json)
      #expect(SchemaCheck.faults(in: json, "TransactionStatus") == [])
      #expect(json["id"]?.text == transaction.id.hex)
      #expect(json["state"]?.text != "refused")
      let included = try await target.outcome(of: transaction.id)
      #expect(included["state"]?.text == "included")
      let height = try #require(included["height"]?.integer)
      let block = try await target.send(.get, Sample.api + "/ledger/blocks/\(height)")
      let ids = block.json?["transaction_list"]?.elements?.compactMap { $0["id"]?.text }
      #expect(ids?.contains(transaction.id.hex) == true)
      let account = Sample.api + "/ledger/accounts/\(Hex.encode(other.bytes))"
      let balance = try await target.send(.get, account)
      #expect(balance.json?["balance"]?.text == Amount.tokens(3).baseUnitsText)
      // The same bytes again are no fault and no second payment.
      let again = try await target.submit(transaction)
      #expect(again.status == 202)
      #expect(again.json?["height"]?.integer == height)
      #expect(try await target.send(.get, account).json == balance.json)
    }
  }

  @Test("transactions wait where no validator is, and the next nonce counts them")
  func waiting() async throws {
    let fixture = try APIFixture()
    let key = try fixture.home.key(named: "identity")
    let genesis = try fixture.home.genesis()
    try await fixture.run { target in
      let account = Sample.api + "/ledger/accounts/\(Hex.encode(key.publicKey.bytes))"
      for nonce in 0..<3 {
        let before = try await target.send(.get, account)
        #expect(before.json?["next_nonce"]?.integer == Int64(nonce))
        #expect(before.json?["nonce"]?.integer == 0)
        let transaction = try Self.signed(
          .stake(amount: .tokens(1)), nonce: UInt64(nonce), genesis, key)
        let taken = try await target.submit(transaction)
        #expect(taken.json?["state"]?.text == "pending")
        let state = try await target.send(.get, Self.path + "/\(transaction.id.hex)")
        #expect(state.json == taken.json)
      }
      let ahead = try await target.submit(
        Self.signed(.stake(amount: .tokens(1)), nonce: 9, genesis, key))
      #expect(ahead.status == 409)
      #expect(ahead.code == "nonce_too_high")
      let taken = try await target.submit(
        Self.signed(.stake(amount: .tokens(2)), nonce: 1, genesis, key))
      #expect(taken.status == 409)
      #expect(taken.code == "replayed_transaction")
    }
  }

  @Test("what is wrong with a transaction has a status, a code and a hint")
  func refusals() async throws {
    let fixture = try APIFixture()
    let key = try fixture.home.key(named: "identity")
    let poor = try SigningKey(seed: Bytes(repeating: 8, count: 32))
    let genesis = try fixture.home.genesis()
    let good = try Self.signed(.stake(amount: .tokens(1)), nonce: 0, genesis, key)
    try await fixture.run { target in
      func expect(_ answer: Answer, _ status: Int, _ code: String) {
        #expect(answer.status == status, "\(answer.text)")
        #expect(answer.code == code, "\(answer.text)")
        #expect(answer.json?["hint"]?.text?.isEmpty == false)
      }
      func post(_ bytes: Bytes, key: String? = nil) async throws -> Answer {
        try await target.send(.post, Self.path, key: key ?? target.key, body: .bytes(bytes))
      }
      let keyless = try await target.send(
        .post, Self.path, body: .bytes(good.encoded()))
      expect(keyless, 401, "missing_key")
      expect(try await post([]), 422, "invalid_value")
      expect(try await post(good.encoded() + [0]), 422, "invalid_value")
      expect(try await post(Bytes(good.encoded().dropLast())), 422, "invalid_value")
      var forged = good.encoded()
      let signature = Bytes(good.signature.bytes.prefix(8))
      let place = try #require(
        forged.indices.first { Bytes(forged[$0...].prefix(8)) == signature })
      forged[place] ^= 1
      expect(try await post(forged), 422, "bad_signature")
      expect(
        try await post(Bytes(repeating: 0, count: LedgerLimits.transactionBytesMax + 1)), 413,
        "body_too_large")
      expect(
        try await target.submit(
          Self.signed(.stake(amount: .tokens(1)), nonce: 0, genesis, poor)), 422,
        "insufficient_balance")
      let other = Transaction(
        signing: .stake(amount: .tokens(1)), chainID: .zero, nonce: 0, fee: .tokens(1), key: key)
      expect(try await target.submit(other), 422, "wrong_chain")
      let cheap = Transaction(
        signing: .stake(amount: .tokens(1)), chainID: genesis.chainID, nonce: 0, key: key)
      expect(try await target.submit(cheap), 422, "fee_too_low")
      let unknown = ContentID(codec: .raw, digest: .zero)
      expect(
        try await target.submit(
          Self.signed(
            .content(.recordAccess(ContentAccess(content: unknown, price: .zero))), nonce: 0,
            genesis, key)), 404, "unknown_content")
      let zero = String(repeating: "0", count: 64)
      expect(try await target.send(.get, Self.path + "/\(zero)"), 404, "unknown_transaction")
      expect(try await target.send(.get, Self.path + "/nothing"), 400, "malformed_id")
    }
  }

  @Test("what was acknowledged waits on after a restart, and its nonce stays taken")
  func restart() async throws {
    let fixture = try APIFixture()
    defer { fixture.remove() }
    let key = try fixture.home.key(named: "identity")
    let genesis = try fixture.home.genesis()
    let transaction = try Self.signed(.stake(amount: .tokens(1)), nonce: 0, genesis, key)
    let first = fixture.coordinator
    let taken = try await first.takeTransaction(transaction.encoded())
    #expect(taken["state"]?.text == "pending")
    await first.log.close()
    await first.blocks.close()
    await first.content.store.close()
    let (_, second) = try APIFixture.coordinator(fixture.home)
    #expect(await second.view(ofTransaction: transaction.id) == taken)
    #expect(try await second.takeTransaction(transaction.encoded()) == taken)
    #expect(await second.view(ofAccount: key.publicKey)["next_nonce"]?.integer == 1)
  }

  static func signed(
    _ body: TransactionBody, nonce: UInt64, _ genesis: Genesis, _ key: SigningKey
  ) throws -> Transaction {
    Transaction(
      signing: body, chainID: genesis.chainID, nonce: nonce,
      fee: try genesis.parameters.fee(for: body), key: key)
  }
}

extension APITarget {
  /// Hands in a transaction with the right key.
  func submit(_ transaction: Transaction) async throws -> Answer {
    try await send(
      .post, APITransactionTests.path, key: key, body: .bytes(transaction.encoded()))
  }

  /// Waits until a transaction no longer waits.
  func outcome(of id: Digest) async throws -> JSONValue {
    for _ in 0..<600 {
      let answer = try await send(.get, APITransactionTests.path + "/\(id.hex)")
      if let json = answer.json, json["state"]?.text != "pending" { return json }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw SocketError.closed
  }
}
