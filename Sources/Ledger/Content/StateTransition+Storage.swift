public import Cryptography
import Primitives

extension StateTransition {
  mutating func apply(_ order: StorageOrder, sender: AccountID) throws(LedgerError) {
    switch order {
    case .offer(let offer): try self.offer(offer, payer: sender)
    case .accept(let id): try accept(id, provider: sender)
    case .challenge(let id): try challenge(id, sender: sender)
    case .prove(let id, let pieces): try prove(id, pieces, provider: sender)
    case .close(let id): try closeStorage(id, sender: sender)
    }
  }

  private func openDeal(_ id: OfferID) throws(LedgerError) -> StorageDeal {
    guard let deal = deal(id) else { throw .unknownOffer(id) }
    return deal
  }

  private mutating func offer(_ offer: StorageOffer, payer: AccountID) throws(LedgerError) {
    let id = offer.id(payer: payer)
    guard deal(id) == nil else { throw .offerExists(id) }
    try offer.check()
    let escrow = try offer.escrow()
    try debit(escrow, from: payer)
    set(StorageDeal(payer: payer, terms: offer, escrow: escrow), for: id)
  }

  private mutating func accept(_ id: OfferID, provider: AccountID) throws(LedgerError) {
    var deal = try openDeal(id)
    guard provider == deal.terms.provider else { throw .notProvider }
    guard deal.start == nil else { throw .offerExists(id) }
    deal.start = height
    set(deal, for: id)
  }

  /// The payer may ask too, so a provider does not choose the moment alone.
  private mutating func challenge(_ id: OfferID, sender: AccountID) throws(LedgerError) {
    var deal = try openDeal(id)
    guard sender == deal.terms.provider || sender == deal.payer else { throw .notProvider }
    guard let epoch = deal.epoch(at: height) else { throw .notInAnEpoch }
    guard deal.challenge.map({ $0.epoch < epoch }) ?? true else {
      throw .challengeExists(epoch: epoch)
    }
    guard linksLeft > 0 else { throw .beaconExhausted }
    let link = base.chain.beaconIndex + (base.chain.isBeaconDue ? 1 : 0) + 1
    deal.challenge = StorageChallenge(epoch: epoch, height: height, link: link, isProven: false)
    set(deal, for: id)
    noteCommitment()
  }

  private mutating func prove(
    _ id: OfferID, _ pieces: [StoragePieceProof], provider: AccountID
  ) throws(LedgerError) {
    var deal = try openDeal(id)
    guard provider == deal.terms.provider else { throw .notProvider }
    guard var challenge = deal.challenge, !challenge.isProven else { throw .noChallenge }
    // The block after the challenge reveals the link; later blocks know it.
    guard base.chain.beaconIndex >= challenge.link else {
      throw .challengeNotDrawn(notBefore: challenge.height + 2)
    }
    let deadline = deal.deadline(of: challenge)
    guard height <= deadline else { throw .proofTooLate(deadline: deadline) }
    let drawn = deal.terms.drawn(
      by: base.link(challenge.link), deal: id, epoch: challenge.epoch)
    try deal.terms.check(pieces, drawn: drawn)
    challenge.isProven = true
    deal.challenge = challenge
    deal.provenEpochs += 1
    let (escrow, pay) = (deal.escrow, deal.terms.pay)
    deal.escrow = try money { () throws(AmountError) in try escrow.subtracting(pay) }
    set(deal, for: id)
    try credit(pay, to: provider)
  }

  /// The payer takes back an offer that nobody has accepted, the provider may give up at any time,
  /// and anybody may close a deal that is over.
  private mutating func closeStorage(_ id: OfferID, sender: AccountID) throws(LedgerError) {
    let deal = try openDeal(id)
    let isFree = deal.start == nil && sender == deal.payer
    let isOver = deal.end.map { height >= $0 } ?? false
    guard isFree || isOver || sender == deal.terms.provider else {
      throw .offerStillOpen(until: deal.end ?? .max)
    }
    try credit(deal.escrow, to: deal.payer)
    set(StorageDeal?.none, for: id)
  }
}

extension LedgerState {
  /// An earlier link of the beacon, hashed back from the newest: a step for each link since.
  fileprivate func link(_ index: UInt32) -> Digest {
    var link = chain.beaconLink
    for _ in index..<chain.beaconIndex { link = BeaconChain.previous(of: link) }
    return link
  }

  /// The link that draws a challenge's pieces; nil before it is revealed, and when no proof can
  /// count any more. At most `StorageLimits.proofBlocks` steps, since a block reveals one link.
  public func link(drawing challenge: StorageChallenge, of deal: StorageDeal) -> Digest? {
    guard chain.height < deal.deadline(of: challenge), chain.beaconIndex >= challenge.link else {
      return nil
    }
    return link(challenge.link)
  }
}
