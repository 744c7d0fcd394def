public import Cryptography
public import Primitives

/// The mining rules that a genesis document fixes; without them nothing is ever minted.
public struct MiningTerms: Hashable, Sendable {
  /// ω_B, ω_M and k.
  public let parameters: MiningParameters
  /// How hard a win is.
  public let difficulty: DifficultyRule
  /// What a win mints.
  public let coinbase: CoinbaseSchedule

  /// The defaults of seed networks.
  public static let standard = MiningTerms(
    parameters: .standard, difficulty: .standard, coinbase: .standard)

  /// Collects the parts.
  public init(
    parameters: MiningParameters, difficulty: DifficultyRule, coinbase: CoinbaseSchedule
  ) {
    self.parameters = parameters
    self.difficulty = difficulty
    self.coinbase = coinbase
  }
}

extension MiningTerms: CanonicalCodable {
  /// A map of the parts.
  public var canonicalValue: CanonicalValue {
    .map([
      "parameters": parameters.canonicalValue, "difficulty": difficulty.canonicalValue,
      "coinbase": coinbase.canonicalValue,
    ])
  }

  /// Reads the parts.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    parameters = try fields.nested("parameters")
    difficulty = try fields.nested("difficulty")
    coinbase = try fields.nested("coinbase")
    try fields.finish()
  }
}

/// What has been mined on a chain.
public struct MiningState: Hashable, Sendable {
  /// The target and what leads to the next one.
  public internal(set) var difficulty: Difficulty
  /// Blocks with a coinbase.
  public internal(set) var blocks: UInt64 = 0
  /// What they minted.
  public internal(set) var minted = Amount.zero

  init(terms: MiningTerms) { difficulty = Difficulty(rule: terms.difficulty) }

  var canonicalValue: CanonicalValue {
    var entries = difficulty.canonicalEntries
    entries["blocks"] = .unsigned(blocks)
    entries["minted"] = minted.canonicalValue
    return .map(entries)
  }
}

/// The win that a block carries: everything its hash covers (docs/specs/ledger.md §8).
public struct Coinbase: Hashable, Sendable {
  /// The accepted work that won, and its worker.
  public let work: WorkKey
  /// The task's digest.
  public let task: Digest
  /// The segment of the task.
  public let segment: UInt32
  /// What the segment did.
  public let roots: SegmentRoots
  /// The hash of the zero-nonce block that the worker was bound to.
  public let block: Digest
  /// Which of the segment's attempts met the target.
  public let attempt: UInt64

  /// Collects the parts.
  public init(
    work: WorkKey, task: Digest, segment: UInt32, roots: SegmentRoots, block: Digest,
    attempt: UInt64
  ) {
    self.work = work
    self.task = task
    self.segment = segment
    self.roots = roots
    self.block = block
    self.attempt = attempt
  }

  /// The hash that meets the target.
  public var hash: Digest {
    MiningAttempts(
      block: block, miner: work.worker, task: task, segment: segment, roots: roots
    ).hash(attempt)
  }
}

extension Coinbase: CanonicalCodable {
  /// A map of the fields; `number` is the attempt at the nonce, `attempt` that at the client-round.
  public var canonicalValue: CanonicalValue {
    var entries = work.canonicalEntries
    entries["task"] = task.canonicalValue
    entries["segment"] = .unsigned(UInt64(segment))
    entries["start"] = roots.start.canonicalValue
    entries["end"] = roots.end.canonicalValue
    entries["delta"] = roots.delta.canonicalValue
    entries["block"] = block.canonicalValue
    entries["number"] = .unsigned(attempt)
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    work = try fields.workKey()
    task = try fields.nested("task")
    segment = try fields.unsigned32("segment")
    roots = SegmentRoots(
      start: try fields.nested("start"), end: try fields.nested("end"),
      delta: try fields.nested("delta"))
    block = try fields.nested("block")
    attempt = try fields.unsigned("number")
    try fields.finish()
  }
}
