public import Cryptography
public import Primitives

/// What a worker signs before anybody knows which segments are replayed.
public struct WorkCommitment: Hashable, Sendable {
  /// The client-round that was worked on.
  public let slot: WorkSlot
  /// The coordinator's count of assignments of this slot.
  public let attempt: UInt32
  /// The model from which the work started.
  public let baseModel: Digest
  /// The SHA-256 digest in the update's CID.
  public let update: Digest
  /// The RFC 6962 root over the segment roots.
  public let workRoot: Digest
  /// The number of segments under `workRoot`.
  public let segmentCount: UInt32

  /// Describes finished work.
  public init(
    slot: WorkSlot, attempt: UInt32, baseModel: Digest, update: Digest, workRoot: Digest,
    segmentCount: UInt32
  ) {
    self.slot = slot
    self.attempt = attempt
    self.baseModel = baseModel
    self.update = update
    self.workRoot = workRoot
    self.segmentCount = segmentCount
  }
}

extension WorkCommitment: CanonicalCodable {
  /// A map of the fields; the worker is the transaction's sender.
  public var canonicalValue: CanonicalValue {
    var entries = slot.canonicalEntries
    entries["attempt"] = .unsigned(UInt64(attempt))
    entries["base"] = baseModel.canonicalValue
    entries["update"] = update.canonicalValue
    entries["workRoot"] = workRoot.canonicalValue
    entries["segments"] = .unsigned(UInt64(segmentCount))
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    slot = try fields.slot()
    attempt = try fields.unsigned32("attempt")
    baseModel = try fields.nested("base")
    update = try fields.nested("update")
    workRoot = try fields.nested("workRoot")
    segmentCount = try fields.unsigned32("segments")
    try fields.finish()
  }
}

/// Why a validator refused an update.
public enum RejectionReason: String, Hashable, Sendable, CaseIterable {
  /// A replayed segment has other bits.
  case segmentDiffers
  /// The update is not the one that the work record leads to.
  case updateNotBound
  /// The worker did not serve update or start states before the deadline.
  case notServed
  /// The served bytes do not decode or have a wrong shape.
  case malformedUpdate
  /// The work started from another model than the round's.
  case wrongBaseModel
  /// The update holds NaN or infinity.
  case notFinite
}

/// What a validator's replay found.
public enum VerdictOutcome: Hashable, Sendable {
  case accepted
  case rejected(RejectionReason)
}

/// A validator's statement about one committed attempt.
public struct WorkVerdict: Hashable, Sendable {
  /// Whose work was replayed.
  public let work: WorkKey
  /// What was found.
  public let outcome: VerdictOutcome
  /// How many segments were replayed.
  public let segmentsReplayed: UInt32

  /// Describes a finished check.
  public init(work: WorkKey, outcome: VerdictOutcome, segmentsReplayed: UInt32) {
    self.work = work
    self.outcome = outcome
    self.segmentsReplayed = segmentsReplayed
  }
}

extension VerdictOutcome: CanonicalCodable {
  /// The text `accepted` or the reason's name.
  public var canonicalValue: CanonicalValue { .text(name) }

  /// `accepted` or the reason's name.
  public var name: String {
    switch self {
    case .accepted: "accepted"
    case .rejected(let reason): reason.rawValue
    }
  }

  /// Reads the text.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .text(let name) = canonicalValue else {
      throw .malformed(what: "verdict", reason: "expected text")
    }
    if name == "accepted" {
      self = .accepted
    } else if let reason = RejectionReason(rawValue: name) {
      self = .rejected(reason)
    } else {
      throw .malformed(what: "verdict", reason: "unknown outcome")
    }
  }
}

extension WorkVerdict: CanonicalCodable {
  /// A map of the fields; the validator is the transaction's sender.
  public var canonicalValue: CanonicalValue {
    var entries = work.canonicalEntries
    entries["outcome"] = outcome.canonicalValue
    entries["replayed"] = .unsigned(UInt64(segmentsReplayed))
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    work = try fields.workKey()
    outcome = try fields.nested("outcome")
    segmentsReplayed = try fields.unsigned32("replayed")
    try fields.finish()
  }
}
