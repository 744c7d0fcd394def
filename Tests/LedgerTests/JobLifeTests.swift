import Cryptography
import Ledger
import Primitives
import Testing

@Suite("A job from escrow to settlement")
struct JobLifeTests {
  @Test("accepted work is paid from the escrow, each party its price, and the rest goes back")
  func wholeJob() throws {
    var chain = try TestChain()
    let before = chain.state.account(chain.client.publicKey).balance
    let job = try chain.openJob()
    let escrow = try chain.submission().escrow()
    #expect(escrow == .tokens(20))
    #expect(chain.state.jobs[job]?.escrow == escrow)
    for round: UInt32 in 0..<2 {
      try chain.commit(job, round: round)
      try chain.seal([
        chain.sign(chain.verdict(chain.work(job, round: round, client: 0)), by: chain.validator),
        chain.sign(
          chain.verdict(chain.work(job, round: round, client: 1)), by: chain.validator, ahead: 1),
      ])
      try chain.run(chain.settlement(job, round: round), by: chain.coordinator)
    }
    #expect(chain.state.jobs[job]?.escrow == .zero)
    try chain.run(.closeJob(job), by: chain.coordinator)
    #expect(chain.state.jobs.isEmpty)
    #expect(chain.state.slots.isEmpty)
    for worker in chain.workers.prefix(2) {
      #expect(chain.state.account(worker.publicKey).balance == .tokens(5 + 2 * 3))
      #expect(chain.state.account(worker.publicKey).accepted == 2)
    }
    #expect(chain.state.account(chain.evaluator.publicKey).balance == .tokens(4))
    let fee = try chain.state.fee(for: .submitJob(chain.submission()))
    #expect(fee == Amount(baseUnits: Amount.tokens(20).baseUnits / 1_000))
    #expect(
      try chain.state.account(chain.client.publicKey).balance
        == before.subtracting(.tokens(20)).subtracting(fee))
    #expect(
      try chain.state.account(chain.validator.publicKey).balance
        == Amount.tokens(14).adding(fee))
    #expect(try chain.state.countedSupply() == chain.state.supply)
  }

  @Test("work that was accepted but not listed in a settlement is paid when the job is closed")
  func closePaysWhatIsOwed() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    try chain.commit(job)
    try chain.run(chain.verdict(chain.work(job, client: 0)), by: chain.validator)
    try chain.run(chain.verdict(chain.work(job, client: 1)), by: chain.validator)
    try chain.run(chain.settlement(job, clients: [0]), by: chain.coordinator)
    #expect(chain.state.account(chain.workers[1].publicKey).balance == .tokens(5))
    try chain.run(.closeJob(job), by: chain.client)
    #expect(chain.state.account(chain.workers[1].publicKey).balance == .tokens(8))
    #expect(chain.state.account(chain.workers[0].publicKey).balance == .tokens(8))
  }

  @Test("a refused attempt is followed by another one, and only that is paid")
  func reassignment() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    try chain.commit(job)
    try chain.run(
      chain.verdict(chain.work(job, client: 0), .rejected(.segmentDiffers)), by: chain.validator)
    try chain.run(chain.verdict(chain.work(job, client: 1)), by: chain.validator)
    try chain.run(.commitWork(chain.commitment(job, attempt: 1)), by: chain.workers[2])
    try chain.seal()
    try chain.run(chain.verdict(chain.work(job, attempt: 1, worker: 2)), by: chain.validator)
    let payments = [
      Payment(client: 0, worker: chain.workers[2].publicKey, amount: TestChain.workPrice),
      Payment(client: 1, worker: chain.workers[1].publicKey, amount: TestChain.workPrice),
    ]
    try chain.run(
      .settle(
        Settlement(
          job: job, round: 0, aggregate: TestChain.digest("aggregate"), payments: payments)),
      by: chain.coordinator)
    #expect(chain.state.account(chain.workers[0].publicKey).balance == .tokens(5))
    #expect(chain.state.account(chain.workers[2].publicKey).balance == .tokens(8))
    #expect(chain.state.account(chain.workers[0].publicKey).rejected == 1)
  }

  @Test("anybody may close a job from its deadline on, only its parties before")
  func deadline() throws {
    var chain = try TestChain()
    let job = try chain.openJob(deadline: 5)
    #expect(throws: LedgerError.mayNotClose(deadline: 5, unjudged: 0)) {
      try chain.run(.closeJob(job), by: chain.workers[3])
    }
    try chain.seal()
    try chain.seal()
    try chain.seal()
    #expect(chain.state.chain.height == 4)
    try chain.run(.closeJob(job), by: chain.workers[3])
    #expect(chain.state.jobs.isEmpty)
  }

  @Test("a party may not close a job early while a commitment waits for its verdict")
  func earlyClose() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    try chain.commit(job)
    #expect(throws: LedgerError.mayNotClose(deadline: 1_000, unjudged: 2)) {
      try chain.run(.closeJob(job), by: chain.client)
    }
  }

  @Test("an attempt that lost the race needs no verdict, unless the winner is slashed")
  func lostRace() throws {
    var chain = try TestChain()
    let job = try chain.openJob(rounds: 1, clients: 1)
    try chain.seal([
      chain.sign(.commitWork(chain.commitment(job)), by: chain.workers[0]),
      chain.sign(.commitWork(chain.commitment(job, attempt: 1)), by: chain.workers[1]),
    ])
    try chain.seal()
    #expect(chain.state.jobs[job]?.unjudged == 2)
    try chain.run(chain.verdict(chain.work(job)), by: chain.validator)
    #expect(chain.state.jobs[job]?.unjudged == 0)
    #expect(throws: LedgerError.slotAlreadyAccepted) {
      try chain.run(chain.verdict(chain.work(job, attempt: 1, worker: 1)), by: chain.validator)
    }
    try chain.run(.slash(chain.work(job), chain.segmentEvidence()), by: chain.validator)
    #expect(chain.state.jobs[job]?.unjudged == 1)
    try chain.run(chain.verdict(chain.work(job, attempt: 1, worker: 1)), by: chain.validator)
    try chain.run(.closeJob(job), by: chain.coordinator)
    #expect(chain.state.account(chain.workers[0].publicKey).balance == .tokens(5))
    #expect(chain.state.account(chain.workers[1].publicKey).balance == .tokens(8))
  }

  @Test("the next round's commitments are taken before the last settlement, later ones are not")
  func openRounds() throws {
    var chain = try TestChain()
    let job = try chain.openJob(rounds: 4)
    try chain.commit(job, round: 1)
    #expect(throws: LedgerError.roundNotOpen(round: 2, open: 0..<2)) {
      try chain.commit(job, round: 2)
    }
  }

  @Test("unstaked tokens come back after the unbonding blocks, with the owner's next transaction")
  func unbonding() throws {
    var chain = try TestChain()
    let worker = chain.workers[0]
    try chain.run(.unstake(amount: .tokens(60)), by: worker)
    #expect(chain.state.account(worker.publicKey).stake == .tokens(40))
    #expect(chain.state.account(worker.publicKey).unbonding.count == 1)
    try chain.seal()
    try chain.run(.stake(amount: .tokens(1)), by: worker)
    #expect(chain.state.account(worker.publicKey).unbonding.count == 1)
    try chain.run(.stake(amount: .tokens(1)), by: worker)
    let account = chain.state.account(worker.publicKey)
    #expect(account.unbonding.isEmpty)
    let fees = Amount(baseUnits: 3_000)
    #expect(try account.balance == Amount.tokens(5 + 60 - 2).subtracting(fees))
  }
}
