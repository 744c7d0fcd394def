public import Cryptography

/// Why a mining message or claim is refused.
public enum MiningError: Error, Equatable, Sendable {
  // History
  case badSignature
  case sequence(expected: UInt64, found: UInt64)
  case brokenHistory(expected: Digest, found: Digest)
  case tooManyMiners(limit: Int)
  // Claim
  case otherChain(Digest)
  case otherMiner
  case otherTask(expected: Digest, found: Digest)
  case noSuchSegment(UInt32, segments: Int)
  case alreadyAccepted(IterationKey)
  case registryFull(limit: Int)
  case notInHistory(sequence: UInt64)
  case tooFewMessages(sequence: UInt64, lookahead: Int)
  case commitmentDiffers(expected: Digest, found: Digest)
  case committedTooLate(height: UInt64, knownSince: UInt64)
  case unknownAnchor(height: UInt64)
  case staleAnchor(height: UInt64, oldest: UInt64)
  case attemptOutOfRange(UInt64, attempts: UInt64)
  case targetMissed(Digest)
  // Replay
  case startDiffers(expected: Digest, claimed: Digest)
  case endDiffers(expected: Digest, claimed: Digest)
  case deltaDiffers(expected: Digest, claimed: Digest)
  case replay(WorkError)
}

extension MiningError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .badSignature: "the message is not signed by its miner"
    case .sequence(let expected, let found):
      "message \(found) of the miner came where \(expected) is next"
    case .brokenHistory(let expected, let found):
      "the message follows \(found), the history ends in \(expected)"
    case .tooManyMiners(let limit): "more than \(limit) miners have a history"
    case .otherChain(let chain): "the zero-nonce block is of the chain \(chain)"
    case .otherMiner: "the zero-nonce block pays another miner"
    case .otherTask(let expected, let found):
      "the message is about task \(found), the assignment is \(expected)"
    case .noSuchSegment(let segment, let segments):
      "segment \(segment) is not in 0..<\(segments)"
    case .alreadyAccepted(let key): "\(key) has won before"
    case .registryFull(let limit): "\(limit) iterations of open sessions have won"
    case .notInHistory(let sequence): "message \(sequence) is not in the miner's history"
    default: claimText
    }
  }

  private var claimText: String {
    switch self {
    case .tooFewMessages(let sequence, let lookahead):
      "message \(sequence) comes before the \(lookahead) that a commitment needs"
    case .commitmentDiffers(let expected, let found):
      "the zero-nonce block \(found) is not the committed \(expected)"
    case .committedTooLate(let height, let knownSince):
      "the commitment of height \(height) came when the work was known since \(knownSince)"
    case .unknownAnchor(let height): "the anchor at height \(height) is not on the chain"
    case .staleAnchor(let height, let oldest):
      "the anchor at height \(height) is older than \(oldest)"
    case .attemptOutOfRange(let attempt, let attempts):
      "attempt \(attempt) is not among the \(attempts) of the segment"
    case .targetMissed(let hash): "the hash \(hash) misses the target"
    case .startDiffers(let expected, let claimed):
      "the segment starts at \(expected), not at \(claimed)"
    case .endDiffers(let expected, let claimed):
      "the replay ends in \(expected), not in \(claimed)"
    case .deltaDiffers(let expected, let claimed):
      "the replay changes the model by \(expected), not by \(claimed)"
    case .replay(let error): "the segment cannot be replayed: \(error)"
    default: "the claim is refused"
    }
  }
}
