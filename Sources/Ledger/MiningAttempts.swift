public import Cryptography
internal import Primitives

/// The three roots of one segment: what was before, after, and between.
public struct SegmentRoots: Hashable, Sendable {
  /// The state root before the segment.
  public let start: Digest
  /// The state root after it.
  public let end: Digest
  /// The digest of parameters after minus parameters before.
  public let delta: Digest

  /// Collects the parts.
  public init(start: Digest, end: Digest, delta: Digest) {
    self.start = start
    self.end = end
    self.delta = delta
  }
}

/// The nonces of one segment and the hashes that may win.
///
/// Everything that enters is fixed before: the zero-nonce block k messages earlier, the key, the
/// task and the segment by assignment, the roots by the training itself.
public struct MiningAttempts: Sendable {
  /// H(`martlet/mining/nonce/1` ‖ zero-nonce block ‖ miner ‖ task ‖ segment ‖ start ‖ end ‖ delta),
  /// with the segment as four bytes.
  public let precursor: Digest
  private let block: Digest
  private let firstNonce: UInt64
  private static let nonceDomain = Bytes("martlet/mining/nonce/1".utf8)
  private static let attemptDomain = Bytes("martlet/mining/attempt/1".utf8)

  /// The attempts of `miner` after a segment, on the zero-nonce block with the hash `block`.
  public init(
    block: Digest, miner: PublicKey, task: Digest, segment: UInt32, roots: SegmentRoots
  ) {
    let segment = withUnsafeBytes(of: segment.bigEndian) { Bytes($0) }
    precursor = SHA256.hash(
      Self.nonceDomain, block.bytes, miner.bytes, task.bytes, segment, roots.start.bytes,
      roots.end.bytes, roots.delta.bytes)
    self.block = block
    firstNonce = precursor.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  }

  /// n₀ + attempt, modulo 2⁶⁴; n₀ is the first eight bytes of the precursor.
  public func nonce(_ attempt: UInt64) -> UInt64 { firstNonce &+ attempt }

  /// H(`martlet/mining/attempt/1` ‖ zero-nonce block ‖ precursor ‖ nonce).
  public func hash(_ attempt: UInt64) -> Digest {
    let nonce = withUnsafeBytes(of: nonce(attempt).bigEndian) { Bytes($0) }
    return SHA256.hash(Self.attemptDomain, block.bytes, precursor.bytes, nonce)
  }

  /// The first of `count` attempts that meets the target.
  public func search(count: UInt64, target: MiningTarget) -> UInt64? {
    var attempt: UInt64 = 0
    while attempt < count {
      if target.isMet(by: hash(attempt)) { return attempt }
      attempt += 1
    }
    return nil
  }
}
