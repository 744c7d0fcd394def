import Cryptography
import NeuralNetworks
import Primitives
import Testing

@testable import UsefulWork

@Suite struct TrapTests {
  private let secret = SHA256.hash([1])
  private let beacon = SHA256.hash([2])
  private let validator: PublicKey

  init() throws { validator = try SigningKey(seed: Bytes(repeating: 5, count: 32)).publicKey }

  private func item(_ work: WorkFixture, _ segments: [Int]? = nil) throws -> VerificationItem {
    let result = try work.task.execute(dataset: work.dataset, base: work.base)
    return VerificationItem(
      record: result.record, update: result.update.bytes,
      segments: segments ?? Array(0..<work.task.segments))
  }

  /// A validator that replays, from the base on; true if it accepts.
  private func replay(_ item: VerificationItem, _ work: WorkFixture) throws -> Bool {
    let update = try ParameterBuffer(decoding: item.update, for: work.task.architecture)
    let honest = try work.task.execute(dataset: work.dataset, base: work.base)
    let verdict = try Replay.check(
      record: item.record, update: update, task: work.task, dataset: work.dataset,
      base: work.base, segments: item.segments
    ) { try? honest.evidence.startState(of: $0, dataset: work.dataset) }
    if case .accepted = verdict { return true }
    return false
  }

  @Test("lazy verifier: who accepts without replay is caught by traps, who replays never is")
  func lazyVerifier() throws {
    let plan = TrapPlan(secret: secret, beacon: beacon, rate: 200_000)
    let stakes = TrapStakes(jackpot: .tokens(5), penalty: .tokens(50))
    var traps = 0
    var caught = 0
    for seed in UInt64(0)..<200 {
      let work = try WorkFixture(seed: seed)
      let (shown, isTrap) = plan.item(try item(work), of: work.task, for: validator)
      traps += isTrap ? 1 : 0
      #expect(try replay(shown, work) == !isTrap, "seed \(seed)")
      let blind = SealedVerdict(work: shown.digest, isAccepted: true, endRoot: .zero, salt: .zero)
      if isTrap, stakes.consequence(of: .verdict(blind)) == .slash(.tokens(50)) { caught += 1 }
    }
    #expect(caught == traps)
    // 200 draws at 0.2: mean 40, standard deviation 5.7; five of them either way.
    #expect((12...68).contains(traps))
  }

  @Test("a trap in any drawn segment is found by replay and by nothing cheaper", arguments: 0..<5)
  func everySegment(segment: Int) throws {
    for seed in UInt64(0)..<10 {
      let work = try WorkFixture(seed: seed, momentum: seed.isMultiple(of: 2) ? 0.9 : 0)
      let honest = try item(work, [segment])
      let plan = TrapPlan(secret: secret, beacon: beacon, rate: SamplePlan.fullAudit)
      let (trap, isTrap) = plan.item(honest, of: work.task, for: validator)
      #expect(isTrap)
      #expect(try !replay(trap, work))
      // All checks that need no training still pass, as on honest work.
      let update = try ParameterBuffer(decoding: trap.update, for: work.task.architecture)
      #expect(Replay.checkRecord(trap.record, update: update, task: work.task) == nil)
    }
  }

  @Test("a trap has the form of an honest item: same fields, same sizes, same segments")
  func indistinguishable() throws {
    let plan = TrapPlan(secret: secret, beacon: beacon, rate: SamplePlan.fullAudit)
    for seed in UInt64(0)..<20 {
      let work = try WorkFixture(seed: seed)
      let honest = try item(work)
      let (trap, _) = plan.item(honest, of: work.task, for: validator)
      #expect(trap != honest)
      #expect(trap.encoded().count == honest.encoded().count)
      #expect(trap.segments == honest.segments)
      #expect(trap.record.task == honest.record.task)
      #expect(trap.record.segmentRoots.count == honest.record.segmentRoots.count)
      #expect(
        zip(trap.record.segmentRoots, honest.record.segmentRoots).filter { $0 != $1 }.count == 1)
    }
  }

  @Test("the draw needs the secret, the beacon, the item and the validator")
  func draw() throws {
    let work = try WorkFixture(seed: 1)
    let honest = try item(work)
    let other = try SigningKey(seed: Bytes(repeating: 6, count: 32)).publicKey
    func trap(
      _ secret: Digest, _ beacon: Digest, _ key: PublicKey, rate: UInt32 = SamplePlan.fullAudit
    ) -> VerificationItem {
      TrapPlan(secret: secret, beacon: beacon, rate: rate)
        .item(honest, of: work.task, for: key).item
    }
    let base = trap(secret, beacon, validator)
    #expect(base == trap(secret, beacon, validator))
    for changed in [
      trap(beacon, beacon, validator), trap(secret, secret, validator), trap(secret, beacon, other),
    ] { #expect(changed != base) }
    #expect(trap(secret, beacon, validator, rate: 0) == honest)
    #expect(TrapPlan.commitment(to: secret) != TrapPlan.commitment(to: beacon))
    let empty = try item(work, [])
    #expect(
      TrapPlan(secret: secret, beacon: beacon, rate: SamplePlan.fullAudit)
        .item(empty, of: work.task, for: validator).item == empty)
  }

  @Test("who rejects a trap wins the jackpot, everybody else loses the penalty")
  func stakes() {
    let stakes = TrapStakes(jackpot: .tokens(5), penalty: .tokens(50))
    func verdict(_ accepted: Bool) -> VerdictResult.Finding {
      .verdict(SealedVerdict(work: .zero, isAccepted: accepted, endRoot: .zero, salt: .zero))
    }
    #expect(stakes.consequence(of: verdict(false)) == .pay(.tokens(5)))
    #expect(stakes.consequence(of: verdict(true)) == .slash(.tokens(50)))
    for fault in VerdictFault.allCases {
      #expect(stakes.consequence(of: .fault(fault)) == .slash(.tokens(50)))
    }
  }

  @Test("checking pays when its cost is below rate · (fee + jackpot + penalty)")
  func deterrence() {
    let stakes = TrapStakes(jackpot: .tokens(30), penalty: .tokens(60))
    // 0.01 · (10 + 30 + 60) = 1
    #expect(!stakes.deters(cost: .tokens(1), fee: .tokens(10), rate: 10_000))
    #expect(stakes.deters(cost: .tokens(1), fee: .tokens(11), rate: 10_000))
    #expect(stakes.deters(cost: Amount(baseUnits: 999), fee: .tokens(10), rate: 10_000))
    #expect(!stakes.deters(cost: .zero, fee: .zero, rate: 0))
    let most = Amount(baseUnits: .max)
    #expect(!TrapStakes(jackpot: most, penalty: most).deters(cost: .zero, fee: most, rate: 1))
  }

  @Test("an item survives its canonical bytes; segments must be the record's, in order")
  func canonical() throws {
    let honest = try item(try WorkFixture(seed: 1), [1, 3])
    #expect(try VerificationItem(decoding: honest.encoded()) == honest)
    for segments in [[3, 1], [1, 1], [5]] {
      let wrong = VerificationItem(
        record: honest.record, update: honest.update, segments: segments)
      #expect(throws: DecodingFailure.self) {
        try VerificationItem(decoding: wrong.encoded())
      }
    }
  }
}
