import Primitives

extension StateTransition {
  mutating func apply(_ order: RewardOrder, sender: AccountID) throws(LedgerError) {
    switch order {
    case .offer(let offer): try self.offer(offer, payer: sender)
    case .review(let review): try self.review(review, reviewer: sender)
    case .close(let id): try closeReward(id)
    }
  }

  private mutating func offer(_ offer: RewardOffer, payer: AccountID) throws(LedgerError) {
    let id = offer.id(payer: payer)
    guard reward(id) == nil else { throw .offerExists(id) }
    guard let record = content(offer.content) else { throw .unknownContent(offer.content) }
    guard offer.reviewer != record.owner else {
      throw .invalidOffer(reason: "the owner reviews the own content")
    }
    guard payer != record.owner else {
      throw .invalidOffer(reason: "the owner rewards the own content")
    }
    guard offer.deadline > height else {
      throw .invalidOffer(reason: "the deadline has passed")
    }
    let escrow = try offer.escrow()
    guard escrow > .zero else { throw .amountIsZero }
    try debit(escrow, from: payer)
    set(ContributionReward(payer: payer, terms: offer, escrow: escrow), for: id)
  }

  /// Pays by the review and gives the rest back; whoever reviews gains nothing by accepting.
  private mutating func review(
    _ review: ContributionReview, reviewer: AccountID
  ) throws(LedgerError) {
    guard let reward = reward(review.offer) else { throw .unknownOffer(review.offer) }
    let terms = reward.terms
    guard reviewer == terms.reviewer else { throw .notReviewer }
    guard var record = content(terms.content) else { throw .unknownContent(terms.content) }
    var earned = Amount.zero
    if let quality = review.qualityPartsPerMillion {
      guard quality <= LedgerParameters.whole else {
        throw .invalidOffer(reason: "the quality is above one")
      }
      earned = try money { () throws(AmountError) in
        try terms.reward.adding(
          terms.bonus.multiplied(
            by: UInt128(quality), dividedBy: UInt128(LedgerParameters.whole)))
      }
    }
    let rest = try money { [earned] () throws(AmountError) in
      try reward.escrow.subtracting(earned).subtracting(terms.reviewPrice)
    }
    let rewarded = record.rewarded
    record.rewarded = try money { [earned] () throws(AmountError) in try rewarded.adding(earned) }
    set(record, for: terms.content)
    try credit(earned, to: record.owner)
    try credit(terms.reviewPrice, to: reviewer)
    try credit(rest, to: reward.payer)
    set(ContributionReward?.none, for: review.offer)
  }

  private mutating func closeReward(_ id: OfferID) throws(LedgerError) {
    guard let reward = reward(id) else { throw .unknownOffer(id) }
    guard height >= reward.terms.deadline else {
      throw .offerStillOpen(until: reward.terms.deadline)
    }
    try credit(reward.escrow, to: reward.payer)
    set(ContributionReward?.none, for: id)
  }
}
