public import Cryptography
public import Primitives

/// Why a transaction or block was refused. The state is unchanged whenever one is thrown.
public enum LedgerError: Error, Equatable, Sendable {
  // Any transaction
  case decoding(DecodingFailure)
  case wrongChain(expected: Digest, found: Digest)
  case badSignature
  case replayed(nonce: UInt64, next: UInt64)
  case nonceTooHigh(nonce: UInt64, next: UInt64)
  case feeTooLow(offered: Amount, needed: Amount)
  case insufficientBalance(held: Amount, needed: Amount)
  case amountOverflow
  case amountIsZero
  case transactionTooLarge(bytes: Int, limit: Int)
  // Stake
  case insufficientStake(held: Amount, needed: Amount)
  case tooManyUnbondings(limit: Int)
  // Jobs
  case jobExists(JobID)
  case unknownJob(JobID)
  case invalidJob(reason: String)
  case roundNotOpen(round: UInt32, open: Range<UInt32>)
  case unknownClient(client: UInt32, clients: UInt32)
  case notCoordinator
  case mayNotClose(deadline: BlockHeight, unjudged: UInt64)
  // Work
  case commitmentExists
  case unknownCommitment
  case tooManyCommitments(limit: Int)
  case slotAlreadyAccepted
  case segmentsOutOfRange(UInt32)
  case notValidator
  case verdictExists
  case verdictBeforeBeacon(notBefore: BlockHeight)
  case alreadySlashed
  case forgedEvidence(reason: String)
  case paymentMismatch(client: UInt32, reason: String)
  // Content
  case contentExists(ContentID)
  case unknownContent(ContentID)
  case invalidContent(reason: String)
  case notContentOwner
  case shareTooLow(offered: UInt32, asked: UInt32)
  case priceChanged(offered: Amount, asked: Amount)
  // Rewards and storage
  case offerExists(OfferID)
  case unknownOffer(OfferID)
  case invalidOffer(reason: String)
  case notReviewer
  case notProvider
  case offerStillOpen(until: BlockHeight)
  case notInAnEpoch
  case challengeExists(epoch: UInt32)
  case noChallenge
  case challengeNotDrawn(notBefore: BlockHeight)
  case proofTooLate(deadline: BlockHeight)
  case forgedProof(reason: String)
  // Mining
  case invalidMining(reason: String)
  case miningNotAllowed
  case minedWorkNotAccepted
  case segmentAlreadyMined(UInt32)
  case targetMissed(Digest)
  // Blocks
  case wrongHeight(expected: BlockHeight, found: BlockHeight)
  case wrongPreviousHash
  case timeBackwards
  case wrongTransactionsRoot
  case wrongStateRoot
  case tooManyTransactions(count: Int, limit: Int)
  case blockTooLarge(bytes: Int, limit: Int)
  case beaconLinkMissing
  case beaconLinkUnexpected
  case wrongBeaconLink
  case beaconExhausted
  case supplyNotConserved(before: Amount, after: Amount)
  case invalidGenesis(reason: String)
}

extension LedgerError {
  /// Whether the same transaction may pass later without being changed.
  public var mayPassLater: Bool {
    switch self {
    case .nonceTooHigh, .verdictBeforeBeacon, .roundNotOpen, .mayNotClose, .offerStillOpen,
      .challengeNotDrawn:
      true
    default: false
    }
  }

  /// A stable code for JSON answers, the case's name.
  public var code: String {
    String(String(describing: self).prefix { $0 != "(" })
  }
}

/// Runs arithmetic on amounts and reports its fault as the ledger's.
func money(_ compute: () throws(AmountError) -> Amount) throws(LedgerError) -> Amount {
  do {
    return try compute()
  } catch .insufficient(let held, let needed) {
    throw .insufficientBalance(held: held, needed: needed)
  } catch {
    throw .amountOverflow
  }
}
