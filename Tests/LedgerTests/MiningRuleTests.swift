import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Mining on the ledger")
struct MiningRuleTests {
  private static let rule: DifficultyRule? = try? DifficultyRule(
    initial: MiningTarget(leadingZeroBits: 4), spacingMilliseconds: 1, window: 2, factorMax: 4)

  private func chain(mining: Bool = true) throws -> TestChain {
    let rule = try #require(Self.rule)
    return try TestChain(
      mining: mining
        ? MiningTerms(
          parameters: .standard, difficulty: rule,
          coinbase: try CoinbaseSchedule(initial: .tokens(50), halving: 2)) : nil)
  }

  /// A win of the first attempt that meets the target, or one that misses it.
  private func coinbase(
    _ work: WorkKey, segment: UInt32 = 0, target: MiningTarget = MiningTarget(leadingZeroBits: 4),
    wins: Bool = true
  ) throws -> Coinbase {
    func make(_ attempt: UInt64) -> Coinbase {
      Coinbase(
        work: work, task: TestChain.digest("task"), segment: segment,
        roots: SegmentRoots(
          start: TestChain.digest("start"), end: TestChain.segmentRoots[0],
          delta: TestChain.digest("delta")), block: TestChain.digest("block"), attempt: attempt)
    }
    let found = try #require(
      (UInt64(0)..<100_000).first { target.isMet(by: make($0).hash) == wins })
    return make(found)
  }

  private func accepted(_ chain: inout TestChain) throws -> JobID {
    let job = try chain.openJob()
    try chain.commit(job)
    try chain.run(chain.verdict(chain.work(job)), by: chain.validator)
    return job
  }

  @Test("a win mints the reward to its worker, and the supply grows by exactly that")
  func minted() throws {
    var chain = try chain()
    let job = try accepted(&chain)
    let worker = chain.workers[0].publicKey
    let before = chain.state.account(worker).balance
    let supply = chain.state.supply
    let win = try coinbase(chain.work(job))
    let block = try chain.seal(coinbase: win)
    #expect(block.header.coinbase == win)
    #expect(try chain.state.account(worker).balance.subtracting(before) == .tokens(50))
    #expect(try chain.state.supply.subtracting(supply) == .tokens(50))
    #expect(try chain.state.countedSupply() == chain.state.supply)
    #expect(chain.state.chain.mining?.blocks == 1)
    #expect(chain.state.chain.mining?.minted == .tokens(50))
    #expect(try Block(decoding: block.encoded()) == block)
  }

  @Test("a segment wins once, and only of accepted work of that worker")
  func once() throws {
    var chain = try chain()
    let job = try accepted(&chain)
    let win = try coinbase(chain.work(job), segment: 3)
    try chain.seal(coinbase: win)
    #expect(throws: LedgerError.segmentAlreadyMined(3)) { try chain.seal(coinbase: win) }
    let other = try coinbase(chain.work(job, worker: 1))
    #expect(throws: LedgerError.minedWorkNotAccepted) { try chain.seal(coinbase: other) }
    let unjudged = try coinbase(chain.work(job, client: 1))
    #expect(throws: LedgerError.minedWorkNotAccepted) { try chain.seal(coinbase: unjudged) }
    let attempt = try coinbase(chain.work(job, attempt: 1))
    #expect(throws: LedgerError.minedWorkNotAccepted) { try chain.seal(coinbase: attempt) }
    let beyond = try coinbase(chain.work(job), segment: 5)
    #expect(throws: LedgerError.segmentsOutOfRange(5)) { try chain.seal(coinbase: beyond) }
    #expect(chain.state.chain.mining?.blocks == 1)
  }

  @Test("a hash above the target mints nothing")
  func missed() throws {
    var chain = try chain()
    let job = try accepted(&chain)
    let miss = try coinbase(chain.work(job), wins: false)
    #expect(throws: LedgerError.targetMissed(miss.hash)) { try chain.seal(coinbase: miss) }
  }

  @Test("a chain without mining rules mints nothing, and its genesis has the bytes it always had")
  func absent() throws {
    var chain = try chain(mining: false)
    let job = try accepted(&chain)
    let win = try coinbase(chain.work(job))
    #expect(throws: LedgerError.miningNotAllowed) { try chain.seal(coinbase: win) }
    #expect(chain.state.chain.mining == nil)
    guard case .map(let fields) = chain.genesis.canonicalValue else { return }
    #expect(fields["mining"] == nil)
  }

  @Test("the reward halves and the target moves with the mined blocks")
  func schedule() throws {
    var chain = try chain()
    let job = try accepted(&chain)
    var rewards: [Amount] = []
    var targets: [MiningTarget] = []
    for segment in UInt32(0)..<4 {
      let state = try #require(chain.state.chain.mining)
      targets.append(state.difficulty.target)
      let win = try coinbase(
        chain.work(job), segment: segment, target: state.difficulty.target)
      let supply = chain.state.supply
      try chain.seal(coinbase: win)
      rewards.append(try chain.state.supply.subtracting(supply))
    }
    #expect(rewards == [.tokens(50), .tokens(50), .tokens(25), .tokens(25)])
    // Blocks follow each other at the rule's spacing of one millisecond: the target stays.
    #expect(Set(targets) == [MiningTarget(leadingZeroBits: 4)])
  }

  @Test("a follower refuses a block whose coinbase breaks a rule")
  func follower() throws {
    var chain = try chain()
    let job = try accepted(&chain)
    let block = try chain.seal(coinbase: coinbase(chain.work(job)))
    guard case .map(var header) = block.header.canonicalValue,
      case .map(var value) = block.canonicalValue
    else { return }
    header["coinbase"] = try coinbase(chain.work(job), wins: false).canonicalValue
    value["header"] = .map(header)
    let forged = try Block(canonicalValue: .map(value))
    var state = try LedgerState(genesis: chain.genesis)
    for earlier in chain.blocks.dropLast() { try state.apply(earlier) }
    #expect(throws: LedgerError.targetMissed(forged.header.coinbase?.hash ?? .zero)) {
      try state.apply(forged)
    }
    header["coinbase"] = nil
    value["header"] = .map(header)
    let bare = try Block(canonicalValue: .map(value))
    #expect(throws: LedgerError.wrongStateRoot) { try state.apply(bare) }
    try state.apply(block)
  }

  @Test("genesis with mining survives both forms, and refuses what could overflow the supply")
  func genesis() throws {
    let genesis = try chain().genesis
    #expect(try Genesis(decoding: genesis.encoded()) == genesis)
    #expect(try Genesis(json: genesis.json) == genesis)
    let plain = try chain(mining: false).genesis
    #expect(try Genesis(json: plain.json) == plain)
    #expect(genesis.chainID != plain.chainID)
    let greedy = MiningTerms(
      parameters: .standard, difficulty: .standard,
      coinbase: try CoinbaseSchedule(initial: Amount(baseUnits: .max), halving: 1))
    #expect(throws: LedgerError.amountOverflow) { try TestChain(mining: greedy) }
  }
}
