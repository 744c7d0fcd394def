public import Cryptography
internal import Primitives

/// The chain over the digests of a step's operators: equal links mean equal digests before them,
/// so bisecting the links finds the operator that differs first.
public enum OperatorChain {
  private static let domain = Bytes("martlet/dispute/operator/1".utf8)

  /// c₀ is the state root before the step; cᵢ₊₁ = SHA-256(domain ‖ cᵢ ‖ dᵢ).
  public static func link(_ before: Digest, _ digest: Digest) -> Digest {
    SHA256.hash(domain, before.bytes, digest.bytes)
  }

  /// The links c₁…cₙ behind `start`.
  public static func links(from start: Digest, over digests: [Digest]) -> [Digest] {
    var link = start
    return digests.map {
      link = Self.link(link, $0)
      return link
    }
  }

  /// The leaf of a state root or link in a step or operator commitment.
  static func leaf(_ digest: Digest) -> Digest { MerkleTree.leafHash(digest.bytes) }
}
