internal import Cryptography
internal import Primitives

extension LedgerError {
  /// One lower-case sentence without a full stop.
  public var sentence: String {
    switch self {
    case .decoding(let failure): failure.description
    case .wrongChain(let expected, let found):
      "it is of the chain \(found.hex), not of \(expected.hex)"
    case .badSignature: "the signature is not the sender's"
    case .replayed(let nonce, let next):
      "the nonce \(nonce) was used before, the next one is \(next)"
    case .nonceTooHigh(let nonce, let next): "the nonce is \(nonce), the next one is \(next)"
    case .feeTooLow(let offered, let needed): "the fee is \(offered), at least \(needed) is needed"
    case .insufficientBalance(let held, let needed):
      "the account holds \(held), \(needed) is needed"
    case .amountOverflow: "an amount is larger than any amount can be"
    case .amountIsZero: "the amount is zero"
    case .transactionTooLarge(let bytes, let limit):
      "the transaction has \(bytes) bytes, the limit is \(limit)"
    case .insufficientStake(let held, let needed): "the stake is \(held), \(needed) is needed"
    case .tooManyUnbondings(let limit): "\(limit) stakes are being freed already"
    default: workSentence ?? contentSentence ?? offerSentence ?? miningSentence ?? blockSentence
    }
  }

  private var workSentence: String? {
    switch self {
    case .jobExists: "the job is on the ledger already"
    case .unknownJob: "there is no such open job"
    case .invalidJob(let reason): "the job cannot be ordered: \(reason)"
    case .roundNotOpen(let round, let open):
      "round \(round + 1) is not open; open are \(open.lowerBound + 1) to \(open.upperBound)"
    case .unknownClient(let client, let clients): "there is no client \(client) among \(clients)"
    case .notCoordinator: "only the job's coordinator may do this"
    case .mayNotClose(let deadline, let unjudged):
      "\(unjudged) commitments wait for a verdict; anybody may close it from block \(deadline) on"
    case .commitmentExists: "this work is committed already"
    case .unknownCommitment: "there is no such commitment"
    case .tooManyCommitments(let limit): "there were \(limit) attempts at this client-round already"
    case .slotAlreadyAccepted: "another attempt at this client-round is accepted"
    case .segmentsOutOfRange(let count): "\(count) segments are out of range"
    case .notValidator: "only a validator may do this"
    case .verdictExists: "there is a verdict already"
    case .verdictBeforeBeacon(let height): "no verdict counts before block \(height)"
    case .alreadySlashed: "this was punished already"
    case .forgedEvidence(let reason): "the evidence proves nothing: \(reason)"
    case .paymentMismatch(let client, let reason):
      "the payment of client \(client) is wrong: \(reason)"
    default: nil
    }
  }

  private var contentSentence: String? {
    switch self {
    case .contentExists: "the content is registered already"
    case .unknownContent(let id): "the content \(id) is not registered"
    case .invalidContent(let reason): "the content cannot be registered or read: \(reason)"
    case .notContentOwner: "only who registered the content may do this"
    case .shareTooLow(let offered, let asked):
      "a parent asks for a share of \(asked) parts per million, offered are \(offered)"
    case .priceChanged(let offered, let asked):
      "the price of an access is \(asked), offered are \(offered)"
    default: nil
    }
  }

  private var offerSentence: String? {
    switch self {
    case .offerExists: "there is such an offer already, or it is accepted"
    case .unknownOffer: "there is no such open offer"
    case .invalidOffer(let reason): "the offer cannot be made: \(reason)"
    case .notReviewer: "only the reviewer whom the offer names may do this"
    case .notProvider: "only the provider whom the offer names may do this"
    case .offerStillOpen(let height): "nobody may close it before block \(height)"
    case .notInAnEpoch: "the deal has no epoch now"
    case .challengeExists(let epoch): "epoch \(epoch) has its challenge already"
    case .noChallenge: "no challenge waits for a proof"
    case .challengeNotDrawn(let height): "the pieces are not drawn before block \(height)"
    case .proofTooLate(let deadline): "the proof was due by block \(deadline)"
    case .forgedProof(let reason): "the proof shows nothing: \(reason)"
    default: nil
    }
  }

  private var miningSentence: String? {
    switch self {
    case .invalidMining(let reason): "the mining rules are invalid: \(reason)"
    case .miningNotAllowed: "nothing is mined on this chain"
    case .minedWorkNotAccepted: "the work that is said to have won is not accepted"
    case .segmentAlreadyMined(let segment): "segment \(segment) of this work has won before"
    case .targetMissed(let hash): "the hash \(hash.hex) misses the target"
    default: nil
    }
  }

  private var blockSentence: String {
    switch self {
    case .wrongHeight(let expected, let found): "the height is \(found), expected \(expected)"
    case .wrongPreviousHash: "it does not follow the newest block"
    case .timeBackwards: "its time is before that of the block before"
    case .wrongTransactionsRoot: "its transactions are not those of its header"
    case .wrongStateRoot: "executing it leads to another state"
    case .tooManyTransactions(let count, let limit):
      "it has \(count) transactions, the limit is \(limit)"
    case .blockTooLarge(let bytes, let limit): "it has \(bytes) bytes, the limit is \(limit)"
    case .beaconLinkMissing: "a beacon link is due and missing"
    case .beaconLinkUnexpected: "no beacon link is due"
    case .wrongBeaconLink: "the beacon link is not the next one of the chain"
    case .beaconExhausted: "the beacon's chain of links is used up"
    case .supplyNotConserved(let before, let after): "the supply went from \(before) to \(after)"
    case .invalidGenesis(let reason): "the genesis document is invalid: \(reason)"
    default: code
    }
  }
}
