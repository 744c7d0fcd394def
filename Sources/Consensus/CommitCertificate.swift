import Cryptography
public import Ledger
public import Primitives

/// The precommits that make a block final, in order of validator.
public struct CommitCertificate: Hashable, Sendable {
  /// The signatures.
  public let precommits: [Precommit]

  /// Collects signatures; their truth shows in `verify`.
  public init(precommits: [Precommit]) { self.precommits = precommits }

  /// Checks that validators with more than two thirds of the power signed this header.
  public func verify(
    _ header: BlockHeader, validators: ValidatorSet
  ) throws(ConsensusError) {
    let hash = header.hash
    var power: UInt64 = 0
    var previous: PublicKey?
    for vote in precommits {
      guard vote.height == header.height, vote.blockHash == hash else { throw .voteForOtherBlock }
      guard previous.map({ $0 < vote.validator }) ?? true else {
        throw .duplicateVote(vote.validator)
      }
      previous = vote.validator
      guard let weight = validators.power(of: vote.validator) else {
        throw .unknownValidator(vote.validator)
      }
      guard vote.isSigned(chainID: header.chainID) else {
        throw .badVoteSignature(vote.validator)
      }
      power += weight
    }
    guard validators.isQuorum(power) else {
      throw .tooFewVotes(power: power, total: validators.totalPower)
    }
  }
}

extension CommitCertificate: CanonicalCodable {
  /// An array of precommits.
  public var canonicalValue: CanonicalValue { .list(precommits) }

  /// Reads the array.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let values) = canonicalValue else {
      throw .malformed(what: "certificate", reason: "expected an array")
    }
    guard values.count <= LedgerLimits.validatorsMax else {
      throw .tooLarge(what: "certificate", size: values.count, limit: LedgerLimits.validatorsMax)
    }
    var precommits: [Precommit] = []
    for value in values { precommits.append(try Precommit(canonicalValue: value)) }
    self.precommits = precommits
  }
}
