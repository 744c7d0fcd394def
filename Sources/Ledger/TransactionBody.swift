public import Cryptography
public import Primitives

/// What a transaction orders.
public enum TransactionBody: Hashable, Sendable {
  /// Moves balance to another account.
  case transfer(to: AccountID, amount: Amount)
  /// Moves balance into the sender's stake.
  case stake(amount: Amount)
  /// Moves stake back; it stays slashable until the unbonding height.
  case unstake(amount: Amount)
  /// Puts the price of a whole job into escrow.
  case submitJob(JobSubmission)
  /// Binds a worker to a result before the beacon draws what is replayed.
  case commitWork(WorkCommitment)
  /// Says what a validator's replay found.
  case verdict(WorkVerdict)
  /// Takes a part of the stake of a worker, with the evidence.
  case slash(WorkKey, SlashEvidence)
  /// Pays the accepted work of one round.
  case settle(Settlement)
  /// Pays what is still owed and refunds the rest of the escrow.
  case closeJob(JobID)
  /// Registers content, changes its terms, or pays for accesses.
  case content(ContentOrder)
  /// Rewards a contribution after a review.
  case reward(RewardOrder)
  /// Pays for kept content by proofs of retrievability.
  case storage(StorageOrder)
}

extension TransactionBody {
  /// The kind as it is named in the encoding and in JSON.
  public var kind: String {
    switch self {
    case .transfer: "transfer"
    case .stake: "stake"
    case .unstake: "unstake"
    case .submitJob: "submitJob"
    case .commitWork: "commitWork"
    case .verdict: "verdict"
    case .slash: "slash"
    case .settle: "settle"
    case .closeJob: "closeJob"
    case .content(let order): order.kind
    case .reward(let order): order.kind
    case .storage(let order): order.kind
    }
  }

  /// The amount that the proportional fee is taken of; nil for work on an escrowed job, which
  /// needs stake, a seat or the coordinator's key and is bounded per slot, so it goes without fee.
  public var feeBase: Amount? {
    switch self {
    case .transfer(_, let amount): amount
    case .submitJob(let submission): (try? submission.escrow()) ?? .zero
    case .stake, .unstake: .zero
    case .commitWork, .verdict, .slash, .settle, .closeJob: nil
    case .content(let order): order.feeBase
    case .reward(let order): order.feeBase
    case .storage(let order): order.feeBase
    }
  }

  /// The job that the order is about.
  public func job(sender: AccountID) -> JobID? {
    switch self {
    case .transfer, .stake, .unstake, .content, .reward, .storage: nil
    case .submitJob(let submission): submission.jobID(submitter: sender)
    case .commitWork(let commitment): commitment.slot.job
    case .verdict(let verdict): verdict.work.slot.job
    case .slash(let work, _): work.slot.job
    case .settle(let settlement): settlement.job
    case .closeJob(let job): job
    }
  }
}

extension TransactionBody: CanonicalCodable {
  /// A map with one entry: the kind and its fields.
  public var canonicalValue: CanonicalValue { .map([kind: fields]) }

  private var fields: CanonicalValue {
    switch self {
    case .transfer(let recipient, let amount):
      .map(["to": recipient.canonicalValue, "amount": amount.canonicalValue])
    case .stake(let amount), .unstake(let amount): .map(["amount": amount.canonicalValue])
    case .submitJob(let submission): submission.canonicalValue
    case .commitWork(let commitment): commitment.canonicalValue
    case .verdict(let verdict): verdict.canonicalValue
    case .slash(let work, let evidence):
      .map(
        work.canonicalEntries.merging(["evidence": evidence.canonicalValue]) { first, _ in first })
    case .settle(let settlement): settlement.canonicalValue
    case .closeJob(let job): .map(["job": job.canonicalValue])
    case .content(let order): order.fields
    case .reward(let order): order.fields
    case .storage(let order): order.fields
    }
  }

  /// Reads the one entry.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .map(let entries) = canonicalValue, entries.count == 1,
      let (kind, value) = entries.first
    else { throw .malformed(what: "transaction body", reason: "expected one kind") }
    switch kind {
    case "submitJob": self = .submitJob(try JobSubmission(canonicalValue: value))
    case "commitWork": self = .commitWork(try WorkCommitment(canonicalValue: value))
    case "verdict": self = .verdict(try WorkVerdict(canonicalValue: value))
    case "settle": self = .settle(try Settlement(canonicalValue: value))
    default:
      if let order = try Self.contentOrder(kind, value) {
        self = order
      } else {
        self = try Self.small(kind, value)
      }
    }
  }

  private static func contentOrder(
    _ kind: String, _ value: CanonicalValue
  ) throws(DecodingFailure) -> TransactionBody? {
    if let order = try ContentOrder(kind: kind, fields: value) { return .content(order) }
    if let order = try RewardOrder(kind: kind, fields: value) { return .reward(order) }
    if let order = try StorageOrder(kind: kind, fields: value) { return .storage(order) }
    return nil
  }

  private static func small(
    _ kind: String, _ value: CanonicalValue
  ) throws(DecodingFailure) -> TransactionBody {
    var fields = try CanonicalFields(value)
    let body: TransactionBody
    switch kind {
    case "transfer":
      body = .transfer(to: try fields.nested("to"), amount: try fields.nested("amount"))
    case "stake": body = .stake(amount: try fields.nested("amount"))
    case "unstake": body = .unstake(amount: try fields.nested("amount"))
    case "slash": body = .slash(try fields.workKey(), try fields.nested("evidence"))
    case "closeJob": body = .closeJob(try fields.nested("job"))
    default: throw .malformed(what: "transaction body", reason: "unknown kind `\(kind)`")
    }
    try fields.finish()
    return body
  }
}
