public import Cryptography
public import Primitives

/// An open job and its escrow. A closed job leaves the state; the blocks remember it.
public struct Job: Hashable, Sendable {
  /// Who paid and gets the refund.
  public let submitter: AccountID
  /// What was ordered.
  public let terms: JobSubmission
  /// What is left of the escrow.
  public var escrow: Amount
  /// Rounds that are settled; the next settlement is of this round.
  public var settledRounds: UInt32
  /// Commitments without a verdict in client-rounds of which no attempt is accepted.
  public var unjudged: UInt64

  /// The rounds for which commitments are accepted.
  public var openRounds: Range<UInt32> {
    let (end, overflow) = settledRounds.addingReportingOverflow(LedgerLimits.openRoundsMax)
    return settledRounds..<min(overflow ? .max : end, terms.rounds)
  }
}

extension Job: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "submitter": submitter.canonicalValue, "terms": terms.canonicalValue,
      "escrow": escrow.canonicalValue, "settled": .unsigned(UInt64(settledRounds)),
      "unjudged": .unsigned(unjudged),
    ])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    submitter = try fields.nested("submitter")
    terms = try fields.nested("terms")
    escrow = try fields.nested("escrow")
    settledRounds = try fields.unsigned32("settled")
    guard settledRounds <= terms.rounds else {
      throw .malformed(what: "job", reason: "more rounds are settled than ordered")
    }
    unjudged = try fields.unsigned("unjudged")
    try fields.finish()
  }
}
