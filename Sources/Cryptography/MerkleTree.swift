public import Primitives

/// Merkle tree hashing of RFC 6962 §2.1: leaves and inner nodes are domain-separated, and a list
/// of n leaves splits at the largest power of two below n.
public enum MerkleTree {
  /// Leaves of one tree; proofs then have at most 32 siblings.
  public static let leavesMax = 1 << 32

  /// SHA-256(0x00 ‖ data).
  public static func leafHash(_ data: Bytes) -> Digest { SHA256.hash([0x00], data) }

  /// The leaf hashes of two pieces of data, in the time of the longer one where the processor has
  /// instructions for SHA-256: those of one message wait for one another.
  public static func leafHashes(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> (first: Digest, second: Digest) {
    let hasher = SHA256Hasher()
    return SHA256.pair(prefix: 0x00, first, second)
      ?? (leafHash(first, using: hasher), leafHash(second, using: hasher))
  }

  /// SHA-256(0x00 ‖ data) without copying the data.
  public static func leafHash(
    _ data: UnsafeRawBufferPointer, using hasher: SHA256Hasher
  ) -> Digest {
    withUnsafeBytes(of: UInt8(0)) { hasher.update($0) }
    hasher.update(data)
    return hasher.finalize()
  }

  /// SHA-256(0x01 ‖ left ‖ right).
  public static func nodeHash(_ left: Digest, _ right: Digest) -> Digest {
    SHA256.hash([0x01], left.bytes, right.bytes)
  }

  /// Returns the root over leaf hashes; the empty list has the hash of no bytes.
  public static func root(of leaves: some RandomAccessCollection<Digest>) -> Digest {
    guard let first = leaves.first else { return SHA256.hash() }
    guard leaves.count > 1 else { return first }
    let split = splitPoint(leaves.count)
    return nodeHash(root(of: leaves.prefix(split)), root(of: leaves.dropFirst(split)))
  }

  /// Returns the audit path of leaf `index` (RFC 6962 §2.1.1), the leaf's sibling first.
  public static func proof(
    index: Int, in leaves: some RandomAccessCollection<Digest>
  ) -> MerkleProof {
    precondition((0..<leaves.count).contains(index))
    return MerkleProof(
      index: index, leafCount: leaves.count, siblings: path(index: index, in: leaves))
  }

  private static func path(
    index: Int, in leaves: some RandomAccessCollection<Digest>
  ) -> [Digest] {
    guard leaves.count > 1 else { return [] }
    let split = splitPoint(leaves.count)
    let left = leaves.prefix(split)
    let right = leaves.dropFirst(split)
    if index < split { return path(index: index, in: left) + [root(of: right)] }
    return path(index: index - split, in: right) + [root(of: left)]
  }

  /// The largest power of two smaller than `count` (≥ 2).
  static func splitPoint(_ count: Int) -> Int {
    1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
  }
}

/// Shows that a leaf is at a place of a tree with a known root.
public struct MerkleProof: Hashable, Sendable {
  /// The leaf's place, from 0.
  public let index: Int
  /// The number of leaves of the whole tree.
  public let leafCount: Int
  /// Hashes beside the path, the leaf's sibling first.
  public let siblings: [Digest]
  private static let siblingsMax = 32

  /// Collects the parts of a proof.
  public init(index: Int, leafCount: Int, siblings: [Digest]) {
    self.index = index
    self.leafCount = leafCount
    self.siblings = siblings
  }

  /// Returns the root that this proof gives for a leaf hash, nil if the shape is wrong.
  public func root(of leaf: Digest) -> Digest? {
    guard leafCount > 0, leafCount <= MerkleTree.leavesMax, (0..<leafCount).contains(index)
    else { return nil }
    // RFC 9162 §2.1.3.2, the iterative check.
    var position = index
    var last = leafCount - 1
    var hash = leaf
    for sibling in siblings {
      guard last > 0 else { return nil }
      if position & 1 == 1 || position == last {
        hash = MerkleTree.nodeHash(sibling, hash)
        while position & 1 == 0, position != 0 {
          position >>= 1
          last >>= 1
        }
      } else {
        hash = MerkleTree.nodeHash(hash, sibling)
      }
      position >>= 1
      last >>= 1
    }
    return last == 0 ? hash : nil
  }

  /// Whether `leaf` is at this place under `root`.
  public func proves(_ leaf: Digest, under root: Digest) -> Bool { self.root(of: leaf) == root }
}

extension MerkleProof: CanonicalCodable {
  /// A map of index, leaf count and siblings.
  public var canonicalValue: CanonicalValue {
    .map([
      "index": .unsigned(UInt64(index)), "leaves": .unsigned(UInt64(leafCount)),
      "siblings": .list(siblings),
    ])
  }

  /// Reads a proof; its truth shows in `proves`.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    index = try fields.count("index", max: MerkleTree.leavesMax)
    leafCount = try fields.count("leaves", max: MerkleTree.leavesMax)
    siblings = try fields.list("siblings")
    guard siblings.count <= Self.siblingsMax else {
      throw .tooLarge(what: "siblings", size: siblings.count, limit: Self.siblingsMax)
    }
    try fields.finish()
  }
}
