public import Cryptography
public import Primitives

/// Why a worker loses stake, in a form that anybody can check against the signed commitment.
public enum SlashEvidence: Hashable, Sendable {
  /// The signed record claims `claimed` for a segment (shown by `proof`), replay gave `recomputed`.
  case segment(claimed: Digest, proof: MerkleProof, recomputed: Digest)
  /// The signed record ends in the parameters `expected` (shown by `proof`), the commitment names
  /// another update.
  case unboundUpdate(expected: Digest, proof: MerkleProof)
}

extension SlashEvidence {
  /// Leaves of a work root before its segment roots: task, final parameters, final optimizer.
  public static let headLeaves = 3
  private static let finalParametersLeaf = 1

  /// The leaf of a segment root or another digest under the work root.
  public static func leaf(of digest: Digest) -> Digest { MerkleTree.leafHash(digest.bytes) }

  /// Refuses evidence that does not contradict what the worker signed.
  func check(against commitment: WorkCommitment) throws(LedgerError) {
    switch self {
    case .segment(let claimed, let proof, let recomputed):
      guard claimed != recomputed else {
        throw .forgedEvidence(reason: "the recomputed root equals the claimed one")
      }
      guard proof.index >= Self.headLeaves else {
        throw .forgedEvidence(reason: "the proof is of another part of the record")
      }
      try Self.check(proof, of: claimed, against: commitment)
    case .unboundUpdate(let expected, let proof):
      guard expected != commitment.update else {
        throw .forgedEvidence(reason: "the expected update is the committed one")
      }
      guard proof.index == Self.finalParametersLeaf else {
        throw .forgedEvidence(reason: "the proof is of another part of the record")
      }
      try Self.check(proof, of: expected, against: commitment)
    }
  }

  private static func check(
    _ proof: MerkleProof, of digest: Digest, against commitment: WorkCommitment
  ) throws(LedgerError) {
    guard proof.leafCount == headLeaves + Int(commitment.segmentCount) else {
      throw .forgedEvidence(reason: "the proof is of another number of segments")
    }
    guard proof.proves(leaf(of: digest), under: commitment.workRoot) else {
      throw .forgedEvidence(reason: "the digest is not under the signed work root")
    }
  }
}

extension SlashEvidence: CanonicalCodable {
  /// A map with `kind`, `segment` or `update`.
  public var canonicalValue: CanonicalValue {
    switch self {
    case .segment(let claimed, let proof, let recomputed):
      .map([
        "kind": .text("segment"), "claimed": claimed.canonicalValue,
        "proof": proof.canonicalValue, "recomputed": recomputed.canonicalValue,
      ])
    case .unboundUpdate(let expected, let proof):
      .map([
        "kind": .text("update"), "expected": expected.canonicalValue,
        "proof": proof.canonicalValue,
      ])
    }
  }

  /// Reads the evidence; its truth is checked against the commitment.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    switch try fields.text("kind") {
    case "segment":
      self = .segment(
        claimed: try fields.nested("claimed"), proof: try fields.nested("proof"),
        recomputed: try fields.nested("recomputed"))
    case "update":
      self = .unboundUpdate(
        expected: try fields.nested("expected"), proof: try fields.nested("proof"))
    default: throw .malformed(what: "slash evidence", reason: "unknown kind")
    }
    try fields.finish()
  }
}
