public import Cryptography
public import Ledger

/// Why a vote, certificate or signature request was refused.
public enum ConsensusError: Error, Equatable, Sendable {
  case unknownValidator(PublicKey)
  case badVoteSignature(PublicKey)
  case voteForOtherBlock
  case duplicateVote(PublicKey)
  case tooFewVotes(power: UInt64, total: UInt64)
  case wrongProposer(expected: PublicKey, found: PublicKey)
  case equivocation(DoubleVote)
  /// Signing would contradict what this key signed before.
  case alreadySigned(height: BlockHeight, signed: Digest, asked: Digest)
  case heightBehindLastSigned(asked: BlockHeight, lastSigned: BlockHeight)
  case wrongChain
  case ledger(LedgerError)
}

/// Two signed votes of one validator for different blocks of one height: proof of equivocation.
public struct DoubleVote: Hashable, Sendable {
  /// The vote that came first.
  public let first: Precommit
  /// The one that contradicts it.
  public let second: Precommit

  /// Joins two votes.
  public init(first: Precommit, second: Precommit) {
    self.first = first
    self.second = second
  }
}
