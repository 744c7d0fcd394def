public import Cryptography
public import Primitives

/// What one worker gets for one accepted client-round.
public struct Payment: Hashable, Sendable {
  /// The logical client.
  public let client: UInt32
  /// Whose commitment was accepted.
  public let worker: AccountID
  /// The job's price of one client-round.
  public let amount: Amount

  /// Names a payment.
  public init(client: UInt32, worker: AccountID, amount: Amount) {
    self.client = client
    self.worker = worker
    self.amount = amount
  }
}

/// The coordinator's end of a round: it lists every payment, so a receipt needs nothing else.
public struct Settlement: Hashable, Sendable {
  /// The job.
  public let job: JobID
  /// The round, from 0; rounds settle in order.
  public let round: UInt32
  /// The aggregated model.
  public let aggregate: Digest
  /// Payments in order of client; each must be what the ledger accepted.
  public let payments: [Payment]

  /// Names a settlement.
  public init(job: JobID, round: UInt32, aggregate: Digest, payments: [Payment]) {
    self.job = job
    self.round = round
    self.aggregate = aggregate
    self.payments = payments
  }
}

extension Payment: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "client": .unsigned(UInt64(client)), "worker": worker.canonicalValue,
      "amount": amount.canonicalValue,
    ])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    client = try fields.unsigned32("client")
    worker = try fields.nested("worker")
    amount = try fields.nested("amount")
    try fields.finish()
  }
}

extension Settlement: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "job": job.canonicalValue, "round": .unsigned(UInt64(round)),
      "aggregate": aggregate.canonicalValue, "payments": .list(payments),
    ])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    job = try fields.nested("job")
    round = try fields.unsigned32("round")
    aggregate = try fields.nested("aggregate")
    payments = try fields.list("payments")
    guard payments.count <= LedgerLimits.clientsMax else {
      throw .tooLarge(what: "payments", size: payments.count, limit: LedgerLimits.clientsMax)
    }
    try fields.finish()
  }
}
