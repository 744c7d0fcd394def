public import Cryptography
public import Primitives

/// A buyer's budget for a contribution, paid after a reviewer's check and never for an upload
/// alone.
public struct RewardOffer: Hashable, Sendable {
  /// The payer's own name of the offer; the offer's id is derived from it.
  public var name: Digest
  /// The registered content whose owner is rewarded.
  public var content: ContentID
  /// Who checks it; not the content's owner.
  public var reviewer: AccountID
  /// What the owner gets if the content is accepted.
  public var reward: Amount
  /// What the owner gets above it for full quality; less in proportion.
  public var bonus: Amount
  /// What the reviewer gets for the review, whatever it says.
  public var reviewPrice: Amount
  /// From this height on anybody may close the offer.
  public var deadline: BlockHeight

  /// Describes an offer.
  public init(
    name: Digest, content: ContentID, reviewer: AccountID, reward: Amount,
    bonus: Amount = .zero, reviewPrice: Amount = .zero, deadline: BlockHeight
  ) {
    self.name = name
    self.content = content
    self.reviewer = reviewer
    self.reward = reward
    self.bonus = bonus
    self.reviewPrice = reviewPrice
    self.deadline = deadline
  }

  /// reward + bonus + reviewPrice.
  public func escrow() throws(LedgerError) -> Amount {
    try money { () throws(AmountError) in try Amount.sum([reward, bonus, reviewPrice]) }
  }

  /// The id of this offer when `payer` makes it.
  public func id(payer: AccountID) -> OfferID { OfferID(rewardOf: payer, name: name) }
}

/// What a reviewer found.
public struct ContributionReview: Hashable, Sendable {
  /// The offer.
  public let offer: OfferID
  /// How good the content is, in parts per million; nil if it is refused.
  public let qualityPartsPerMillion: UInt32?

  /// Judges a contribution.
  public init(offer: OfferID, qualityPartsPerMillion: UInt32?) {
    self.offer = offer
    self.qualityPartsPerMillion = qualityPartsPerMillion
  }
}

/// An open offer. A reviewed or closed one leaves the state; the blocks remember it.
public struct ContributionReward: Hashable, Sendable {
  /// Who paid and gets the refund.
  public let payer: AccountID
  /// What was offered.
  public let terms: RewardOffer
  /// What the offer holds until the review.
  public let escrow: Amount
}

/// What a transaction may order about rewards.
public enum RewardOrder: Hashable, Sendable {
  /// Puts a reward into escrow.
  case offer(RewardOffer)
  /// Pays it, or gives it back.
  case review(ContributionReview)
  /// Gives back what nobody reviewed.
  case close(OfferID)
}

extension RewardOrder: CanonicalOrder {
  var kind: String {
    switch self {
    case .offer: "offerReward"
    case .review: "reviewContribution"
    case .close: "closeReward"
    }
  }

  /// A review is of an escrowed offer and happens once, so it goes without fee.
  var feeBase: Amount? {
    switch self {
    case .offer(let offer): (try? offer.escrow()) ?? .zero
    case .review, .close: nil
    }
  }

  var fields: CanonicalValue {
    switch self {
    case .offer(let offer): offer.canonicalValue
    case .review(let review): review.canonicalValue
    case .close(let id): .map(["offer": id.canonicalValue])
    }
  }

  init?(kind: String, fields: CanonicalValue) throws(DecodingFailure) {
    switch kind {
    case "offerReward": self = .offer(try RewardOffer(canonicalValue: fields))
    case "reviewContribution": self = .review(try ContributionReview(canonicalValue: fields))
    case "closeReward": self = .close(try OfferID(onlyIn: fields))
    default: return nil
    }
  }
}

extension OfferID {
  /// Reads a map that holds nothing but an offer's id.
  init(onlyIn value: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(value)
    self = try fields.nested("offer")
    try fields.finish()
  }
}

extension RewardOffer: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "name": name.canonicalValue, "content": content.canonicalValue,
      "reviewer": reviewer.canonicalValue, "reward": reward.canonicalValue,
      "bonus": bonus.canonicalValue, "reviewPrice": reviewPrice.canonicalValue,
      "deadline": .unsigned(deadline),
    ])
  }

  /// Reads the fields; their sense is checked when the offer is made.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    name = try fields.nested("name")
    content = try fields.nested("content")
    reviewer = try fields.nested("reviewer")
    reward = try fields.nested("reward")
    bonus = try fields.nested("bonus")
    reviewPrice = try fields.nested("reviewPrice")
    deadline = try fields.unsigned("deadline")
    try fields.finish()
  }
}

extension ContributionReview: CanonicalCodable {
  /// A map of the fields; `quality` is left out where the content is refused.
  public var canonicalValue: CanonicalValue {
    var entries = ["offer": offer.canonicalValue]
    if let quality = qualityPartsPerMillion { entries["quality"] = .unsigned(UInt64(quality)) }
    return .map(entries)
  }

  /// Reads the fields; a quality above one is refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    offer = try fields.nested("offer")
    if let value = fields.optional("quality") {
      guard case .unsigned(let quality) = value, quality <= UInt64(LedgerParameters.whole) else {
        throw .malformed(what: "quality", reason: "expected parts per million")
      }
      qualityPartsPerMillion = UInt32(quality)
    } else {
      qualityPartsPerMillion = nil
    }
    try fields.finish()
  }
}

extension ContributionReward: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "payer": payer.canonicalValue, "terms": terms.canonicalValue,
      "escrow": escrow.canonicalValue,
    ])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    payer = try fields.nested("payer")
    terms = try fields.nested("terms")
    escrow = try fields.nested("escrow")
    try fields.finish()
  }
}
