public import Cryptography
public import Ledger
public import Primitives

/// What a miner says after each segment. The messages of one miner are a hash chain, so none can
/// be changed, left out or put in later.
public struct IterationMessage: Hashable, Sendable {
  /// Who worked.
  public let miner: PublicKey
  /// The miner's messages before this one.
  public let sequence: UInt64
  /// The digest of the message before; zero for the first.
  public let previous: Digest
  /// The task's digest.
  public let task: Digest
  /// The segment of the task.
  public let segment: UInt32
  /// What the segment did.
  public let roots: SegmentRoots
  /// The hash of the zero-nonce block that the message k places later may use.
  public let commitment: Digest
  /// The miner's signature over `signingBytes`.
  public let signature: Signature

  /// Signs a message.
  public init(
    sequence: UInt64, previous: Digest, task: Digest, segment: UInt32, roots: SegmentRoots,
    commitment: Digest, key: SigningKey
  ) {
    miner = key.publicKey
    self.sequence = sequence
    self.previous = previous
    self.task = task
    self.segment = segment
    self.roots = roots
    self.commitment = commitment
    signature = key.sign(
      Self.signingBytes(
        Self.fields(key.publicKey, sequence, previous, task, segment, roots, commitment)))
  }

  private static func fields(
    _ miner: PublicKey, _ sequence: UInt64, _ previous: Digest, _ task: Digest,
    _ segment: UInt32, _ roots: SegmentRoots, _ commitment: Digest
  ) -> [String: CanonicalValue] {
    [
      "miner": miner.canonicalValue, "sequence": .unsigned(sequence),
      "previous": previous.canonicalValue, "task": task.canonicalValue,
      "segment": .unsigned(UInt64(segment)), "start": roots.start.canonicalValue,
      "end": roots.end.canonicalValue, "delta": roots.delta.canonicalValue,
      "commitment": commitment.canonicalValue,
    ]
  }

  private static func signingBytes(_ fields: [String: CanonicalValue]) -> Bytes {
    MiningDomain.message + CanonicalValue.map(fields).encoded()
  }

  private var unsigned: [String: CanonicalValue] {
    Self.fields(miner, sequence, previous, task, segment, roots, commitment)
  }

  /// `martlet/mining/message/1` and the canonical map of all fields but the signature.
  public var signingBytes: Bytes { Self.signingBytes(unsigned) }

  /// SHA-256 of `signingBytes`: the link of the history.
  public var digest: Digest { SHA256.hash(signingBytes) }

  /// The nonces that follow from this message and a zero-nonce block.
  public func attempts(on block: Digest) -> MiningAttempts {
    MiningAttempts(block: block, miner: miner, task: task, segment: segment, roots: roots)
  }

  /// Whether the signature is the miner's.
  public var isSignatureValid: Bool { miner.verify(signature, of: signingBytes) }
}

extension IterationMessage: CanonicalCodable {
  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    var fields = unsigned
    fields["signature"] = signature.canonicalValue
    return .map(fields)
  }

  /// Reads the fields; signature and truth are checked apart.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    miner = try fields.nested("miner")
    sequence = try fields.unsigned("sequence")
    previous = try fields.nested("previous")
    task = try fields.nested("task")
    segment = UInt32(try fields.count("segment", max: TrainingTask.Limits.segmentsMax))
    roots = SegmentRoots(
      start: try fields.nested("start"), end: try fields.nested("end"),
      delta: try fields.nested("delta"))
    commitment = try fields.nested("commitment")
    signature = try fields.nested("signature")
    try fields.finish()
  }
}
