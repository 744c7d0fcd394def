import Cryptography
import Ledger
import NeuralNetworks
import Primitives
import Testing

@testable import UsefulWork

/// Each attack of docs/specs/useful-work.md §8, mounted, and shown to fail.
@Suite struct AttackTests {
  private static func settings(_ work: WorkFixture) -> TrainingSettings { work.task.settings }

  /// The honest task with another seed: another batch order, which a grinder would search.
  private static func reordered(_ work: WorkFixture, seed: UInt64) throws -> TrainingTask {
    let task = work.task
    return try TrainingTask(
      architecture: task.architecture, settings: task.settings, session: task.session, seed: seed,
      round: task.round, client: task.client, base: task.base, dataset: task.dataset,
      examples: task.examples, segmentSteps: task.segmentSteps)
  }

  @Test("work grinding: a batch order that happens to win is not the assigned one")
  func workGrinding() throws {
    var fixture = try MiningFixture()
    try fixture.round()
    let work = try MiningFixture.work(round: 1)
    let bound = try #require(boundBlock(of: fixture, sequence: 0))
    let target = MiningTarget(leadingZeroBits: 12)
    // The grinder trains the first segment in other orders until a hash wins.
    var won: (roots: SegmentRoots, attempt: UInt64)?
    for seed in UInt64(1_000)..<9_000 where won == nil {
      let task = try Self.reordered(work, seed: seed)
      let start = task.startState(base: work.base)
      let roots = try task.segmentRoots(of: 0, from: start, dataset: work.dataset)
      let message = IterationMessage(
        sequence: 5, previous: fixture.history.head(of: fixture.key.publicKey),
        task: work.task.digest, segment: 0, roots: roots, commitment: .zero, key: fixture.key)
      let attempts = message.attempts(on: bound.hash)
      let count = work.task.attempts(segment: 0, parameters: fixture.parameters)
      if let attempt = attempts.search(count: count, target: target) { won = (roots, attempt) }
    }
    let (roots, attempt) = try #require(won)
    let message = IterationMessage(
      sequence: 5, previous: fixture.history.head(of: fixture.key.publicKey),
      task: work.task.digest, segment: 0, roots: roots, commitment: .zero, key: fixture.key)
    try fixture.history.append([message], height: 21)
    let claim = MiningClaim(message: message, block: bound, attempt: attempt)
    #expect(target.isMet(by: claim.hash))
    let honest = try MiningFixture.roots(round: 1, segment: 0)
    #expect(
      fixture.refusal(claim, round: 1, target: target)
        == .endDiffers(expected: honest.end, claimed: roots.end))
  }

  private func boundBlock(of fixture: MiningFixture, sequence: UInt64) -> ZeroNonceBlock? {
    let height = MiningFixture.knownSince(round: Int(sequence) / 5)
    return ZeroNonceBlock(
      chain: MiningFixture.chain, height: height, anchor: MiningFixture.anchor(height),
      transactions: .zero, miner: fixture.key.publicKey)
  }

  @Test("nonce precomputation: a zero-nonce block chosen to fit the work was not committed before")
  func noncePrecomputation() throws {
    var fixture = try MiningFixture()
    try fixture.round()
    let message = try fixture.round(target: MiningTarget(leadingZeroBits: 255))[0].message
    let target = MiningTarget(leadingZeroBits: 10)
    let height = MiningFixture.knownSince(round: 0)
    var forged: MiningClaim?
    for choice in UInt64(0)..<100_000 where forged == nil {
      let block = ZeroNonceBlock(
        chain: MiningFixture.chain, height: height, anchor: MiningFixture.anchor(height),
        transactions: SHA256.hash(SyntheticWork.bytes(choice)), miner: fixture.key.publicKey)
      let attempts = message.attempts(on: block.hash)
      if let attempt = attempts.search(count: 4, target: target) {
        forged = MiningClaim(message: message, block: block, attempt: attempt)
      }
    }
    let claim = try #require(forged)
    #expect(fixture.refusal(claim, round: 1, target: target)?.caseName == "commitmentDiffers")
    // With the committed block there is one window of attempts, and beyond it none counts.
    let bound = try #require(boundBlock(of: fixture, sequence: 0))
    let beyond = try #require(
      message.attempts(on: bound.hash).search(count: 100_000, target: target))
    let allowed = try MiningFixture.work(round: 1).task
      .attempts(segment: 0, parameters: fixture.parameters)
    try #require(beyond >= allowed)
    #expect(
      fixture.refusal(
        MiningClaim(message: message, block: bound, attempt: beyond), round: 1, target: target)
        == .attemptOutOfRange(beyond, attempts: allowed))
  }

  @Test("nonce precomputation: a commitment made when the work was known does not count")
  func lateCommitment() throws {
    // k is shorter than a round: the messages of one round would bind each other.
    var fixture = try MiningFixture(lookahead: 2)
    let claims = try fixture.round().compactMap(\.claim)
    #expect(claims.count == 3)
    for claim in claims {
      #expect(fixture.refusal(claim, round: 0)?.caseName == "committedTooLate")
    }
  }

  @Test("replay of an old iteration: it wins once, and belongs to its own task")
  func oldIteration() throws {
    var fixture = try MiningFixture()
    try fixture.round()
    let claim = try #require(try fixture.round()[3].claim)
    #expect(fixture.refusal(claim, round: 1) == nil)
    let key = IterationKey(task: try MiningFixture.work(round: 1).task, segment: 3)
    try fixture.registry.accept(key)
    #expect(fixture.refusal(claim, round: 1) == .alreadyAccepted(key))
    // The same work under the next round's name.
    #expect(fixture.refusal(claim, round: 2)?.caseName == "otherTask")
    let renamed = claim.message.changed(
      sequence: 10, previous: claim.message.digest,
      task: try MiningFixture.work(round: 2).task.digest, key: fixture.key)
    #expect(throws: MiningError.self) { try fixture.history.append([renamed], height: 31) }
  }

  @Test("copied update: a peer's roots under one's own name give other nonces and other work")
  func copiedUpdate() throws {
    var honest = try MiningFixture(keySeed: 1)
    try honest.round()
    let claim = try #require(try honest.round()[0].claim)
    var thief = try MiningFixture(keySeed: 2)
    try thief.round()
    let copied = thief.history.head(of: thief.key.publicKey)
    let message = claim.message.changed(sequence: 5, previous: copied, key: thief.key)
    try thief.history.append([message], height: 21)
    // The winner's block pays the winner; the thief's own block gives other hashes.
    #expect(
      thief.refusal(
        MiningClaim(message: message, block: claim.block, attempt: claim.attempt), round: 1)
        == .otherMiner)
    let own = try #require(boundBlock(of: thief, sequence: 0))
    #expect(
      message.attempts(on: own.hash).precursor
        != claim.message.attempts(on: claim.block.hash).precursor)
    // Each logical client has its own data, so a copy from another client fails the replay too.
    let other = try WorkFixture(seed: 1, client: 1)
    let result = try other.task.execute(dataset: other.dataset, base: other.base)
    let own2 = try WorkFixture(seed: 1)
    let lie = try own2.task.execute(
      lying: .copied, dataset: own2.dataset, base: own2.base, peer: result)
    guard case .rejected = try own2.replayAll(lie) else {
      Issue.record("a copied update was accepted")
      return
    }
  }

  @Test("lazy miner: segments that were not trained do not win")
  func lazyMiner() throws {
    var fixture = try MiningFixture()
    try fixture.round()
    // Hands the start state back as the end state: nothing was computed.
    let claims = try fixture.round { _, roots in
      SegmentRoots(start: roots.start, end: roots.start, delta: .zero)
    }.compactMap(\.claim)
    #expect(claims.count == 5)
    for claim in claims {
      #expect(fixture.refusal(claim, round: 1)?.caseName == "endDiffers")
    }
  }

  @Test("spoofed gradients: a delta that the segment did not make does not win")
  func spoofedGradients() throws {
    var fixture = try MiningFixture()
    try fixture.round()
    let spoofed = SHA256.hash([0xde])
    let claims = try fixture.round { _, roots in
      SegmentRoots(start: roots.start, end: roots.end, delta: spoofed)
    }.compactMap(\.claim)
    for claim in claims {
      let honest = try MiningFixture.roots(round: 1, segment: Int(claim.message.segment))
      #expect(
        fixture.refusal(claim, round: 1)
          == .deltaDiffers(expected: honest.delta, claimed: spoofed))
    }
    #expect(claims.count == 5)
  }

  @Test("spoofed start: training from a state that nobody proved does not win")
  func spoofedStart() throws {
    var fixture = try MiningFixture()
    try fixture.round()
    let claims = try fixture.round { _, roots in
      SegmentRoots(start: SHA256.hash([1]), end: roots.end, delta: roots.delta)
    }.compactMap(\.claim)
    #expect(claims.count == 5)
    for claim in claims {
      #expect(fixture.refusal(claim, round: 1)?.caseName == "startDiffers")
    }
  }

  @Test("data swap: other examples are refused by name, and their results by bits")
  func dataSwap() throws {
    let work = try WorkFixture(seed: 4)
    let other = try WorkFixture(seed: 9)
    #expect(throws: WorkError.otherDataset) {
      try work.task.execute(dataset: other.dataset, base: work.base)
    }
    let lie = try work.task.execute(lying: .otherData, dataset: work.dataset, base: work.base)
    guard case .rejected(let fault) = try work.replayAll(lie) else {
      Issue.record("work on other data was accepted")
      return
    }
    #expect(fault.segment == 0)
    #expect(fault.reason == .segmentRoot)
  }
}
