public import Cryptography
public import Primitives

/// What a worker commits to before anybody knows which segments will be replayed.
public struct WorkRecord: Hashable, Sendable {
  /// The task's digest.
  public let task: Digest
  /// The state root after each segment.
  public let segmentRoots: [Digest]
  /// `ParameterBuffer.digest` of the update.
  public let finalParameters: Digest
  /// `StateRoot.optimizerDigest` at the end; with the parameters it opens the last segment root.
  public let finalOptimizer: Digest

  /// Collects the parts.
  public init(
    task: Digest, segmentRoots: [Digest], finalParameters: Digest, finalOptimizer: Digest
  ) {
    self.task = task
    self.segmentRoots = segmentRoots
    self.finalParameters = finalParameters
    self.finalOptimizer = finalOptimizer
  }

  /// Leaves of the commitment before the segment roots: task, parameters, optimizer state.
  public static let headLeaves = 3

  /// The commitment: RFC 6962 root over task, final digests and segment roots, in this order.
  public var workRoot: Digest { MerkleTree.root(of: leaves) }

  /// Shows that a segment root is under the work root.
  public func proof(ofSegment segment: Int) -> MerkleProof {
    MerkleTree.proof(index: Self.headLeaves + segment, in: leaves)
  }

  /// Shows that the final parameters are under the work root.
  public var proofOfFinalParameters: MerkleProof { MerkleTree.proof(index: 1, in: leaves) }

  private var leaves: [Digest] {
    ([task, finalParameters, finalOptimizer] + segmentRoots).map {
      MerkleTree.leafHash($0.bytes)
    }
  }
}

extension WorkRecord: CanonicalCodable {
  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "task": task.canonicalValue, "segments": .list(segmentRoots),
      "parameters": finalParameters.canonicalValue, "optimizer": finalOptimizer.canonicalValue,
    ])
  }

  /// Reads a record; its truth shows in `Replay`.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    task = try fields.nested("task")
    segmentRoots = try fields.list("segments")
    finalParameters = try fields.nested("parameters")
    finalOptimizer = try fields.nested("optimizer")
    try fields.finish()
    guard segmentRoots.count <= TrainingTask.Limits.segmentsMax else {
      throw .tooLarge(
        what: "segments", size: segmentRoots.count, limit: TrainingTask.Limits.segmentsMax)
    }
  }
}
