import Cryptography
import Ledger
import NeuralNetworks
import Primitives
import Testing

@testable import UsefulWork

@Suite struct MiningArithmeticTests {
  @Test(
    "attempts are steps · max(1, ⌊ω_B · batchBytes + ω_M · modelBytes⌋)",
    arguments: [
      // 10⁻⁶ · 999,999 + 10⁻⁸ · 0 is below 1
      (10, 999_999, 0, 10), (10, 1_000_000, 0, 10), (10, 2_000_000, 0, 20),
      // the two parts add up before rounding: 0.5 + 0.5
      (3, 500_000, 50_000_000, 3), (3, 1_500_000, 50_000_000, 6),
      (3, 1_499_999, 50_000_000, 3), (0, 5_000_000, 0, 0), (7, 0, 0, 7),
      // GPT-2 small: 497,759,232 bytes of parameters, 4 KiB of batch
      (10, 4_096, 497_759_232, 40),
    ])
  func attempts(steps: Int, batch: UInt64, model: UInt64, expected: UInt64) {
    #expect(
      MiningParameters.standard.attempts(steps: steps, batchBytes: batch, modelBytes: model)
        == expected)
  }

  @Test("the number of attempts is bounded for every size and weight")
  func bounded() throws {
    let most = try MiningParameters(
      batchWeight: MiningParameters.Limits.weightMax,
      modelWeight: MiningParameters.Limits.weightMax, lookahead: 1)
    #expect(
      most.attempts(steps: .max, batchBytes: .max, modelBytes: .max)
        == MiningParameters.Limits.attemptsMax)
    #expect(throws: LedgerError.self) {
      try MiningParameters(
        batchWeight: MiningParameters.Limits.weightMax + 1, modelWeight: 0, lookahead: 1)
    }
    for lookahead in [0, -1, 1_001] {
      #expect(throws: LedgerError.self) {
        try MiningParameters(batchWeight: 0, modelWeight: 0, lookahead: lookahead)
      }
    }
  }

  @Test("a task's sizes come from its settings")
  func sizes() throws {
    let task = try WorkFixture(seed: 1).task
    #expect(task.batchBytes == 4 * (6 + 1) * 4)
    #expect(task.modelBytes == UInt64((6 * 5 + 5 + 5 * 3 + 3) * 4))
    #expect(task.attempts(segment: 0, parameters: .standard) == 4)
    #expect(task.attempts(segment: 4, parameters: .standard) == 2)
  }

  @Test("a target is met by hashes up to itself")
  func met() throws {
    let target = MiningTarget(leadingZeroBits: 12)
    func hash(_ head: [UInt8], _ fill: UInt8) throws -> Digest {
      try Digest(bytes: head + Bytes(repeating: fill, count: 32 - head.count))
    }
    #expect(target.isMet(by: try hash([0, 0x0f], 0xff)))
    #expect(!target.isMet(by: try hash([0, 0x10], 0)))
    #expect(target.isMet(by: .zero))
    #expect(MiningTarget.easiest.isMet(by: try hash([0xff], 0xff)))
    #expect(MiningTarget.standard.bytes.prefix(3) == [0x00, 0x00, 0x0f])
    #expect(MiningTarget(leadingZeroBits: 0) == .easiest)
    #expect(MiningTarget(leadingZeroBits: 65).bytes.prefix(9) == [0, 0, 0, 0, 0, 0, 0, 0, 0x7f])
  }

  @Test("targets scale exactly, up to the easiest and down to one")
  func scaled() {
    let target = MiningTarget(leadingZeroBits: 20)
    // (2²³⁶ − 1) · 4 = 2²³⁸ − 4
    #expect(
      target.scaled(by: 4, dividedBy: 1).bytes == [0, 0, 0x3f] + Bytes(repeating: 0xff, count: 28)
        + [0xfc])
    #expect(target.scaled(by: 1, dividedBy: 4) == MiningTarget(leadingZeroBits: 22))
    #expect(target.scaled(by: 3, dividedBy: 3) == target)
    #expect(MiningTarget.easiest.scaled(by: 2, dividedBy: 1) == .easiest)
    #expect(MiningTarget.easiest.scaled(by: .max, dividedBy: .max) == .easiest)
    let one = MiningTarget(leadingZeroBits: 255)
    #expect(one.scaled(by: 1, dividedBy: 1_000) == one)
  }

  @Test("the target follows the time that a window took, at most fourfold")
  func retarget() throws {
    let rule = try DifficultyRule(
      initial: MiningTarget(leadingZeroBits: 20), spacingMilliseconds: 1_000, window: 10,
      factorMax: 4)
    func target(intervalMilliseconds: UInt64) -> MiningTarget {
      var difficulty = Difficulty(rule: rule)
      for block in 0...10 {
        difficulty.note(minedAtMilliseconds: 5_000 + UInt64(block) * intervalMilliseconds)
        if block < 10 { #expect(difficulty.target == rule.initial) }
      }
      return difficulty.target
    }
    #expect(target(intervalMilliseconds: 1_000) == rule.initial)
    #expect(target(intervalMilliseconds: 500) == rule.initial.scaled(by: 1, dividedBy: 2))
    #expect(target(intervalMilliseconds: 3_000) == rule.initial.scaled(by: 3, dividedBy: 1))
    #expect(target(intervalMilliseconds: 1) == rule.initial.scaled(by: 1, dividedBy: 4))
    #expect(target(intervalMilliseconds: 0) == rule.initial.scaled(by: 1, dividedBy: 4))
    #expect(target(intervalMilliseconds: 100_000) == rule.initial.scaled(by: 4, dividedBy: 1))
  }

  @Test("a clock that runs backwards is the fastest window")
  func backwards() throws {
    var difficulty = Difficulty(
      rule: try DifficultyRule(
        initial: .standard, spacingMilliseconds: 1_000, window: 1, factorMax: 4))
    difficulty.note(minedAtMilliseconds: 9_000)
    difficulty.note(minedAtMilliseconds: 1_000)
    #expect(difficulty.target == MiningTarget(leadingZeroBits: 22))
    for wrong in [(0, 1, 4), (1, 0, 4), (1, 1, 0), (1, 1, 17)] as [(UInt64, UInt64, UInt64)] {
      #expect(throws: LedgerError.self) {
        try DifficultyRule(
          initial: .standard, spacingMilliseconds: wrong.0, window: wrong.1, factorMax: wrong.2)
      }
    }
  }

  @Test("the coinbase halves and never exceeds twenty-one million")
  func coinbase() throws {
    let schedule = CoinbaseSchedule.standard
    #expect(schedule.reward(afterMined: 0) == .tokens(50))
    #expect(schedule.reward(afterMined: 209_999) == .tokens(50))
    #expect(schedule.reward(afterMined: 210_000) == .tokens(25))
    #expect(schedule.reward(afterMined: 420_000) == Amount(baseUnits: 12_500_000_000_000_000_000))
    #expect(schedule.reward(afterMined: .max) == .zero)
    let cap = try schedule.cap()
    #expect(cap < .tokens(21_000_000))
    #expect(cap > .tokens(20_999_999))
    #expect(throws: LedgerError.self) {
      try CoinbaseSchedule(initial: .tokens(1), halving: 0)
    }
  }

  @Test("a search finds the first attempt that meets the target, as often as chance says")
  func search() throws {
    var fixture = try MiningFixture()
    let message = try fixture.round()[0].message
    let target = MiningTarget(leadingZeroBits: 4)
    var wins = 0
    for block in UInt8(0)..<200 {
      let attempts = message.attempts(on: SHA256.hash([block]))
      guard let win = attempts.search(count: 16, target: target) else { continue }
      wins += 1
      #expect(target.isMet(by: attempts.hash(win)))
      #expect(attempts.search(count: win, target: target) == nil)
      #expect(attempts.nonce(win) == attempts.nonce(0) &+ win)
    }
    // 1 − (15/16)¹⁶ = 0.644 of 200 is 129, standard deviation 6.8; five of them either way.
    #expect((95...163).contains(wins))
  }
}
