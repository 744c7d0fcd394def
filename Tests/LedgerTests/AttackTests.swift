import Cryptography
import Ledger
import Primitives
import Testing

@Suite("What a cheat may try, and what it is called")
struct AttackTests {
  private func judged() throws -> (TestChain, JobID) {
    var chain = try TestChain()
    let job = try chain.openJob()
    try chain.commit(job)
    try chain.run(chain.verdict(chain.work(job, client: 0)), by: chain.validator)
    try chain.run(chain.verdict(chain.work(job, client: 1)), by: chain.validator)
    return (chain, job)
  }

  /// Runs `attack` and expects `error` and an unchanged state.
  private func expect(
    _ error: LedgerError, on chain: inout TestChain,
    _ attack: (inout TestChain) throws -> Void
  ) {
    let root = chain.state.stateRoot
    let height = chain.state.chain.height
    #expect(throws: error) { try attack(&chain) }
    #expect(chain.state.stateRoot == root)
    #expect(chain.state.chain.height == height)
  }

  @Test("a round settles once")
  func doubleSettle() throws {
    var (chain, job) = try judged()
    try chain.run(chain.settlement(job), by: chain.coordinator)
    expect(.roundNotOpen(round: 0, open: 1..<2), on: &chain) {
      try $0.run($0.settlement(job), by: $0.coordinator)
    }
  }

  @Test("one settlement cannot list a client twice")
  func clientTwice() throws {
    var (chain, job) = try judged()
    expect(.paymentMismatch(client: 0, reason: "clients are not in order"), on: &chain) {
      try $0.run($0.settlement(job, clients: [0, 0]), by: $0.coordinator)
    }
  }

  @Test("a settlement pays the job's price, not more")
  func overpayment() throws {
    var (chain, job) = try judged()
    expect(
      .paymentMismatch(client: 0, reason: "the amount is not the job's price"), on: &chain
    ) {
      try $0.run($0.settlement(job, amount: .tokens(4)), by: $0.coordinator)
    }
  }

  @Test("only the named coordinator settles")
  func foreignSettle() throws {
    var (chain, job) = try judged()
    expect(.notCoordinator, on: &chain) { try $0.run($0.settlement(job), by: $0.client) }
  }

  @Test("a verdict needs a seat in the validator set")
  func foreignVerdict() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    try chain.commit(job)
    expect(.notValidator, on: &chain) {
      try $0.run($0.verdict($0.work(job)), by: $0.workers[1])
    }
  }

  @Test("a second verdict on one attempt is refused")
  func twoVerdicts() throws {
    var (chain, job) = try judged()
    expect(.verdictExists, on: &chain) {
      try $0.run($0.verdict($0.work(job), .rejected(.notServed)), by: $0.validator)
    }
  }

  @Test("a verdict cannot come before the link that draws the samples")
  func earlyVerdict() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    try chain.run(.commitWork(chain.commitment(job)), by: chain.workers[0])
    expect(.verdictBeforeBeacon(notBefore: 4), on: &chain) {
      try $0.run($0.verdict($0.work(job)), by: $0.validator)
    }
  }

  @Test("work without stake is refused, also when the stake is unbonding")
  func commitWithoutStake() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    expect(.insufficientStake(held: .zero, needed: .tokens(50)), on: &chain) {
      try $0.run(.commitWork($0.commitment(job)), by: $0.client)
    }
    try chain.run(.unstake(amount: .tokens(51)), by: chain.workers[0])
    expect(.insufficientStake(held: .tokens(49), needed: .tokens(50)), on: &chain) {
      try $0.run(.commitWork($0.commitment(job)), by: $0.workers[0])
    }
  }

  @Test("an attempt is committed once, and an accepted client-round takes no more")
  func doubleCommit() throws {
    var (chain, job) = try judged()
    expect(.slotAlreadyAccepted, on: &chain) {
      try $0.run(.commitWork($0.commitment(job, attempt: 7)), by: $0.workers[3])
    }
    try chain.run(.commitWork(chain.commitment(job, round: 1)), by: chain.workers[3])
    expect(.commitmentExists, on: &chain) {
      try $0.run(.commitWork($0.commitment(job, round: 1)), by: $0.workers[3])
    }
  }

  @Test("forged evidence takes nobody's stake")
  func forgedSlash() throws {
    var (chain, job) = try judged()
    let proof = MerkleTree.proof(index: 5, in: TestChain.recordLeaves)
    let lie = SlashEvidence.segment(
      claimed: TestChain.digest("never signed"), proof: proof,
      recomputed: TestChain.digest("truth"))
    let reason = "the digest is not under the signed work root"
    expect(.forgedEvidence(reason: reason), on: &chain) {
      try $0.run(.slash($0.work(job), lie), by: $0.validator)
    }
    let equal = SlashEvidence.segment(
      claimed: TestChain.segmentRoots[2], proof: proof, recomputed: TestChain.segmentRoots[2])
    expect(
      .forgedEvidence(reason: "the recomputed root equals the claimed one"), on: &chain
    ) {
      try $0.run(.slash($0.work(job), equal), by: $0.validator)
    }
    let bound = TestChain.unboundEvidence
    expect(.forgedEvidence(reason: "the expected update is the committed one"), on: &chain) {
      try $0.run(.slash($0.work(job), bound), by: $0.validator)
    }
    let head = SlashEvidence.segment(
      claimed: TestChain.finalParameters,
      proof: MerkleTree.proof(index: 1, in: TestChain.recordLeaves),
      recomputed: TestChain.digest("truth"))
    expect(.forgedEvidence(reason: "the proof is of another part of the record"), on: &chain) {
      try $0.run(.slash($0.work(job), head), by: $0.validator)
    }
    expect(.notValidator, on: &chain) {
      try $0.run(.slash($0.work(job), $0.segmentEvidence()), by: $0.coordinator)
    }
  }

  @Test("a slashed worker is not paid, its stake is split and nothing appears or vanishes")
  func slashedIsNotPaid() throws {
    var (chain, job) = try judged()
    let worker = chain.workers[0].publicKey
    try chain.run(.slash(chain.work(job), chain.segmentEvidence()), by: chain.validator)
    #expect(chain.state.account(worker).stake == .tokens(50))
    #expect(
      chain.state.account(Genesis.treasury).balance
        == Amount(baseUnits: Amount.tokens(50).baseUnits / 4))
    #expect(chain.state.chain.burned == Amount(baseUnits: Amount.tokens(50).baseUnits / 4 * 3))
    #expect(try chain.state.countedSupply() == chain.state.supply)
    expect(.paymentMismatch(client: 0, reason: "no work was accepted"), on: &chain) {
      try $0.run($0.settlement(job), by: $0.coordinator)
    }
    expect(.alreadySlashed, on: &chain) {
      try $0.run(.slash($0.work(job), $0.segmentEvidence()), by: $0.validator)
    }
    try chain.run(chain.settlement(job, clients: [1]), by: chain.coordinator)
    try chain.run(.closeJob(job), by: chain.coordinator)
    #expect(chain.state.account(worker).balance == .tokens(5))
  }

  @Test("a true record with another update costs stake, and withdrawing it first does not help")
  func slashUnbonding() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    let lie = chain.commitment(job, update: TestChain.digest("other update"))
    try chain.run(.commitWork(lie), by: chain.workers[0])
    try chain.run(.unstake(amount: .tokens(100)), by: chain.workers[0])
    try chain.run(.slash(chain.work(job), TestChain.unboundEvidence), by: chain.validator)
    let account = chain.state.account(chain.workers[0].publicKey)
    #expect(account.stake == .zero)
    #expect(account.unbonding.map(\.amount) == [.tokens(50)])
  }

  @Test("amounts that overflow are refused")
  func overflow() throws {
    var chain = try TestChain()
    let most = Amount(baseUnits: .max)
    let fee = try chain.state.fee(for: .transfer(to: chain.client.publicKey, amount: most))
    #expect(fee == Amount(baseUnits: .max / 1_000))
    var submission = chain.submission()
    submission.workPrice = most
    let body = TransactionBody.submitJob(submission)
    expect(.amountOverflow, on: &chain) {
      try $0.seal([$0.sign(body, by: $0.client, fee: .tokens(1))])
    }
    expect(
      .insufficientBalance(held: .tokens(5), needed: Amount(baseUnits: .max / 1_000)), on: &chain
    ) {
      try $0.run(.transfer(to: $0.client.publicKey, amount: most), by: $0.workers[0])
    }
  }

  @Test("a fee below the rule is refused")
  func cheapFee() throws {
    var chain = try TestChain()
    let needed = Amount(baseUnits: Amount.tokens(2).baseUnits / 1_000)
    expect(.feeTooLow(offered: .zero, needed: needed), on: &chain) {
      let body = TransactionBody.transfer(to: $0.client.publicKey, amount: .tokens(2))
      try $0.seal([$0.sign(body, by: $0.workers[0], fee: .zero)])
    }
  }

  @Test("a replayed transaction, a gap, another chain and a forged signature are named")
  func replay() throws {
    var chain = try TestChain()
    let body = TransactionBody.transfer(to: chain.client.publicKey, amount: .tokens(1))
    let transfer = try chain.sign(body, by: chain.workers[0])
    try chain.seal([transfer])
    expect(.replayed(nonce: 0, next: 1), on: &chain) { try $0.seal([transfer]) }
    expect(.nonceTooHigh(nonce: 2, next: 1), on: &chain) {
      try $0.seal([$0.sign(body, by: $0.workers[0], ahead: 1)])
    }
    let foreign = Transaction(
      signing: body, chainID: TestChain.digest("other chain"), nonce: 1, fee: .tokens(1),
      key: chain.workers[0])
    expect(.wrongChain(expected: chain.state.chainID, found: foreign.chainID), on: &chain) {
      try $0.seal([foreign])
    }
    let forged = try Self.forged(chain.sign(body, by: chain.workers[0]))
    #expect(throws: LedgerError.badSignature) { try chain.state.validate(forged) }
  }

  /// The same order with the first byte of the signature changed.
  private static func forged(_ transaction: Transaction) throws -> Transaction {
    var bytes = transaction.signature.bytes
    bytes[0] ^= 1
    guard case .map(var fields) = transaction.canonicalValue else {
      preconditionFailure("a transaction is a map")
    }
    fields["signature"] = .bytes(bytes)
    return try Transaction(canonicalValue: .map(fields))
  }

  @Test("a job cannot be submitted twice, and nobody can take its name before its owner")
  func jobNames() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    expect(.jobExists(job), on: &chain) { try $0.run(.submitJob($0.submission()), by: $0.client) }
    let other = chain.submission().jobID(submitter: chain.workers[0].publicKey)
    #expect(other != job)
  }
}
