import Cryptography
import Primitives
import Testing

@testable import UsefulWork

@Suite struct VerdictTests {
  private let work = SHA256.hash([1])
  private let root = SHA256.hash([2])
  private let keys: [PublicKey]

  init() throws {
    keys = try (UInt8(1)...4).map {
      try SigningKey(seed: Bytes(repeating: $0, count: 32)).publicKey
    }.sorted()
  }

  private func machine() -> VerdictMachine {
    VerdictMachine(work: work, committee: Set(keys), now: .zero)
  }

  private func verdict(_ salt: UInt8, accepted: Bool = true, root: Digest? = nil) -> SealedVerdict {
    SealedVerdict(
      work: work, isAccepted: accepted, endRoot: root ?? self.root, salt: SHA256.hash([9, salt]))
  }

  private let late = Tick(nanoseconds: 120_000_000_000)

  @Test("a committee that commits and opens in time is heard")
  func honest() {
    var machine = machine()
    for (index, key) in keys.enumerated() {
      let digest = verdict(UInt8(index), accepted: index > 0).commitment(of: key)
      let effects = machine.handle(.committed(key, digest, now: .zero))
      #expect(effects == (index == 3 ? [.askForOpenings] : []))
    }
    for (index, key) in keys.enumerated() {
      let opening = verdict(UInt8(index), accepted: index > 0)
      let effects = machine.handle(.opened(key, opening, now: .zero))
      guard index == 3 else {
        #expect(effects.isEmpty)
        continue
      }
      guard case .finished(let result)? = effects.first else {
        Issue.record("not finished")
        return
      }
      #expect(result.entries.map(\.validator) == keys)
      #expect(result.validators(accepting: true) == Array(keys[1...]))
      #expect(result.validators(accepting: false) == [keys[0]])
      #expect(result.isDivided)
    }
    #expect(machine.nextDeadline == nil)
  }

  @Test("a copied commitment cannot be opened, even with the author's opening")
  func weightCopying() {
    var machine = machine()
    let author = keys[0]
    let opening = verdict(1)
    let digest = opening.commitment(of: author)
    // Nothing of the verdict shows in the commitment; the copier can only copy the digest.
    for key in keys { _ = machine.handle(.committed(key, digest, now: .zero)) }
    #expect(machine.handle(.opened(author, opening, now: .zero)).isEmpty)
    for key in keys[1...2] {
      #expect(machine.handle(.opened(key, opening, now: .zero)) == [.refuse(key, .mismatch)])
    }
    let effects = machine.handle(.opened(keys[3], opening, now: .zero))
    #expect(effects.first == .refuse(keys[3], .mismatch))
    guard case .finished(let result)? = effects.last else {
      Issue.record("not finished")
      return
    }
    #expect(result.validators(accepting: true) == [author])
    #expect(result.entries[1...].allSatisfy { $0.finding == .fault(.mismatch) })
  }

  @Test("openings before the end of commitments, and commitments after it, do not count")
  func order() {
    var machine = machine()
    let opening = verdict(1)
    let digest = opening.commitment(of: keys[0])
    #expect(machine.handle(.committed(keys[0], digest, now: .zero)).isEmpty)
    #expect(
      machine.handle(.opened(keys[0], opening, now: .zero)) == [.refuse(keys[0], .openedEarly)])
    #expect(
      machine.handle(.committed(keys[0], digest, now: .zero))
        == [.refuse(keys[0], .committedTwice)])
    // The deadline passes; who sees the opening now has committed to nothing.
    #expect(
      machine.handle(.committed(keys[1], digest, now: late))
        == [.askForOpenings, .refuse(keys[1], .commitmentLate)])
    #expect(
      machine.handle(.opened(keys[1], opening, now: late)) == [.refuse(keys[1], .neverCommitted)])
  }

  @Test("late, missing, changed and foreign openings are named")
  func faults() throws {
    var machine = machine()
    let stranger = try SigningKey(seed: Bytes(repeating: 99, count: 32)).publicKey
    #expect(
      machine.handle(.committed(stranger, .zero, now: .zero))
        == [.refuse(stranger, .notOfCommittee)])
    for (index, key) in keys.dropLast().enumerated() {
      _ = machine.handle(
        .committed(key, verdict(UInt8(index)).commitment(of: key), now: .zero))
    }
    #expect(machine.handle(.tick(now: late)) == [.askForOpenings])
    let foreign = SealedVerdict(work: .zero, isAccepted: true, endRoot: root, salt: .zero)
    #expect(machine.handle(.opened(keys[0], foreign, now: late)) == [.refuse(keys[0], .otherWork)])
    #expect(
      machine.handle(.opened(keys[1], verdict(1, accepted: false), now: late))
        == [.refuse(keys[1], .mismatch)])
    #expect(
      machine.handle(.opened(keys[1], verdict(1), now: late)) == [.refuse(keys[1], .openedTwice)])
    _ = machine.handle(.opened(keys[0], verdict(0), now: late))
    let end = try #require(machine.nextDeadline)
    let effects = machine.handle(.opened(keys[2], verdict(2), now: end))
    guard case .finished(let result)? = effects.first else {
      Issue.record("not finished")
      return
    }
    #expect(effects.last == .refuse(keys[2], .openingLate))
    #expect(
      result.entries.map(\.finding) == [
        .verdict(verdict(0)), .fault(.mismatch), .fault(.openingLate), .fault(.commitmentLate),
      ])
  }

  @Test("a committee in which nobody commits ends at the first deadline")
  func silent() {
    var machine = machine()
    #expect(machine.handle(.tick(now: .zero)).isEmpty)
    guard case .finished(let result)? = machine.handle(.tick(now: late)).first else {
      Issue.record("not finished")
      return
    }
    #expect(result.entries.allSatisfy { $0.finding == .fault(.commitmentLate) })
    #expect(!result.isDivided)
  }

  @Test("every part of a verdict and its author change the commitment")
  func binding() throws {
    let base = verdict(1)
    let others = [
      verdict(2), verdict(1, accepted: false), verdict(1, root: work),
      SealedVerdict(work: root, isAccepted: true, endRoot: root, salt: base.salt),
    ]
    let digests = Set(([base] + others).map { $0.commitment(of: keys[0]) })
    #expect(digests.count == 5)
    #expect(!digests.contains(base.commitment(of: keys[1])))
    try expectCanonical(base)
  }
}
