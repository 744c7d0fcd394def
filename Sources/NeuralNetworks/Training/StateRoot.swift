public import Cryptography

/// The Merkle root over everything that determines the rest of a training run.
///
/// Four leaves in this order: parameters, optimizer state, random-number counter, data cursor.
/// Hashing is RFC 6962's: leaf SHA-256(0x00 ‖ data), node SHA-256(0x01 ‖ left ‖ right).
public enum StateRoot {
  /// The leaf of 64-bit counters, each big-endian.
  static func counterLeaf(_ numbers: [UInt64], using hasher: SHA256Hasher) -> Digest {
    numbers.map(\.bigEndian).withUnsafeBytes { MerkleTree.leafHash($0, using: hasher) }
  }

  /// The root over the digests of parameters and optimizer state at a place of the run.
  public static func root(
    parameters: Digest, optimizer: Digest, progress: TrainingProgress
  ) -> Digest {
    let hasher = SHA256Hasher()
    return MerkleTree.root(of: [
      parameters, optimizer, counterLeaf([progress.randomBlocks], using: hasher),
      counterLeaf([UInt64(progress.epoch), UInt64(progress.position)], using: hasher),
    ])
  }

  /// The root over the bytes of parameters and optimizer state at a place of the run.
  static func root(
    parameters: UnsafeRawBufferPointer, optimizer: UnsafeRawBufferPointer,
    progress: TrainingProgress
  ) -> Digest {
    let leaves = MerkleTree.leafHashes(parameters, optimizer)
    return root(parameters: leaves.first, optimizer: leaves.second, progress: progress)
  }

  /// The digest of optimizer state: a leaf like that of the parameters.
  public static func optimizerDigest(_ optimizer: [Float]) -> Digest {
    optimizer.withUnsafeBytes { MerkleTree.leafHash($0, using: SHA256Hasher()) }
  }
}
