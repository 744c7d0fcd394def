internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Orchestration
internal import Primitives
internal import UsefulWork

/// A rejected update over which the coordinator is to hold a dispute.
struct Rejection: Hashable, Sendable {
  let session: Digest
  let assignment: Assignment
  /// Who signed the verdict.
  let validator: PublicKey
}

/// Which disputes are held and which wait.
struct DisputeBook: Sendable {
  enum Limits {
    /// Disputes at once: one round of each may hold two openings in memory.
    static let underWayMax = 2
    /// Rejections that wait for their dispute; those beyond have none.
    static let waitingMax = 64
    /// How many trainings of the task one answer may take: a worker may be slower than a validator.
    static let timeoutTrainings = 4
  }

  private(set) var underWay = 0
  private(set) var waiting: [Rejection] = []

  /// Takes a rejection in; false if too many wait.
  mutating func add(_ rejection: Rejection) -> Bool {
    guard waiting.count < Limits.waitingMax else { return false }
    waiting.append(rejection)
    return true
  }

  /// The next one to hold, if there is room.
  mutating func next() -> Rejection? {
    guard underWay < Limits.underWayMax, !waiting.isEmpty else { return nil }
    underWay += 1
    return waiting.removeFirst()
  }

  /// One is over.
  mutating func finish() {
    precondition(underWay > 0)
    underWay -= 1
  }
}

/// Where the dispute over a rejected update stands.
enum DisputeState: Hashable, Sendable {
  case open
  case ruled(StoredRuling)

  /// The ruling, once there is one.
  var ruling: DisputeRuling? {
    guard case .ruled(let stored) = self else { return nil }
    return stored.ruling
  }
}

/// A ruling as the log keeps it.
struct StoredRuling: Hashable, Sendable {
  let assignment: Assignment
  let validator: PublicKey
  let ruling: DisputeRuling
  /// `DisputeTranscript`; nil if nothing was asked.
  let transcript: CID?
}

extension VerdictOutcome {
  /// Whether the worker's signed record is said to be wrong; other rejections have nothing in them
  /// that two parties could have computed.
  var isDisputable: Bool {
    switch self {
    case .rejected(.segmentDiffers), .rejected(.updateNotBound): true
    case .accepted, .rejected: false
    }
  }
}

extension StoredRuling: CanonicalCodable {
  var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "assignment": assignment.canonicalValue, "validator": validator.canonicalValue,
      "ruling": ruling.canonicalValue,
    ]
    entries["transcript"] = transcript.map { .link($0.bytes) }
    return .map(entries)
  }

  init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    assignment = try fields.nested("assignment")
    validator = try fields.nested("validator")
    ruling = try fields.nested("ruling")
    if let value = fields.optional("transcript") {
      guard case .link(let bytes) = value, let cid = try? CID(decoding: bytes) else {
        throw .malformed(what: "field `transcript`", reason: "expected a CID")
      }
      transcript = cid
    } else {
      transcript = nil
    }
    try fields.finish()
  }
}
