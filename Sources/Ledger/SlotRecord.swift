public import Cryptography
public import Primitives

/// A commitment as the ledger keeps it.
public struct CommittedWork: Hashable, Sendable {
  /// Who signed it.
  public let worker: AccountID
  /// What was signed.
  public let commitment: WorkCommitment
  /// The block that holds it.
  public let height: BlockHeight
  /// What a validator found, if one has spoken.
  public var outcome: VerdictOutcome?
  /// Whether stake was taken for it.
  public var isSlashed: Bool
}

/// Everything that happened in one client-round.
public struct SlotRecord: Hashable, Sendable {
  /// In order of arrival.
  public var works: [CommittedWork] = []
  /// The place in `works` of the attempt that counts.
  public var accepted: Int?
  /// Whether the accepted attempt is paid.
  public var isPaid = false
  /// Whether the first verdict was paid for.
  public var isCheckPaid = false
  /// The segments of the accepted attempt that have won a block, ascending.
  public var mined: [UInt32] = []

  /// The attempt that counts.
  public var acceptedWork: CommittedWork? { accepted.map { works[$0] } }

  /// Attempts that still need a verdict: none once one of them is accepted.
  var unjudged: UInt64 {
    accepted == nil ? UInt64(works.count { $0.outcome == nil }) : 0
  }

  /// The place of a worker's attempt.
  public func index(attempt: UInt32, worker: AccountID) -> Int? {
    works.firstIndex { $0.commitment.attempt == attempt && $0.worker == worker }
  }
}

extension CommittedWork: CanonicalCodable {
  /// A map of the fields; `outcome` is left out while there is none.
  public var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "worker": worker.canonicalValue, "commitment": commitment.canonicalValue,
      "height": .unsigned(height), "slashed": .bool(isSlashed),
    ]
    if let outcome { entries["outcome"] = outcome.canonicalValue }
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    worker = try fields.nested("worker")
    commitment = try fields.nested("commitment")
    height = try fields.unsigned("height")
    outcome = try fields.optionalNested("outcome")
    isSlashed = try fields.bool("slashed")
    try fields.finish()
  }
}

extension SlotRecord: CanonicalCodable {
  /// A map of the fields; `accepted` and `mined` are left out while there is none.
  public var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "works": .list(works), "paid": .bool(isPaid), "checkPaid": .bool(isCheckPaid),
    ]
    if let accepted { entries["accepted"] = .unsigned(UInt64(accepted)) }
    if !mined.isEmpty { entries["mined"] = .array(mined.map { .unsigned(UInt64($0)) }) }
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    works = try fields.list("works")
    isPaid = try fields.bool("paid")
    isCheckPaid = try fields.bool("checkPaid")
    if case .unsigned(let index)? = fields.optional("accepted") {
      guard index < UInt64(works.count) else {
        throw .malformed(what: "slot", reason: "the accepted attempt does not exist")
      }
      accepted = Int(index)
    }
    mined = try Self.mined(fields.optional("mined"))
    try fields.finish()
  }

  private static func mined(_ value: CanonicalValue?) throws(DecodingFailure) -> [UInt32] {
    guard let value else { return [] }
    guard case .array(let values) = value, !values.isEmpty else {
      throw .malformed(what: "slot", reason: "an empty list of mined segments")
    }
    var segments: [UInt32] = []
    for value in values {
      guard case .unsigned(let number) = value, let segment = UInt32(exactly: number),
        segments.last.map({ $0 < segment }) ?? true
      else { throw .malformed(what: "slot", reason: "mined segments are not in order") }
      segments.append(segment)
    }
    return segments
  }
}
