public import Cryptography
public import Primitives

/// Why a worker loses stake, in a form that anybody can check against the signed commitment.
public enum SlashEvidence: Hashable, Sendable {
  /// The signed record claims `claimed` for a segment (shown by `proof`), replay gave `recomputed`.
  case segment(claimed: Digest, proof: MerkleProof, recomputed: Digest)
  /// The work record leads to the update `expected`, the commitment names another one.
  case unboundUpdate(expected: Digest)
}

extension SlashEvidence {
  /// The leaf of a segment root under the work root.
  public static func leaf(ofSegmentRoot root: Digest) -> Digest { MerkleTree.leafHash(root.bytes) }

  /// Refuses evidence that does not contradict what the worker signed.
  func check(against commitment: WorkCommitment) throws(LedgerError) {
    switch self {
    case .segment(let claimed, let proof, let recomputed):
      guard claimed != recomputed else {
        throw .forgedEvidence(reason: "the recomputed root equals the claimed one")
      }
      guard proof.leafCount == Int(commitment.segmentCount) else {
        throw .forgedEvidence(reason: "the proof is of another number of segments")
      }
      guard proof.proves(Self.leaf(ofSegmentRoot: claimed), under: commitment.workRoot) else {
        throw .forgedEvidence(reason: "the claimed root is not under the signed work root")
      }
    case .unboundUpdate(let expected):
      guard expected != commitment.update else {
        throw .forgedEvidence(reason: "the expected update is the committed one")
      }
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
    case .unboundUpdate(let expected):
      .map(["kind": .text("update"), "expected": expected.canonicalValue])
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
    case "update": self = .unboundUpdate(expected: try fields.nested("expected"))
    default: throw .malformed(what: "slash evidence", reason: "unknown kind")
    }
    try fields.finish()
  }
}
