import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Money under random transactions")
struct ConservationTests {
  /// A random order that is often invalid: small worlds hit every rule.
  private func order(
    _ chain: TestChain, jobs: [JobID], using random: inout SplitMix64
  ) -> TransactionBody {
    let keys = chain.workers + [chain.client, chain.coordinator, chain.validator]
    let amount = Amount(baseUnits: UInt128(UInt64.random(in: 0...20, using: &random)) << 60)
    let job = jobs.randomElement(using: &random) ?? JobID(digest: .zero)
    let client = UInt32.random(in: 0..<3, using: &random)
    let round = UInt32.random(in: 0..<3, using: &random)
    let worker = Int.random(in: 0..<4, using: &random)
    let work = chain.work(job, round: round, client: client, worker: worker)
    switch Int.random(in: 0..<12, using: &random) {
    case 0:
      let recipient = keys.randomElement(using: &random) ?? chain.client
      return .transfer(to: recipient.publicKey, amount: amount)
    case 1: return .stake(amount: amount)
    case 2: return .unstake(amount: amount)
    case 3:
      let name = "session \(UInt8.random(in: 0..<8, using: &random))"
      return .submitJob(chain.submission(session: name, deadline: 200))
    case 4, 5, 6: return .commitWork(chain.commitment(job, round: round, client: client))
    case 7, 8: return chain.verdict(work)
    case 9: return .slash(work, chain.segmentEvidence())
    case 10:
      let payments = (0..<2).compactMap { client -> Payment? in
        let slot = WorkSlot(job: job, round: round, client: UInt32(client))
        return chain.state.slots[slot]?.acceptedWork.map {
          Payment(client: UInt32(client), worker: $0.worker, amount: TestChain.workPrice)
        }
      }
      return .settle(
        Settlement(job: job, round: round, aggregate: .zero, payments: payments))
    default: return .closeJob(job)
    }
  }

  private func sender(
    _ body: TransactionBody, _ chain: TestChain, using random: inout SplitMix64
  ) -> SigningKey {
    let likely: SigningKey? =
      switch body {
      case .verdict, .slash: chain.validator
      case .settle, .closeJob: chain.coordinator
      case .submitJob: chain.client
      case .transfer, .stake, .unstake, .commitWork, .content, .reward, .storage: nil
      }
    let isOdd = Int.random(in: 0..<10, using: &random) == 0
    if let likely, !isOdd { return likely }
    return chain.workers.randomElement(using: &random) ?? chain.client
  }

  @Test("supply is conserved, and proposer and follower agree", arguments: 0..<12)
  func conserved(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var chain = try TestChain()
    var kinds: Set<String> = []
    for _ in 0..<120 {
      let jobs = chain.state.jobs.keys.sorted()
      var transactions: [Transaction] = []
      for _ in 0..<Int.random(in: 0..<6, using: &random) {
        let body = order(chain, jobs: jobs, using: &random)
        let key = sender(body, chain, using: &random)
        let pending = transactions.count { $0.sender == key.publicKey }
        let fee = try chain.state.fee(for: body)
        let transaction = try chain.sign(body, by: key, ahead: UInt64(pending), fee: fee)
        let trial = try chain.state.propose(
          transactions + [transaction], proposer: chain.validator.publicKey,
          timeMilliseconds: 0,
          beaconLink: chain.state.chain.isBeaconDue
            ? chain.beacon.link(chain.state.chain.beaconIndex + 1) : nil)
        if trial.refused.isEmpty { transactions.append(transaction) }
      }
      kinds.formUnion(transactions.map(\.body.kind))
      try chain.seal(transactions)
      #expect(try chain.state.countedSupply() == chain.state.supply, "seed \(seed)")
      for (id, job) in chain.state.jobs {
        let open = chain.state.slots.filter { $0.key.job == id && $0.value.accepted == nil }
        let waiting = open.values.reduce(0) { $0 + $1.works.count { $0.outcome == nil } }
        #expect(job.unjudged == UInt64(waiting), "seed \(seed)")
      }
    }
    // A run that never got past the refusals would prove nothing.
    #expect(kinds.count >= 7, "seed \(seed) only executed \(kinds.sorted())")
  }

  @Test("the same blocks lead to the same state, whatever the order of dictionaries")
  func deterministic() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    try chain.commit(job)
    var again = try LedgerState(genesis: chain.genesis)
    for block in chain.blocks { try again.apply(block) }
    #expect(again.stateRoot == chain.state.stateRoot)
    #expect(again.accounts == chain.state.accounts)
    #expect(again.slots == chain.state.slots)
    #expect(again.jobs == chain.state.jobs)
  }
}
