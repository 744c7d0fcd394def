import Cryptography
import Ledger
import NeuralNetworks
import Primitives
import Testing

@testable import UsefulWork

@Suite struct MiningClaimTests {
  /// A fixture after two rounds, and the claims of the second.
  private func mined() throws -> (fixture: MiningFixture, claims: [MiningClaim]) {
    var fixture = try MiningFixture()
    #expect(try fixture.round().allSatisfy { $0.claim == nil })
    let claims = try fixture.round().compactMap(\.claim)
    #expect(claims.count == 5)
    return (fixture, claims)
  }

  @Test("an honest claim passes from commitment to replay, and once only")
  func honest() throws {
    var (fixture, claims) = try mined()
    for claim in claims {
      #expect(fixture.refusal(claim, round: 1) == nil)
      let key = IterationKey(
        task: try MiningFixture.work(round: 1).task, segment: Int(claim.message.segment))
      try fixture.registry.accept(key)
      #expect(fixture.refusal(claim, round: 1) == .alreadyAccepted(key))
      #expect(throws: MiningError.alreadyAccepted(key)) { try fixture.registry.accept(key) }
    }
    #expect(fixture.registry.count == 5)
    fixture.registry.close(session: SHA256.hash([7]))
    #expect(fixture.registry.count == 0)
  }

  @Test("every part of a claim is checked, and its error is named")
  func refusals() throws {
    let (fixture, claims) = try mined()
    let claim = claims[2]
    let message = claim.message
    let bound = claim.block
    func refusal(
      message changed: IterationMessage? = nil, block other: ZeroNonceBlock? = nil,
      attempt: UInt64? = nil, round: Int = 1, target: MiningTarget = .easiest,
      head: UInt64 = 100
    ) -> String? {
      fixture.refusal(
        MiningClaim(
          message: changed ?? message, block: other ?? bound, attempt: attempt ?? claim.attempt),
        round: round, target: target, head: head)?.caseName
    }
    func block(
      chain: Digest = MiningFixture.chain, height: UInt64? = nil, anchor: Digest? = nil,
      miner: PublicKey? = nil
    ) -> ZeroNonceBlock {
      ZeroNonceBlock(
        chain: chain, height: height ?? bound.height, anchor: anchor ?? bound.anchor,
        transactions: bound.transactions, miner: miner ?? bound.miner)
    }
    let stranger = try SigningKey(seed: Bytes(repeating: 8, count: 32))
    #expect(refusal() == nil)
    #expect(refusal(round: 2) == "otherTask")
    #expect(refusal(message: message.changed(segment: 5, key: fixture.key)) == "noSuchSegment")
    #expect(refusal(block: block(chain: .zero)) == "otherChain")
    #expect(refusal(block: block(miner: stranger.publicKey)) == "otherMiner")
    #expect(refusal(message: try forged(message)) == "badSignature")
    #expect(
      refusal(message: message.changed(roots: claims[1].message.roots, key: fixture.key))
        == "notInHistory")
    #expect(
      refusal(block: block(height: 11, anchor: MiningFixture.anchor(11))) == "commitmentDiffers")
    #expect(refusal(attempt: 1 << 40) == "attemptOutOfRange")
    #expect(refusal(target: MiningTarget(leadingZeroBits: 200)) == "targetMissed")
    #expect(refusal(head: 200_000) == "staleAnchor")
    #expect(refusal(head: 5) == "unknownAnchor")
  }

  private func forged(_ message: IterationMessage) throws -> IterationMessage {
    guard case .map(var fields) = message.canonicalValue else { return message }
    fields["signature"] = .bytes(Bytes(repeating: 1, count: 64))
    return try IterationMessage(canonicalValue: .map(fields))
  }

  @Test("a claim in the first k messages has no commitment")
  func tooEarly() throws {
    var fixture = try MiningFixture()
    let yields = try fixture.round()
    let claim = MiningClaim(
      message: yields[3].message,
      block: ZeroNonceBlock(
        chain: MiningFixture.chain, height: 10, anchor: MiningFixture.anchor(10),
        transactions: .zero, miner: fixture.key.publicKey), attempt: 0)
    #expect(fixture.refusal(claim, round: 0) == .tooFewMessages(sequence: 3, lookahead: 5))
  }

  @Test("a history takes only the next message of a chain")
  func history() throws {
    var (fixture, _) = try mined()
    let miner = fixture.key.publicKey
    let last = fixture.yields[1][4].message
    #expect(fixture.history.head(of: miner) == last.digest)
    #expect(fixture.history.next(of: miner) == 10)
    let next = last.changed(sequence: 10, previous: last.digest, key: fixture.key)
    #expect(throws: MiningError.sequence(expected: 10, found: 9)) {
      try fixture.history.append([last], height: 30)
    }
    #expect(throws: MiningError.sequence(expected: 10, found: 11)) {
      try fixture.history.append([next.changed(sequence: 11, key: fixture.key)], height: 30)
    }
    #expect(throws: MiningError.brokenHistory(expected: last.digest, found: .zero)) {
      try fixture.history.append([next.changed(previous: .zero, key: fixture.key)], height: 30)
    }
    #expect(throws: MiningError.badSignature) {
      try fixture.history.append([try forged(next)], height: 30)
    }
    try fixture.history.append([next], height: 30)
    #expect(fixture.history.entry(of: miner, sequence: 10)?.height == 30)
    #expect(fixture.history.entry(of: miner, sequence: 11) == nil)
    fixture.history.remove(miner)
    #expect(fixture.history.next(of: miner) == 0)
  }

  @Test("a history keeps a bounded number of messages of each miner")
  func bounded() throws {
    var fixture = try MiningFixture(lookahead: 1)
    let task = try MiningFixture.work(round: 0).task
    let roots = SegmentRoots(start: .zero, end: .zero, delta: .zero)
    for height in 0..<80 {
      let yield = fixture.miner.finish(
        segment: 0, of: task, roots: roots, anchor: (0, .zero), chain: MiningFixture.chain,
        target: .easiest)
      try fixture.history.append([yield.message], height: UInt64(height))
    }
    let miner = fixture.key.publicKey
    #expect(fixture.history.entry(of: miner, sequence: 14) == nil)
    #expect(fixture.history.entry(of: miner, sequence: 15)?.height == 15)
    #expect(fixture.history.entry(of: miner, sequence: 79)?.height == 79)
  }

  @Test("a node's own effort only lowers what the task allows")
  func effort() throws {
    var fixture = try MiningFixture(lookahead: 1)
    let work = try MiningFixture.work(round: 0)
    let roots = try MiningFixture.roots(round: 0, segment: 0)
    func finish(_ effort: UInt32) -> MiningClaim? {
      fixture.miner.finish(
        segment: 0, of: work.task, roots: roots, anchor: (0, .zero), chain: MiningFixture.chain,
        target: .easiest, effort: effort
      ).claim
    }
    #expect(finish(SamplePlan.fullAudit) == nil)
    #expect(finish(SamplePlan.fullAudit) != nil)
    #expect(finish(.max) != nil)
    #expect(finish(0) == nil)
  }

  @Test("messages, blocks, claims, parameters and targets survive their canonical bytes")
  func messages() throws {
    let (_, claims) = try mined()
    try expectCanonical(claims[0].block)
    try expectCanonical(claims[0].message)
    try expectCanonical(claims[0])
    try expectCanonical(MiningParameters.standard)
    try expectCanonical(MiningTarget.standard)
    let vector = claims[0].block
    #expect(vector.hash == SHA256.hash(Bytes("martlet/mining/block/1".utf8), vector.encoded()))
  }
}
