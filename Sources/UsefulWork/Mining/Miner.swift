public import Cryptography
public import Ledger
internal import Primitives

/// The mining half of a worker: its message chain and the zero-nonce blocks it is bound to.
public struct Miner: Sendable {
  /// What one segment gives.
  public struct Yield: Hashable, Sendable {
    /// Always sent, so that later segments can win.
    public let message: IterationMessage
    /// Sent too if an attempt has won.
    public let claim: MiningClaim?
  }

  /// ω_B, ω_M and k.
  public let parameters: MiningParameters
  private let key: SigningKey
  private var sequence: UInt64 = 0
  private var head = Digest.zero
  /// The blocks of the newest `lookahead` messages, oldest first.
  private var blocks: [ZeroNonceBlock] = []

  /// A miner that has said nothing yet.
  public init(key: SigningKey, parameters: MiningParameters) {
    self.key = key
    self.parameters = parameters
  }

  /// Says what a segment did, commits to a block for k segments later, and tries the nonces that
  /// the task allows. `effort` in parts per million lowers a node's own use of them.
  public mutating func finish(
    segment: Int, of task: TrainingTask, roots: SegmentRoots,
    anchor: (height: UInt64, hash: Digest),
    chain: Digest, transactions: Digest = .zero, target: MiningTarget,
    effort: UInt32 = SamplePlan.fullAudit
  ) -> Yield {
    let block = ZeroNonceBlock(
      chain: chain, height: anchor.height, anchor: anchor.hash, transactions: transactions,
      miner: key.publicKey)
    let message = IterationMessage(
      sequence: sequence, previous: head, task: task.digest, segment: UInt32(segment),
      roots: roots, commitment: block.hash, key: key)
    sequence += 1
    head = message.digest
    defer { blocks.append(block) }
    guard blocks.count == parameters.lookahead else { return Yield(message: message, claim: nil) }
    let bound = blocks.removeFirst()
    let allowed = task.attempts(segment: segment, parameters: parameters)
    let share = UInt128(allowed) * UInt128(min(effort, SamplePlan.fullAudit))
    let count = UInt64(share / UInt128(SamplePlan.fullAudit))
    let claim = message.attempts(on: bound.hash).search(count: count, target: target).map {
      MiningClaim(message: message, block: bound, attempt: $0)
    }
    return Yield(message: message, claim: claim)
  }
}
