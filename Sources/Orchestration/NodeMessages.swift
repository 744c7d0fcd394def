public import Cryptography
public import FederatedLearning
public import Primitives

/// Methods of `/martlet/rpc/1.0.0` between coordinator and nodes.
public enum RPCMethod {
  /// Node → coordinator, first on each connection.
  public static let hello = "node.hello"
  /// Node → coordinator, and coordinator → validator: admit a signed transaction.
  public static let submitTransaction = "ledger.submit"
  /// Ask for blocks from a height on.
  public static let blocks = "ledger.blocks"
  /// Validator → coordinator: a new block with its certificate.
  public static let block = "ledger.block"
  /// Ask for an account's nonce, balance and stake.
  public static let account = "ledger.account"
  /// Ask for a file of the content store by CID.
  public static let content = "content.get"
  /// Ask for a model by its digest.
  public static let model = "model.get"
  /// Coordinator → worker: do this.
  public static let assign = "work.assign"
  /// Coordinator → worker: no longer needed.
  public static let cancel = "work.cancel"
  /// Worker → coordinator: record and signed commitment; the trained parameters follow as the body.
  public static let submitWork = "work.submit"
  /// Worker → coordinator: it could not be done.
  public static let failWork = "work.fail"
  /// Validator → coordinator: the record of a commitment; the update follows as the body.
  public static let evidence = "work.evidence"
  /// Validator → coordinator → worker: the CID of the start state of a segment.
  public static let startState = "work.state"
  /// Coordinator → validator: train the disputed work and stand by it.
  public static let stand = "work.stand"
  /// Coordinator → worker and validator: a question of a dispute over rejected work.
  public static let dispute = "work.dispute"
  /// Worker → coordinator: what a miner has to know of the chain.
  public static let miningHead = "mining.head"
  /// Worker → coordinator → validator: messages and wins of the segments of handed-in work.
  public static let mine = "mining.submit"
  /// Coordinator → evaluator: score this model.
  public static let evaluate = "model.evaluate"
}

/// What a node does; `init(named:)` also knows the words of similar networks.
public enum NodeRole: String, Sendable, CaseIterable {
  case coordinator, worker, validator, evaluator

  /// Reads a role or one of its aliases.
  public init?(named name: String) {
    switch name {
    case "worker", "miner", "runner": self = .worker
    case "validator", "verifier": self = .validator
    case "evaluator": self = .evaluator
    case "coordinator", "supervisor": self = .coordinator
    default: return nil
    }
  }
}

/// What a node says of itself when it connects; who it is, the handshake has proved.
public struct Hello: Hashable, Sendable, CanonicalCodable {
  /// The role it wants.
  public var role: NodeRole
  /// A label for people; free text, never an identity.
  public var label: String
  /// Longest label in bytes: one line of a table.
  public static let labelBytesMax = 64

  /// Collects the parts.
  public init(role: NodeRole, label: String) {
    self.role = role
    self.label = label
  }

  /// A map of role and label.
  public var canonicalValue: CanonicalValue {
    .map(["role": .text(role.rawValue), "label": .text(label)])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let name = try fields.text("role")
    guard let role = NodeRole(rawValue: name) else {
      throw .malformed(what: "hello", reason: "unknown role `\(name)`")
    }
    self.role = role
    label = try fields.text("label")
    guard label.utf8.count <= Self.labelBytesMax else {
      throw .tooLarge(what: "label", size: label.utf8.count, limit: Self.labelBytesMax)
    }
    // Labels are printed on terminals: no line feeds, no escapes.
    guard label.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) })
    else { throw .malformed(what: "label", reason: "a control character") }
    try fields.finish()
  }
}

/// Which order is meant: tries of different sessions may have equal numbers.
public struct OrderName: Hashable, Sendable, CanonicalCodable {
  /// `SessionSpecification.digest`.
  public let session: Digest
  /// The try.
  public let assignment: Assignment

  /// Collects both.
  public init(session: Digest, assignment: Assignment) {
    self.session = session
    self.assignment = assignment
  }

  /// A map of both.
  public var canonicalValue: CanonicalValue {
    .map(["session": session.canonicalValue, "assignment": assignment.canonicalValue])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    session = try fields.nested("session")
    assignment = try fields.nested("assignment")
    try fields.finish()
  }
}

extension WorkOrder {
  /// What cancels or ends this order.
  public var name: OrderName { OrderName(session: session, assignment: assignment) }
}

/// Coordinator → worker: train this logical client's part of this round.
public struct WorkOrder: Hashable, Sendable, CanonicalCodable {
  /// `SessionSpecification.digest`; the worker fetches the specification once.
  public var session: Digest
  /// The ledger's job.
  public var job: Digest
  /// Where the specification is stored.
  public var specification: ContentReference
  /// The try.
  public var assignment: Assignment
  /// The round's base model.
  public var base: ContentReference

  /// Collects the parts.
  public init(
    session: Digest, job: Digest, specification: ContentReference, assignment: Assignment,
    base: ContentReference
  ) {
    self.session = session
    self.job = job
    self.specification = specification
    self.assignment = assignment
    self.base = base
  }

  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "session": session.canonicalValue, "job": job.canonicalValue,
      "specification": specification.canonicalValue, "assignment": assignment.canonicalValue,
      "base": base.canonicalValue,
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    session = try fields.nested("session")
    job = try fields.nested("job")
    specification = try fields.nested("specification")
    assignment = try fields.nested("assignment")
    base = try fields.nested("base")
    try fields.finish()
  }
}

/// Worker → coordinator: the result of an order. The trained parameters, little-endian, are the
/// body of the call: their size is the architecture's, whatever the peer says.
public struct WorkSubmission: Hashable, Sendable, CanonicalCodable {
  /// `SessionSpecification.digest`.
  public var session: Digest
  /// The try.
  public var assignment: Assignment
  /// `WorkRecord`, canonical.
  public var record: Bytes
  /// The signed `commitWork` transaction, canonical.
  public var commitment: Bytes

  /// Collects the parts.
  public init(session: Digest, assignment: Assignment, record: Bytes, commitment: Bytes) {
    self.session = session
    self.assignment = assignment
    self.record = record
    self.commitment = commitment
  }

  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "session": session.canonicalValue, "assignment": assignment.canonicalValue,
      "record": .bytes(record), "commitment": .bytes(commitment),
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    session = try fields.nested("session")
    assignment = try fields.nested("assignment")
    record = try fields.bytes("record")
    commitment = try fields.bytes("commitment")
    try fields.finish()
  }
}
