public import Cryptography
public import Ledger
public import Primitives

/// What a miner sends when an attempt has met the target.
public struct MiningClaim: Hashable, Sendable {
  /// The segment that wins.
  public let message: IterationMessage
  /// The opened commitment of the message k places before.
  public let block: ZeroNonceBlock
  /// Which attempt of the segment met the target.
  public let attempt: UInt64

  /// Collects the parts.
  public init(message: IterationMessage, block: ZeroNonceBlock, attempt: UInt64) {
    self.message = message
    self.block = block
    self.attempt = attempt
  }

  /// The hash that meets the target.
  public var hash: Digest { message.attempts(on: block.hash).hash(attempt) }
}

extension MiningClaim: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "message": message.canonicalValue, "block": block.canonicalValue,
      "attempt": .unsigned(attempt),
    ])
  }

  /// Reads the fields; truth shows in `MiningRules.check`.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    message = try fields.nested("message")
    block = try fields.nested("block")
    attempt = try fields.unsigned("attempt")
    try fields.finish()
  }
}

/// What a verifier knows about the assignment behind a claim.
public struct MiningAssignment: Sendable {
  /// The task.
  public let task: TrainingTask
  /// The height from which the task's inputs were known: commitments must be older.
  public let knownSince: UInt64

  /// Collects both.
  public init(task: TrainingTask, knownSince: UInt64) {
    self.task = task
    self.knownSince = knownSince
  }
}

/// The rules by which one chain accepts mining.
public struct MiningRules: Sendable {
  /// The chain's id.
  public let chain: Digest
  /// ω_B, ω_M and k.
  public let parameters: MiningParameters
  /// Blocks that an anchor may lie behind the head. A day of blocks, one a second.
  public let anchorAgeMax: UInt64

  /// The age of anchors if nothing else is said.
  public static let anchorAgeDefault: UInt64 = 86_400

  /// Collects the parts.
  public init(
    chain: Digest, parameters: MiningParameters, anchorAgeMax: UInt64 = Self.anchorAgeDefault
  ) {
    self.chain = chain
    self.parameters = parameters
    self.anchorAgeMax = anchorAgeMax
  }

  /// Checks a claim from the cheap to the dear; the replay comes last.
  ///
  /// - Parameters:
  ///   - target: what the chain's difficulty asks now.
  ///   - head: the height of the chain now.
  ///   - anchor: the hash of the block at a height, nil if there is none.
  ///   - replay: trains the segment from its proven start state.
  public func check(
    _ claim: MiningClaim, assignment: MiningAssignment, target: MiningTarget,
    history: IterationHistory, registry: IterationRegistry, head: UInt64,
    anchor: (UInt64) -> Digest?,
    replay: (TrainingTask, Int) throws(WorkError) -> SegmentRoots
  ) throws(MiningError) {
    try checkName(claim, assignment: assignment, registry: registry)
    try checkHistory(claim, assignment: assignment, history: history)
    try checkAnchor(claim.block, head: head, anchor: anchor)
    let segment = Int(claim.message.segment)
    let attempts = assignment.task.attempts(segment: segment, parameters: parameters)
    guard claim.attempt < attempts else {
      throw .attemptOutOfRange(claim.attempt, attempts: attempts)
    }
    let hash = claim.hash
    guard target.isMet(by: hash) else { throw .targetMissed(hash) }
    try check(claim.message.roots, against: replay, assignment.task, segment)
  }

  private func checkName(
    _ claim: MiningClaim, assignment: MiningAssignment, registry: IterationRegistry
  ) throws(MiningError) {
    let message = claim.message
    let task = assignment.task
    let name = task.digest
    guard message.task == name else { throw .otherTask(expected: name, found: message.task) }
    guard message.segment < task.segments else {
      throw .noSuchSegment(message.segment, segments: task.segments)
    }
    let key = IterationKey(task: task, segment: Int(message.segment))
    guard !registry.contains(key) else { throw .alreadyAccepted(key) }
    guard claim.block.chain == chain else { throw .otherChain(claim.block.chain) }
    guard claim.block.miner == message.miner else { throw .otherMiner }
    guard message.isSignatureValid else { throw .badSignature }
  }

  private func checkHistory(
    _ claim: MiningClaim, assignment: MiningAssignment, history: IterationHistory
  ) throws(MiningError) {
    let message = claim.message
    let lookahead = UInt64(parameters.lookahead)
    guard history.entry(of: message.miner, sequence: message.sequence)?.message == message else {
      throw .notInHistory(sequence: message.sequence)
    }
    guard message.sequence >= lookahead else {
      throw .tooFewMessages(sequence: message.sequence, lookahead: parameters.lookahead)
    }
    let earlier = message.sequence - lookahead
    guard let committed = history.entry(of: message.miner, sequence: earlier) else {
      throw .notInHistory(sequence: earlier)
    }
    let hash = claim.block.hash
    guard committed.message.commitment == hash else {
      throw .commitmentDiffers(expected: committed.message.commitment, found: hash)
    }
    // Who knows the work can compute its roots and choose the block to fit them.
    guard committed.height < assignment.knownSince else {
      throw .committedTooLate(height: committed.height, knownSince: assignment.knownSince)
    }
  }

  private func checkAnchor(
    _ block: ZeroNonceBlock, head: UInt64, anchor: (UInt64) -> Digest?
  ) throws(MiningError) {
    let oldest = head > anchorAgeMax ? head - anchorAgeMax : 0
    guard block.height >= oldest else {
      throw .staleAnchor(height: block.height, oldest: oldest)
    }
    guard block.height <= head, anchor(block.height) == block.anchor else {
      throw .unknownAnchor(height: block.height)
    }
  }

  private func check(
    _ claimed: SegmentRoots,
    against replay: (TrainingTask, Int) throws(WorkError) -> SegmentRoots, _ task: TrainingTask,
    _ segment: Int
  ) throws(MiningError) {
    let expected: SegmentRoots
    do {
      expected = try replay(task, segment)
    } catch {
      throw .replay(error)
    }
    guard expected.start == claimed.start else {
      throw .startDiffers(expected: expected.start, claimed: claimed.start)
    }
    guard expected.end == claimed.end else {
      throw .endDiffers(expected: expected.end, claimed: claimed.end)
    }
    guard expected.delta == claimed.delta else {
      throw .deltaDiffers(expected: expected.delta, claimed: claimed.delta)
    }
  }
}
