import Cryptography
import Ledger
import NeuralNetworks
import Primitives

@testable import UsefulWork

/// A chain on which one miner works through the rounds of a session; each round's five segments
/// are bound by the five messages of the round before.
struct MiningFixture {
  static let chain = SHA256.hash([9])
  let parameters: MiningParameters
  let rules: MiningRules
  let key: SigningKey
  var miner: Miner
  var history: IterationHistory
  var registry = IterationRegistry()
  private(set) var yields: [[Miner.Yield]] = []

  init(keySeed: UInt8 = 1, lookahead: Int = 5) throws {
    parameters = try MiningParameters(
      batchWeight: 100_000_000_000, modelWeight: 10_000, lookahead: lookahead)
    rules = MiningRules(chain: Self.chain, parameters: parameters)
    key = try SigningKey(seed: Bytes(repeating: keySeed, count: 32))
    miner = Miner(key: key, parameters: parameters)
    history = IterationHistory(lookahead: lookahead)
  }

  /// The hash of the block at a height.
  static func anchor(_ height: UInt64) -> Digest { SHA256.hash([0xa], SyntheticWork.bytes(height)) }

  /// The height from which a round's inputs are known.
  static func knownSince(round: Int) -> UInt64 { UInt64(10 * (round + 1)) }

  static func work(round: Int) throws -> WorkFixture { try WorkFixture(seed: UInt64(round)) }

  static func assignment(round: Int) throws -> MiningAssignment {
    MiningAssignment(task: try work(round: round).task, knownSince: knownSince(round: round))
  }

  static func roots(round: Int, segment: Int) throws -> SegmentRoots {
    let work = try work(round: round)
    let result = try work.task.execute(dataset: work.dataset, base: work.base)
    guard let start = try result.evidence.startState(of: segment, dataset: work.dataset) else {
      throw WorkError.round(round)
    }
    return try work.task.segmentRoots(of: segment, from: start, dataset: work.dataset)
  }

  /// Works through the next round and notes its messages; `change` may lie about the roots.
  @discardableResult
  mutating func round(
    target: MiningTarget = .easiest, change: (Int, SegmentRoots) -> SegmentRoots = { $1 }
  ) throws -> [Miner.Yield] {
    let round = yields.count
    let task = try Self.work(round: round).task
    let height = Self.knownSince(round: round)
    let new = try (0..<task.segments).map { segment in
      miner.finish(
        segment: segment, of: task,
        roots: change(segment, try Self.roots(round: round, segment: segment)),
        anchor: (height, Self.anchor(height)), chain: Self.chain, target: target)
    }
    for (segment, yield) in new.enumerated() {
      try history.append([yield.message], height: height + UInt64(segment))
    }
    yields.append(new)
    return new
  }

  func check(
    _ claim: MiningClaim, round: Int, target: MiningTarget = .easiest, head: UInt64 = 100
  ) throws(MiningError) {
    guard let assignment = try? Self.assignment(round: round) else { return }
    try rules.check(
      claim, assignment: assignment, target: target, history: history, registry: registry,
      head: head, anchor: { Self.anchor($0) }, replay: Self.replay)
  }

  static func replay(_ task: TrainingTask, _ segment: Int) throws(WorkError) -> SegmentRoots {
    guard let roots = try? roots(round: task.round, segment: segment) else {
      throw .round(task.round)
    }
    return roots
  }

  /// The name of the error that a claim is refused with, nil if it is accepted.
  func refusal(
    _ claim: MiningClaim, round: Int, target: MiningTarget = .easiest, head: UInt64 = 100
  ) -> MiningError? {
    do {
      try check(claim, round: round, target: target, head: head)
      return nil
    } catch {
      return error
    }
  }
}

extension IterationMessage {
  /// The same message with other parts, signed again.
  func changed(
    sequence: UInt64? = nil, previous: Digest? = nil, task: Digest? = nil,
    segment: UInt32? = nil, roots: SegmentRoots? = nil, commitment: Digest? = nil,
    key: SigningKey
  ) -> IterationMessage {
    IterationMessage(
      sequence: sequence ?? self.sequence, previous: previous ?? self.previous,
      task: task ?? self.task, segment: segment ?? self.segment, roots: roots ?? self.roots,
      commitment: commitment ?? self.commitment, key: key)
  }
}

extension MiningError {
  /// The case without its values.
  var caseName: String {
    switch self {
    case .otherMiner: "otherMiner"
    case .badSignature: "badSignature"
    default: Mirror(reflecting: self).children.first?.label ?? "\(self)"
    }
  }
}
