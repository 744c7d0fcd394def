internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Orchestration
internal import Primitives

/// One entry of the coordinator's log: what has to be known after a crash.
enum CoordinatorRecord: Sendable, Hashable {
  case created(SessionCreation)
  /// The client asked for the session to start once its escrow is on the ledger.
  case startRequested(session: Digest)
  case event(session: Digest, SessionEvent)
  /// A worker's signed work, before the event that counts it.
  case submission(session: Digest, StoredSubmission)
  /// A transaction that was acknowledged, or signed here, before it is sent.
  case transaction(Bytes)
  /// Where the mean of a round is stored, before the event that names it.
  case model(session: Digest, digest: Digest, cid: CID)
  /// How the dispute over a rejected update ended.
  case dispute(session: Digest, StoredRuling)
}

/// A session as it was ordered.
struct SessionCreation: Hashable, Sendable {
  let specification: SessionSpecification
  let reference: ContentReference
  let job: Digest
  /// The signed `submitJob` transaction, canonical: sent again until the ledger has it.
  let order: Bytes
  let createdAtMilliseconds: UInt64
  /// Present if the client may repeat the order.
  var orderKey: OrderKey?
}

/// A worker's update, record and commitment, all durable.
struct StoredSubmission: Hashable, Sendable {
  let update: Update
  let parameters: CID
  let record: CID
  /// The signed `commitWork` transaction, canonical.
  let commitment: Bytes
}

extension CoordinatorRecord: CanonicalCodable {
  var canonicalValue: CanonicalValue {
    switch self {
    case .created(let creation): .map(["created": creation.canonicalValue])
    case .startRequested(let session):
      .map(["startRequested": session.canonicalValue])
    case .event(let session, let event):
      .map(["session": session.canonicalValue, "event": event.canonicalValue])
    case .submission(let session, let submission):
      .map(["session": session.canonicalValue, "submission": submission.canonicalValue])
    case .transaction(let bytes): .map(["transaction": .bytes(bytes)])
    case .model(let session, let digest, let cid):
      .map([
        "session": session.canonicalValue, "model": digest.canonicalValue,
        "cid": .link(cid.bytes),
      ])
    case .dispute(let session, let ruling):
      .map(["session": session.canonicalValue, "dispute": ruling.canonicalValue])
    }
  }

  init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    if let creation = fields.optional("created") {
      self = .created(try SessionCreation(canonicalValue: creation))
    } else if let session = fields.optional("startRequested") {
      self = .startRequested(session: try Digest(canonicalValue: session))
    } else if let transaction = fields.optional("transaction") {
      guard case .bytes(let bytes) = transaction else {
        throw .malformed(what: "field `transaction`", reason: "expected bytes")
      }
      self = .transaction(bytes)
    } else {
      let session = try fields.nested("session", as: Digest.self)
      if let event = fields.optional("event") {
        self = .event(session: session, try SessionEvent(canonicalValue: event))
      } else if let submission = fields.optional("submission") {
        self = .submission(
          session: session, try StoredSubmission(canonicalValue: submission))
      } else if let ruling = fields.optional("dispute") {
        self = .dispute(session: session, try StoredRuling(canonicalValue: ruling))
      } else {
        self = .model(
          session: session, digest: try fields.nested("model"), cid: try fields.cid("cid"))
      }
    }
    try fields.finish()
  }
}

extension SessionCreation: CanonicalCodable {
  var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "specification": specification.canonicalValue, "reference": reference.canonicalValue,
      "job": job.canonicalValue, "order": .bytes(order),
      "createdAt": .unsigned(createdAtMilliseconds),
    ]
    if let orderKey { entries["orderKey"] = orderKey.canonicalValue }
    return .map(entries)
  }

  init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    specification = try fields.nested("specification")
    reference = try fields.nested("reference")
    job = try fields.nested("job")
    order = try fields.bytes("order")
    createdAtMilliseconds = try fields.unsigned("createdAt")
    if let value = fields.optional("orderKey") {
      orderKey = try OrderKey(canonicalValue: value)
    }
    try fields.finish()
  }
}

extension StoredSubmission: CanonicalCodable {
  var canonicalValue: CanonicalValue {
    .map([
      "update": update.canonicalValue, "parameters": .link(parameters.bytes),
      "record": .link(record.bytes), "commitment": .bytes(commitment),
    ])
  }

  init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    update = try fields.nested("update")
    parameters = try fields.cid("parameters")
    record = try fields.cid("record")
    commitment = try fields.bytes("commitment")
    try fields.finish()
  }
}

extension CanonicalFields {
  mutating func cid(_ name: String) throws(DecodingFailure) -> CID {
    guard case .link(let bytes) = try value(name), let cid = try? CID(decoding: bytes) else {
      throw .malformed(what: "field `\(name)`", reason: "expected a CID")
    }
    return cid
  }
}
