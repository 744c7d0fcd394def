public import Cryptography
public import FederatedLearning
public import Ledger
public import Primitives
public import UsefulWork

/// Worker → coordinator → validator: what the segments of one piece of work did, and which won.
public struct MiningSubmission: Hashable, Sendable, CanonicalCodable {
  /// The ledger's job.
  public var job: Digest
  /// The try.
  public var assignment: Assignment
  /// The miner's next messages, in order.
  public var messages: [IterationMessage]
  /// The wins among the messages.
  public var claims: [MiningClaim]

  /// Messages of one submission, 2 MiB of them; a worker with more sends several.
  public static let messagesMax = 4_096
  /// Wins of one submission: more say that the target is no target.
  public static let claimsMax = 64

  /// Collects the parts.
  public init(
    job: Digest, assignment: Assignment, messages: [IterationMessage], claims: [MiningClaim]
  ) {
    self.job = job
    self.assignment = assignment
    self.messages = messages
    self.claims = claims
  }

  /// The attempt on the ledger; nil if the worker's name is no Ed25519 key.
  public var work: WorkKey? {
    guard let worker = assignment.worker.publicKey, assignment.round > 0 else { return nil }
    return WorkKey(
      slot: SessionLedger(job: JobID(digest: job)).slot(of: assignment),
      attempt: UInt32(assignment.attempt), worker: worker)
  }

  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "job": job.canonicalValue, "assignment": assignment.canonicalValue,
      "messages": .list(messages), "claims": .list(claims),
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    job = try fields.nested("job")
    assignment = try fields.nested("assignment")
    messages = try fields.list("messages")
    claims = try fields.list("claims")
    try fields.finish()
    guard messages.count <= Self.messagesMax else {
      throw .tooLarge(what: "messages", size: messages.count, limit: Self.messagesMax)
    }
    guard claims.count <= Self.claimsMax else {
      throw .tooLarge(what: "claims", size: claims.count, limit: Self.claimsMax)
    }
  }
}

/// Coordinator → worker: what a miner has to know of the chain.
public struct MiningHead: Hashable, Sendable, CanonicalCodable {
  /// The newest height.
  public var height: UInt64
  /// The newest block's hash.
  public var hash: Digest
  /// What a win has to meet.
  public var target: MiningTarget

  /// Collects the parts.
  public init(height: UInt64, hash: Digest, target: MiningTarget) {
    self.height = height
    self.hash = hash
    self.target = target
  }

  /// The head of a ledger; nil if nothing is mined on it.
  public init?(of state: LedgerState) {
    guard let mining = state.chain.mining else { return nil }
    self.init(
      height: state.chain.height, hash: state.chain.headHash, target: mining.difficulty.target)
  }

  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "height": .unsigned(height), "hash": hash.canonicalValue, "target": target.canonicalValue,
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    height = try fields.unsigned("height")
    hash = try fields.nested("hash")
    target = try fields.nested("target")
    try fields.finish()
  }
}
