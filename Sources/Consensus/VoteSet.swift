public import Cryptography
public import Ledger

/// Collects the precommits of one height until more than two thirds agree.
public struct VoteSet: Sendable {
  /// The chain.
  public let chainID: Digest
  /// The height.
  public let height: BlockHeight
  private let validators: ValidatorSet
  /// At most one vote a validator, so it is bounded by the set.
  private var votes: [PublicKey: Precommit] = [:]

  /// An empty set.
  public init(chainID: Digest, height: BlockHeight, validators: ValidatorSet) {
    self.chainID = chainID
    self.height = height
    self.validators = validators
  }

  /// Checks and counts a vote; the same vote again is refused, a contradicting one is evidence.
  public mutating func add(_ vote: Precommit) throws(ConsensusError) {
    guard validators.power(of: vote.validator) != nil else {
      throw .unknownValidator(vote.validator)
    }
    guard vote.height == height else { throw .voteForOtherBlock }
    guard vote.isSigned(chainID: chainID) else { throw .badVoteSignature(vote.validator) }
    if let first = votes[vote.validator] {
      guard first.blockHash == vote.blockHash else {
        throw .equivocation(DoubleVote(first: first, second: vote))
      }
      throw .duplicateVote(vote.validator)
    }
    votes[vote.validator] = vote
  }

  /// The power behind a block.
  public func power(for blockHash: Digest) -> UInt64 {
    votes.values.reduce(0) {
      $0 + ($1.blockHash == blockHash ? validators.power(of: $1.validator) ?? 0 : 0)
    }
  }

  /// The certificate of a block, once more than two thirds of the power signed it.
  public func certificate(for blockHash: Digest) -> CommitCertificate? {
    guard validators.isQuorum(power(for: blockHash)) else { return nil }
    let agreeing = votes.values.filter { $0.blockHash == blockHash }
    return CommitCertificate(precommits: agreeing.sorted { $0.validator < $1.validator })
  }
}
