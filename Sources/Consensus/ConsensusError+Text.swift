internal import Cryptography
internal import Ledger

extension ConsensusError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .unknownValidator(let key): "\(key.peerID) is not a validator"
    case .badVoteSignature(let key): "a vote is not signed by \(key.peerID)"
    case .voteForOtherBlock: "a vote is for another block"
    case .duplicateVote(let key): "\(key.peerID) voted twice"
    case .tooFewVotes(let power, let total): "votes of power \(power) of \(total) are too few"
    case .wrongProposer(let expected, let found):
      "\(found.peerID) proposed it, but it was the turn of \(expected.peerID)"
    case .equivocation(let votes): "\(votes) is a double vote"
    case .alreadySigned(let height, let signed, let asked):
      "the block \(signed.hex) is signed at height \(height), \(asked.hex) may not be"
    case .heightBehindLastSigned(let asked, let lastSigned):
      "height \(lastSigned) is signed, \(asked) may not be"
    case .wrongChain: "it is of another chain"
    case .ledger(let error): error.sentence
    }
  }
}

extension ReceiptError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .malformed(let error): error.sentence
    case .notASettlement: "its transaction settles nothing"
    case .noSuchPayment(let client): "its settlement pays no client \(client)"
    case .claimDiffers(let field): "what it claims as `\(field)` is not what its proof says"
    case .badSignature: "its transaction is not signed by the sender"
    case .wrongChain(let expected, let found):
      "it is of the chain \(found.hex), not of \(expected.hex)"
    case .notInBlock: "its transaction is not in its block"
    case .notFinal(let error): "its block is not final: \(error)"
    }
  }
}
