public import Cryptography
public import FederatedLearning
public import Primitives
public import UsefulWork

/// Which work a dispute is about, with all that a validator needs to do it itself.
public struct DisputedWork: Hashable, Sendable {
  /// The ledger's job.
  public let job: Digest
  /// The try whose update was rejected.
  public let assignment: Assignment
  /// Where the session's specification is stored.
  public let specification: ContentReference
  /// The model that the round starts from.
  public let base: Digest

  /// Collects the parts.
  public init(
    job: Digest, assignment: Assignment, specification: ContentReference, base: Digest
  ) {
    self.job = job
    self.assignment = assignment
    self.specification = specification
    self.base = base
  }

  private static let domain = Bytes("martlet/dispute/1".utf8)

  /// The name of the dispute over this work between a worker's and a validator's work root.
  public func dispute(over roots: DisputeSides<Digest>) -> Digest {
    SHA256.hash(Self.domain, encoded(), roots.first.bytes, roots.second.bytes)
  }
}

/// Validator → coordinator: what its own training of the disputed work gave. From here on it is
/// bound by this record as the worker is by its commitment.
public struct DisputeStand: Hashable, Sendable {
  /// Its record of the task.
  public let record: WorkRecord
  /// By the validator's key, over the work and the record's work root.
  public let signature: Signature

  private static let domain = Bytes("martlet/dispute/stand/1".utf8)

  /// Signs a record.
  public init(signing record: WorkRecord, of work: DisputedWork, key: SigningKey) {
    self.record = record
    signature = key.sign(Self.message(work, record))
  }

  /// Whether `validator` signed it for this work.
  public func isSigned(by validator: PublicKey, for work: DisputedWork) -> Bool {
    validator.verify(signature, of: Self.message(work, record))
  }

  private static func message(_ work: DisputedWork, _ record: WorkRecord) -> Bytes {
    domain + SHA256.hash(work.encoded()).bytes + record.workRoot.bytes
  }
}

/// Coordinator → worker or validator: one question of a dispute.
public struct DisputeCall: Hashable, Sendable {
  /// What is disputed.
  public let work: DisputedWork
  /// What is asked.
  public let question: DisputeQuestion

  /// Collects both.
  public init(work: DisputedWork, question: DisputeQuestion) {
    self.work = work
    self.question = question
  }
}

/// The answer to a question, signed, so that somebody else can judge the dispute again.
public struct SignedDisputeReply: Hashable, Sendable {
  /// The answer.
  public let reply: DisputeReply
  /// By the party's key, over question and answer.
  public let signature: Signature

  private static let domain = Bytes("martlet/dispute/answer/1".utf8)

  /// Signs an answer.
  public init(signing answer: DisputeAnswer, to question: DisputeQuestion, key: SigningKey) {
    reply = DisputeReply(dispute: question.dispute, round: question.round, answer: answer)
    signature = key.sign(Self.message(question, reply))
  }

  /// The answer, if it is `party`'s to this question.
  public func answer(to question: DisputeQuestion, of party: PublicKey) -> DisputeAnswer? {
    guard reply.dispute == question.dispute, reply.round == question.round,
      party.verify(signature, of: Self.message(question, reply))
    else { return nil }
    return reply.answer
  }

  private static func message(_ question: DisputeQuestion, _ reply: DisputeReply) -> Bytes {
    domain + SHA256.hash(question.encoded()).bytes + SHA256.hash(reply.encoded()).bytes
  }
}

extension DisputedWork: CanonicalCodable {
  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "job": job.canonicalValue, "assignment": assignment.canonicalValue,
      "specification": specification.canonicalValue, "base": base.canonicalValue,
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    job = try fields.nested("job")
    assignment = try fields.nested("assignment")
    specification = try fields.nested("specification")
    base = try fields.nested("base")
    try fields.finish()
  }
}

extension DisputeStand: CanonicalCodable {
  /// A map of record and signature.
  public var canonicalValue: CanonicalValue {
    .map(["record": record.canonicalValue, "signature": signature.canonicalValue])
  }

  /// Reads the map back; whose signature it is, is checked apart.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    record = try fields.nested("record")
    signature = try fields.nested("signature")
    try fields.finish()
  }
}

extension DisputeCall: CanonicalCodable {
  /// A map of work and question.
  public var canonicalValue: CanonicalValue {
    .map(["work": work.canonicalValue, "question": question.canonicalValue])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    work = try fields.nested("work")
    question = try fields.nested("question")
    try fields.finish()
  }
}

extension SignedDisputeReply: CanonicalCodable {
  /// A map of the reply and the signature.
  public var canonicalValue: CanonicalValue {
    .map(["reply": reply.canonicalValue, "signature": signature.canonicalValue])
  }

  /// Reads the map back; whose signature it is, is checked apart. Decode with
  /// `DisputeLimits.answer`.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    reply = try fields.nested("reply")
    signature = try fields.nested("signature")
    try fields.finish()
  }
}
