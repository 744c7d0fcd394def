public import Cryptography
public import Primitives

/// What the referee asks of both parties. Segments, steps and operators count from 0; steps from
/// the task's start.
public enum DisputeQuery: Hashable, Sendable {
  /// The state root after a segment, under the signed work root.
  case segmentRoot(segment: Int)
  /// The Merkle root over the state roots after each step of a segment.
  case stepCommitment(segment: Int)
  /// The state root after a step, under the step commitment.
  case stepRoot(step: Int)
  /// The Merkle root over the chain of operator digests of a step.
  case operatorCommitment(step: Int)
  /// One link of that chain.
  case operatorLink(step: Int, operatorIndex: Int)
  /// The digests up to an operator, and the bytes that the operator reads.
  case opening(step: Int, operatorIndex: Int)
}

/// What a party answers.
public enum DisputeAnswer: Hashable, Sendable {
  /// A state root or link, and the proof that the party was bound to it before.
  case value(Digest, MerkleProof)
  /// A new root, and the proof that its last leaf is the state root claimed before.
  case stepCommitment(root: Digest, last: MerkleProof)
  /// A new root, the link before the last one, and the proof of the last link.
  case operatorCommitment(root: Digest, before: Digest, last: MerkleProof)
  /// `digests` are those of the operators 0…k; `inputs` is what operator k reads.
  case opening(digests: [Digest], inputs: Bytes)
}

/// A question as it is sent: `round` ties the answer to it.
public struct DisputeQuestion: Hashable, Sendable {
  /// The name of the dispute.
  public let dispute: Digest
  /// From 1.
  public let round: Int
  /// What is asked.
  public let query: DisputeQuery

  /// Collects the parts.
  public init(dispute: Digest, round: Int, query: DisputeQuery) {
    self.dispute = dispute
    self.round = round
    self.query = query
  }
}

/// An answer as it is sent.
public struct DisputeReply: Hashable, Sendable {
  /// The name of the dispute.
  public let dispute: Digest
  /// The question's.
  public let round: Int
  /// What is answered.
  public let answer: DisputeAnswer

  /// Collects the parts.
  public init(dispute: Digest, round: Int, answer: DisputeAnswer) {
    self.dispute = dispute
    self.round = round
    self.answer = answer
  }
}

extension DisputeQuestion: CanonicalCodable {
  /// A map of the dispute, the round and the query.
  public var canonicalValue: CanonicalValue {
    .map([
      "dispute": dispute.canonicalValue, "round": .unsigned(UInt64(round)),
      "query": query.canonicalValue,
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    dispute = try fields.nested("dispute")
    round = try fields.count("round", max: Int(UInt32.max))
    query = try fields.nested("query")
    try fields.finish()
  }
}

extension DisputeReply: CanonicalCodable {
  /// A map of the dispute, the round and the answer.
  public var canonicalValue: CanonicalValue {
    .map([
      "dispute": dispute.canonicalValue, "round": .unsigned(UInt64(round)),
      "answer": answer.canonicalValue,
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    dispute = try fields.nested("dispute")
    round = try fields.count("round", max: Int(UInt32.max))
    answer = try fields.nested("answer")
    try fields.finish()
  }
}

extension DisputeQuery: CanonicalCodable {
  /// A map of the kind and its numbers.
  public var canonicalValue: CanonicalValue {
    switch self {
    case .segmentRoot(let segment): Self.map("segment", ["segment": segment])
    case .stepCommitment(let segment): Self.map("steps", ["segment": segment])
    case .stepRoot(let step): Self.map("step", ["step": step])
    case .operatorCommitment(let step): Self.map("operators", ["step": step])
    case .operatorLink(let step, let index):
      Self.map("operator", ["step": step, "operator": index])
    case .opening(let step, let index): Self.map("opening", ["step": step, "operator": index])
    }
  }

  private static func map(_ kind: String, _ numbers: [String: Int]) -> CanonicalValue {
    .map(numbers.mapValues { .unsigned(UInt64($0)) }.merging(["kind": .text(kind)]) { $1 })
  }

  /// Reads the map back; whether the numbers fit the task is checked by who answers.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    func number(_ name: String) throws(DecodingFailure) -> Int {
      try fields.count(name, max: Int(UInt32.max))
    }
    switch try fields.text("kind") {
    case "segment": self = .segmentRoot(segment: try number("segment"))
    case "steps": self = .stepCommitment(segment: try number("segment"))
    case "step": self = .stepRoot(step: try number("step"))
    case "operators": self = .operatorCommitment(step: try number("step"))
    case "operator":
      self = .operatorLink(step: try number("step"), operatorIndex: try number("operator"))
    case "opening":
      self = .opening(step: try number("step"), operatorIndex: try number("operator"))
    default: throw .malformed(what: "dispute query", reason: "unknown kind")
    }
    try fields.finish()
  }
}

extension DisputeAnswer: CanonicalCodable {
  /// A map of the kind and its parts.
  public var canonicalValue: CanonicalValue {
    switch self {
    case .value(let digest, let proof):
      .map([
        "kind": .text("value"), "digest": digest.canonicalValue, "proof": proof.canonicalValue,
      ])
    case .stepCommitment(let root, let last):
      .map([
        "kind": .text("steps"), "root": root.canonicalValue, "last": last.canonicalValue,
      ])
    case .operatorCommitment(let root, let before, let last):
      .map([
        "kind": .text("operators"), "root": root.canonicalValue,
        "before": before.canonicalValue, "last": last.canonicalValue,
      ])
    case .opening(let digests, let inputs):
      .map(["kind": .text("opening"), "digests": .list(digests), "inputs": .bytes(inputs)])
    }
  }

  /// Reads the map back; its truth is checked by the referee.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    switch try fields.text("kind") {
    case "value": self = .value(try fields.nested("digest"), try fields.nested("proof"))
    case "steps":
      self = .stepCommitment(root: try fields.nested("root"), last: try fields.nested("last"))
    case "operators":
      self = .operatorCommitment(
        root: try fields.nested("root"), before: try fields.nested("before"),
        last: try fields.nested("last"))
    case "opening":
      self = .opening(digests: try fields.list("digests"), inputs: try fields.bytes("inputs"))
    default: throw .malformed(what: "dispute answer", reason: "unknown kind")
    }
    try fields.finish()
  }
}
