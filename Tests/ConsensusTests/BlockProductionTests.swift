import Consensus
import Cryptography
import Ledger
import Primitives
import Testing

@Suite("When a block is sealed")
struct BlockProductionTests {
  private let start = Tick(nanoseconds: 1_000)

  /// A machine with a committed job of `clients` clients, and the chain it follows.
  private func opened(clients: UInt32) throws -> (BlockProductionMachine, SealedChain) {
    var chain = try SealedChain()
    try chain.seal([chain.sign(.submitJob(chain.submission(clients: clients)), by: chain.client)])
    return (BlockProductionMachine(resumingAt: chain.state), chain)
  }

  @Test("an ordinary transaction waits one second for company")
  func interval() throws {
    let chain = try SealedChain()
    var machine = BlockProductionMachine(resumingAt: chain.state)
    #expect(machine.nextDeadline == nil)
    let transfer = try chain.sign(
      .transfer(to: chain.worker.publicKey, amount: .tokens(1)), by: chain.client)
    #expect(machine.handle(.admitted(transfer, now: start)).isEmpty)
    let deadline = start.advanced(by: .seconds(1))
    #expect(machine.nextDeadline == deadline)
    #expect(machine.handle(.tick(now: start.advanced(by: .milliseconds(999)))).isEmpty)
    #expect(machine.handle(.tick(now: deadline)) == [.seal(.interval)])
    #expect(machine.nextDeadline == nil)
    #expect(machine.handle(.tick(now: deadline.advanced(by: .seconds(5)))).isEmpty)
  }

  @Test("an empty mempool seals nothing")
  func idle() throws {
    let chain = try SealedChain()
    var machine = BlockProductionMachine(resumingAt: chain.state)
    #expect(machine.handle(.tick(now: start.advanced(by: .seconds(100)))).isEmpty)
  }

  @Test("a job, a settlement and a closing are sealed at once")
  func orders() throws {
    let chain = try SealedChain()
    for body: TransactionBody in [
      .submitJob(chain.submission()), chain.settlement(), .closeJob(chain.job),
    ] {
      var machine = BlockProductionMachine(resumingAt: chain.state)
      let transaction = Transaction(
        signing: body, chainID: chain.state.chainID, nonce: 0, key: chain.client)
      #expect(machine.handle(.admitted(transaction, now: start)) == [.seal(.orderPending)])
    }
  }

  @Test("a storage challenge waits for the interval, then the link follows at once")
  func storageChallenge() throws {
    var chain = try SealedChain()
    var machine = BlockProductionMachine(resumingAt: chain.state)
    let offer = StorageOffer(
      name: .zero, content: ContentID(codec: .raw, digest: .zero),
      provider: chain.client.publicKey, root: .zero, size: 1, pay: .tokens(1), epochs: 1,
      epochBlocks: 20, proofBlocks: 10, samples: 1)
    let id = offer.id(payer: chain.client.publicKey)
    try chain.seal([chain.sign(.storage(.offer(offer)), by: chain.client)])
    try chain.seal([chain.sign(.storage(.accept(id)), by: chain.client)])
    let challenge = try chain.sign(.storage(.challenge(id)), by: chain.client)
    #expect(machine.handle(.admitted(challenge, now: start)).isEmpty)
    let block = try chain.seal([challenge]).block
    #expect(machine.handle(.committed(block, waiting: 0, now: start)) == [.seal(.beaconDue)])
    #expect(try chain.seal().block.header.beaconLink != nil)
  }

  @Test("the last commitment of a round seals, then the link follows, then the last verdict seals")
  func wholeRound() throws {
    var (machine, chain) = try opened(clients: 2)
    let first = try chain.sign(chain.commitment(chain.work()), by: chain.worker)
    #expect(machine.handle(.admitted(first, now: start)).isEmpty)
    let second = Transaction(
      signing: chain.commitment(chain.work(client: 1)), chainID: chain.state.chainID, nonce: 1,
      key: chain.worker)
    #expect(machine.handle(.admitted(second, now: start)) == [.seal(.commitmentsComplete)])
    let commits = try chain.seal([first, second]).block
    #expect(
      machine.handle(.committed(commits, waiting: 0, now: start)) == [.seal(.beaconDue)])
    let early = try chain.sign(chain.verdict(chain.work()), by: chain.validators[0])
    #expect(machine.handle(.admitted(early, now: start)).isEmpty)
    let link = try chain.seal().block
    #expect(link.header.beaconLink != nil)
    #expect(machine.handle(.committed(link, waiting: 1, now: start)).isEmpty)
    let last = Transaction(
      signing: chain.verdict(chain.work(client: 1)), chainID: chain.state.chainID, nonce: 1,
      key: chain.validators[0])
    #expect(machine.handle(.admitted(last, now: start)) == [.seal(.verdictsComplete)])
    let verdicts = try chain.seal([early, last]).block
    #expect(machine.handle(.committed(verdicts, waiting: 0, now: start)).isEmpty)
    #expect(machine.nextDeadline == nil)
  }

  @Test("verdicts that came before the link are sealed right after it")
  func earlyVerdict() throws {
    var (machine, chain) = try opened(clients: 1)
    let commit = try chain.sign(chain.commitment(chain.work()), by: chain.worker)
    #expect(machine.handle(.admitted(commit, now: start)) == [.seal(.commitmentsComplete)])
    let commits = try chain.seal([commit]).block
    #expect(machine.handle(.committed(commits, waiting: 0, now: start)) == [.seal(.beaconDue)])
    let verdict = try chain.sign(chain.verdict(chain.work()), by: chain.validators[0])
    #expect(machine.handle(.admitted(verdict, now: start)).isEmpty)
    let link = try chain.seal().block
    #expect(
      machine.handle(.committed(link, waiting: 1, now: start)) == [.seal(.verdictsComplete)])
  }

  @Test("after a rejection the new attempt of that client alone completes the round")
  func reassignment() throws {
    var (machine, chain) = try opened(clients: 2)
    for client: UInt32 in 0..<2 {
      let commit = try chain.sign(
        chain.commitment(chain.work(client: client)), by: chain.worker)
      _ = machine.handle(.admitted(commit, now: start))
      let block = try chain.seal([commit]).block
      _ = machine.handle(.committed(block, waiting: 0, now: start))
    }
    let link = try chain.seal().block
    _ = machine.handle(.committed(link, waiting: 0, now: start))
    for (client, outcome) in [(0, .rejected(.segmentDiffers)), (1, .accepted)]
      as [(UInt32, VerdictOutcome)]
    {
      let verdict = try chain.sign(
        chain.verdict(chain.work(client: client), outcome), by: chain.validators[0])
      _ = machine.handle(.admitted(verdict, now: start))
      let block = try chain.seal([verdict]).block
      _ = machine.handle(.committed(block, waiting: 0, now: start))
    }
    let again = try chain.sign(
      chain.commitment(chain.work(client: 0, attempt: 1)), by: chain.worker)
    #expect(machine.handle(.admitted(again, now: start)) == [.seal(.commitmentsComplete)])
  }

  @Test("the acceptance of one of two attempts completes the verdicts")
  func lostRace() throws {
    var (machine, chain) = try opened(clients: 1)
    for attempt: UInt32 in 0..<2 {
      let commit = try chain.sign(
        chain.commitment(chain.work(attempt: attempt)), by: chain.worker)
      _ = machine.handle(.admitted(commit, now: start))
      let block = try chain.seal([commit]).block
      _ = machine.handle(.committed(block, waiting: 0, now: start))
    }
    let link = try chain.seal().block
    _ = machine.handle(.committed(link, waiting: 0, now: start))
    let verdict = try chain.sign(chain.verdict(chain.work()), by: chain.validators[0])
    #expect(machine.handle(.admitted(verdict, now: start)) == [.seal(.verdictsComplete)])
  }

  @Test("a machine that starts on a chain with fresh commitments reveals the link first")
  func resume() throws {
    var (_, chain) = try opened(clients: 1)
    try chain.seal([chain.sign(chain.commitment(chain.work()), by: chain.worker)])
    var machine = BlockProductionMachine(resumingAt: chain.state)
    #expect(machine.handle(.tick(now: start)) == [.seal(.beaconDue)])
    #expect(machine.handle(.sealingFailed(waiting: 0, now: start)).isEmpty)
    let later = start.advanced(by: .seconds(1))
    #expect(machine.nextDeadline == later)
    #expect(machine.handle(.tick(now: later)) == [.seal(.beaconDue)])
    let link = try chain.seal().block
    _ = machine.handle(.committed(link, waiting: 0, now: later))
    let verdict = try chain.sign(chain.verdict(chain.work()), by: chain.validators[0])
    #expect(machine.handle(.admitted(verdict, now: later)) == [.seal(.verdictsComplete)])
  }
}
