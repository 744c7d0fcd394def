public import Cryptography
public import FederatedLearning
public import Ledger
public import Primitives

/// Coordinator → node, the answer to `Hello`.
public struct HelloReply: Sendable, CanonicalCodable {
  /// The chain's beginning; a node that knows another one leaves.
  public var genesis: Genesis
  /// The newest block that the coordinator has.
  public var height: BlockHeight

  /// Collects both.
  public init(genesis: Genesis, height: BlockHeight) {
    self.genesis = genesis
    self.height = height
  }

  /// A map of both.
  public var canonicalValue: CanonicalValue {
    .map(["genesis": genesis.canonicalValue, "height": .unsigned(height)])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    genesis = try fields.nested("genesis")
    height = try fields.unsigned("height")
    try fields.finish()
  }
}

/// Coordinator → node: what the caller's account holds.
public struct AccountReply: Hashable, Sendable, CanonicalCodable {
  /// What it can spend.
  public var balance: Amount
  /// What answers for its work.
  public var stake: Amount
  /// The nonce of its next transaction, those under way included.
  public var nextNonce: UInt64

  /// Collects the parts.
  public init(balance: Amount, stake: Amount, nextNonce: UInt64) {
    self.balance = balance
    self.stake = stake
    self.nextNonce = nextNonce
  }

  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "balance": balance.canonicalValue, "stake": stake.canonicalValue,
      "nonce": .unsigned(nextNonce),
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    balance = try fields.nested("balance")
    stake = try fields.nested("stake")
    nextNonce = try fields.unsigned("nonce")
    try fields.finish()
  }
}

/// Validator → coordinator: serve the evidence of this commitment.
public struct EvidenceRequest: Hashable, Sendable, CanonicalCodable {
  /// The ledger's job.
  public var job: Digest
  /// The try.
  public var assignment: Assignment

  /// Collects the parts.
  public init(job: Digest, assignment: Assignment) {
    self.job = job
    self.assignment = assignment
  }

  /// A map of both.
  public var canonicalValue: CanonicalValue {
    .map(["job": job.canonicalValue, "assignment": assignment.canonicalValue])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    job = try fields.nested("job")
    assignment = try fields.nested("assignment")
    try fields.finish()
  }
}

/// Coordinator → validator: the evidence of a commitment. The trained parameters, little-endian,
/// follow as the body of the answer.
public struct EvidenceReply: Hashable, Sendable, CanonicalCodable {
  /// `WorkRecord`, canonical.
  public var record: Bytes
  /// Where the session's specification is stored.
  public var specification: ContentReference

  /// Collects the parts.
  public init(record: Bytes, specification: ContentReference) {
    self.record = record
    self.specification = specification
  }

  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map(["record": .bytes(record), "specification": specification.canonicalValue])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    record = try fields.bytes("record")
    specification = try fields.nested("specification")
    try fields.finish()
  }
}

/// Coordinator → evaluator: score this model.
public struct EvaluationRequest: Hashable, Sendable, CanonicalCodable {
  /// Where the session's specification is stored.
  public var specification: ContentReference
  /// `ParameterBuffer.digest` of the model.
  public var model: Digest

  /// Collects both.
  public init(specification: ContentReference, model: Digest) {
    self.specification = specification
    self.model = model
  }

  /// A map of both.
  public var canonicalValue: CanonicalValue {
    .map(["specification": specification.canonicalValue, "model": model.canonicalValue])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    specification = try fields.nested("specification")
    model = try fields.nested("model")
    try fields.finish()
  }
}

extension RoundScore: CanonicalCodable {
  /// A map of the two bit patterns.
  public var canonicalValue: CanonicalValue {
    .map([
      "accuracyBits": .unsigned(UInt64(accuracy.bitPattern)),
      "lossBits": .unsigned(UInt64(loss.bitPattern)),
    ])
  }

  /// Reads the map back; a score that is not finite is refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let accuracy = Float(
      bitPattern: UInt32(try fields.count("accuracyBits", max: Int(UInt32.max))))
    let loss = Float(bitPattern: UInt32(try fields.count("lossBits", max: Int(UInt32.max))))
    try fields.finish()
    guard accuracy.isFinite, loss.isFinite else {
      throw .malformed(what: "score", reason: "not finite")
    }
    self.init(accuracy: accuracy, loss: loss)
  }
}

/// Blocks from a height on: the argument of `ledger.blocks`.
public struct BlockRange: Hashable, Sendable, CanonicalCodable {
  /// The first height that is wanted.
  public var from: BlockHeight
  /// Blocks of one answer at most; an answer stays below the message limit.
  public static let countMax = 64

  /// Asks from `from` on.
  public init(from: BlockHeight) { self.from = from }

  /// A map of one field.
  public var canonicalValue: CanonicalValue { .map(["from": .unsigned(from)]) }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    from = try fields.unsigned("from")
    try fields.finish()
  }
}
