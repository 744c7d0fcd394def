public import Cryptography
public import Primitives

/// What a job costs and who may do what in it.
public struct JobSubmission: Hashable, Sendable {
  /// The submitter's own name of the session; the job's id is derived from it.
  public var session: Digest
  /// The digest of the full specification: model, data, settings, seed.
  public var specification: Digest
  /// Who settles rounds.
  public var coordinator: AccountID
  /// Rounds, from 0.
  public var rounds: UInt32
  /// Logical clients of each round.
  public var clients: UInt32
  /// What a worker gets for one accepted client-round.
  public var workPrice: Amount
  /// What the validator gets for the first verdict on one client-round, whatever it says.
  public var checkPrice: Amount
  /// Who evaluates the model of each round, if anybody is paid for it.
  public var evaluator: AccountID?
  /// What the evaluator gets for one settled round.
  public var evaluationPrice: Amount
  /// The share of segments that validators replay, in parts per million.
  public var auditPartsPerMillion: UInt32
  /// From this height on anybody may close the job.
  public var deadline: BlockHeight

  /// Describes a job.
  public init(
    session: Digest, specification: Digest, coordinator: AccountID, rounds: UInt32,
    clients: UInt32, workPrice: Amount, checkPrice: Amount = .zero,
    evaluator: AccountID? = nil, evaluationPrice: Amount = .zero,
    auditPartsPerMillion: UInt32 = Self.wholeAudit, deadline: BlockHeight
  ) {
    self.session = session
    self.specification = specification
    self.coordinator = coordinator
    self.rounds = rounds
    self.clients = clients
    self.workPrice = workPrice
    self.checkPrice = checkPrice
    self.evaluator = evaluator
    self.evaluationPrice = evaluationPrice
    self.auditPartsPerMillion = auditPartsPerMillion
    self.deadline = deadline
  }

  /// Every segment is replayed.
  public static let wholeAudit: UInt32 = 1_000_000

  /// The id of this job when `submitter` submits it.
  public func jobID(submitter: AccountID) -> JobID {
    JobID(submitter: submitter, session: session)
  }

  /// rounds · (clients · (workPrice + checkPrice) + evaluationPrice).
  public func escrow() throws(LedgerError) -> Amount {
    try money { () throws(AmountError) in
      let clientRound = try workPrice.adding(checkPrice)
      let round = try clientRound.multiplied(by: UInt128(clients)).adding(evaluationPrice)
      return try round.multiplied(by: UInt128(rounds))
    }
  }
}

extension JobSubmission: CanonicalCodable {
  /// A map of the fields; `evaluator` is left out when there is none.
  public var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "session": session.canonicalValue, "specification": specification.canonicalValue,
      "coordinator": coordinator.canonicalValue, "rounds": .unsigned(UInt64(rounds)),
      "clients": .unsigned(UInt64(clients)), "workPrice": workPrice.canonicalValue,
      "checkPrice": checkPrice.canonicalValue,
      "evaluationPrice": evaluationPrice.canonicalValue,
      "audit": .unsigned(UInt64(auditPartsPerMillion)), "deadline": .unsigned(deadline),
    ]
    if let evaluator { entries["evaluator"] = evaluator.canonicalValue }
    return .map(entries)
  }

  /// Reads the fields; their sense is checked when the job is submitted.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    session = try fields.nested("session")
    specification = try fields.nested("specification")
    coordinator = try fields.nested("coordinator")
    rounds = try fields.unsigned32("rounds")
    clients = try fields.unsigned32("clients")
    workPrice = try fields.nested("workPrice")
    checkPrice = try fields.nested("checkPrice")
    evaluator = try fields.optionalNested("evaluator")
    evaluationPrice = try fields.nested("evaluationPrice")
    auditPartsPerMillion = try fields.unsigned32("audit")
    deadline = try fields.unsigned("deadline")
    try fields.finish()
  }
}
