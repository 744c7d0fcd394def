import Cryptography
import Ledger
import Primitives
import Testing

@Suite("The mempool")
struct MempoolTests {
  private func transfer(
    _ chain: TestChain, by key: SigningKey, ahead: UInt64 = 0, tokens: UInt64 = 1
  ) throws -> Transaction {
    try chain.sign(
      .transfer(to: chain.coordinator.publicKey, amount: .tokens(tokens)), by: key, ahead: ahead)
  }

  @Test("candidates come in order of arrival, each sender's by nonce and without gaps")
  func order() throws {
    let chain = try TestChain()
    var pool = Mempool()
    let late = try transfer(chain, by: chain.client, ahead: 1)
    let other = try transfer(chain, by: chain.workers[0])
    let early = try transfer(chain, by: chain.client)
    let gap = try transfer(chain, by: chain.workers[1], ahead: 1)
    for transaction in [late, other, early, gap] {
      _ = try pool.admit(transaction, state: chain.state)
    }
    #expect(pool.candidates(state: chain.state) == [other, early, late])
    #expect(pool.candidates(state: chain.state, countMax: 1) == [other])
    #expect(pool.candidates(state: chain.state, bytesMax: 10).isEmpty)
    #expect(pool.nextNonce(of: chain.client.publicKey, in: chain.state) == 2)
    #expect(pool.nextNonce(of: chain.workers[1].publicKey, in: chain.state) == 0)
  }

  @Test("what may not wait is refused by name")
  func refusals() throws {
    let chain = try TestChain()
    var pool = Mempool()
    let first = try transfer(chain, by: chain.client)
    _ = try pool.admit(first, state: chain.state)
    #expect(throws: MempoolError.duplicate) { try pool.admit(first, state: chain.state) }
    #expect(throws: MempoolError.nonceTaken(nonce: 0)) {
      try pool.admit(transfer(chain, by: chain.client, tokens: 2), state: chain.state)
    }
    #expect(throws: MempoolError.nonceTooFarAhead(nonce: 256, next: 0)) {
      try pool.admit(transfer(chain, by: chain.client, ahead: 256), state: chain.state)
    }
    let foreign = Transaction(
      signing: .stake(amount: .tokens(1)), chainID: .zero, nonce: 0, key: chain.workers[0])
    #expect(
      throws: MempoolError.refused(.wrongChain(expected: chain.state.chainID, found: .zero))
    ) { try pool.admit(foreign, state: chain.state) }
    let stranger = TestChain.key(99)
    #expect(throws: MempoolError.unknownSender) {
      try pool.admit(transfer(chain, by: stranger, ahead: 1), state: chain.state)
    }
    let fee = Amount(baseUnits: Amount.tokens(1).baseUnits / 1_000)
    #expect(
      throws: MempoolError.refused(.insufficientBalance(held: .zero, needed: fee))
    ) { try pool.admit(transfer(chain, by: stranger), state: chain.state) }
    #expect(pool.count == 1)
  }

  @Test("a block takes out what it executed and what can never pass, and keeps what may pass later")
  func settling() throws {
    var chain = try TestChain()
    var pool = Mempool()
    let job = try chain.openJob()
    let stale = try transfer(chain, by: chain.client)
    let early = try chain.sign(chain.settlement(job, round: 1), by: chain.coordinator)
    _ = try pool.admit(stale, state: chain.state)
    _ = try pool.admit(early, state: chain.state)
    let poor = try transfer(chain, by: chain.workers[0], tokens: 3)
    _ = try pool.admit(poor, state: chain.state)
    let executed = try transfer(chain, by: chain.client, tokens: 9)
    let block = try chain.seal([executed])
    pool.settle(block, state: chain.state)
    #expect(throws: MempoolError.nonceStale(nonce: 1, next: 2)) {
      try pool.admit(stale, state: chain.state)
    }
    #expect(!pool.contains(stale.id))
    #expect(pool.contains(early.id))
    #expect(pool.contains(poor.id))
    let proposed = try chain.state.propose(
      pool.candidates(state: chain.state), proposer: chain.validator.publicKey,
      timeMilliseconds: 0, beaconLink: nil)
    #expect(proposed.block.transactions == [poor])
    #expect(proposed.refused.map(\.error) == [.roundNotOpen(round: 1, open: 0..<1)])
  }

  @Test("a crowd cannot fill more than the limit, and one sender no more than its share")
  func full() throws {
    var chain = try TestChain()
    let senders = MempoolLimits.transactionsMax / Int(MempoolLimits.perSenderMax)
    let crowd = try (0..<senders).map { number in
      try SigningKey(seed: SHA256.hash([UInt8(number), 77]).bytes)
    }
    for (number, key) in crowd.enumerated() {
      let body = TransactionBody.transfer(to: key.publicKey, amount: .tokens(1))
      try chain.seal([chain.sign(body, by: chain.client)])
      #expect(chain.state.account(key.publicKey).balance == .tokens(1), "sender \(number)")
    }
    var pool = Mempool()
    for key in crowd {
      for ahead in 0..<MempoolLimits.perSenderMax {
        let stake = try chain.sign(.stake(amount: Amount(baseUnits: 1)), by: key, ahead: ahead)
        _ = try pool.admit(stake, state: chain.state)
      }
    }
    #expect(pool.count == MempoolLimits.transactionsMax)
    #expect(throws: MempoolError.full(transactions: MempoolLimits.transactionsMax)) {
      try pool.admit(transfer(chain, by: chain.client), state: chain.state)
    }
    #expect(pool.candidates(state: chain.state).count == LedgerLimits.blockTransactionsMax)
  }

  @Test("bytes are given back")
  func bytes() throws {
    var chain = try TestChain()
    var pool = Mempool()
    let transaction = try transfer(chain, by: chain.client)
    _ = try pool.admit(transaction, state: chain.state)
    #expect(pool.byteCount == transaction.encoded().count)
    pool.settle(try chain.seal([transaction]), state: chain.state)
    #expect(pool.byteCount == 0)
    #expect(pool.count == 0)
  }
}
