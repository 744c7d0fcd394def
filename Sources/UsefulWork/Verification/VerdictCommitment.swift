public import Cryptography
public import Primitives

/// What a validator found in its own replay, said openly only when everybody has committed.
public struct SealedVerdict: Hashable, Sendable {
  /// Which work was replayed: the digest of its key on the ledger.
  public let work: Digest
  /// Whether every replayed segment had the claimed bits.
  public let isAccepted: Bool
  /// The state root at the end of the replay: what a validator that did nothing does not know.
  public let endRoot: Digest
  /// 32 random bytes, so that nobody can try the two verdicts against a commitment.
  public let salt: Digest

  /// Collects the parts.
  public init(work: Digest, isAccepted: Bool, endRoot: Digest, salt: Digest) {
    self.work = work
    self.isAccepted = isAccepted
    self.endRoot = endRoot
    self.salt = salt
  }

  private static let domain = Bytes("martlet/verdict/1".utf8)

  /// H(`martlet/verdict/1` ‖ work ‖ verdict ‖ end root ‖ salt ‖ validator): bound to its author, so
  /// a copied commitment can be opened by nobody but the author.
  public func commitment(of validator: PublicKey) -> Digest {
    SHA256.hash(
      Self.domain, work.bytes, [isAccepted ? 1 : 0], endRoot.bytes, salt.bytes, validator.bytes)
  }
}

extension SealedVerdict: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "work": work.canonicalValue, "accepted": .bool(isAccepted),
      "end": endRoot.canonicalValue, "salt": salt.canonicalValue,
    ])
  }

  /// Reads the fields; the commitment shows whether they are true.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    work = try fields.nested("work")
    isAccepted = try fields.bool("accepted")
    endRoot = try fields.nested("end")
    salt = try fields.nested("salt")
    try fields.finish()
  }
}

/// Why a commitment or an opening of a verdict does not count.
public enum VerdictFault: String, Error, Hashable, Sendable, CaseIterable {
  /// The validator is not of the committee.
  case notOfCommittee
  /// A second commitment.
  case committedTwice
  /// After the deadline of commitments.
  case commitmentLate
  /// An opening while commitments are still taken.
  case openedEarly
  /// An opening without commitment.
  case neverCommitted
  /// An opening of another work.
  case otherWork
  /// An opening that does not give the commitment.
  case mismatch
  /// A second opening.
  case openedTwice
  /// After the deadline of openings, or never.
  case openingLate
}
