internal import Consensus
internal import ContentStore
internal import Cryptography
internal import Ledger
internal import Primitives

/// What the ledger knows of content, for REST. Every object ends with its leaf of the state in
/// canonical bytes, so that a program reads it with the parser of the ledger.
extension CoordinatorServer {
  /// What is registered about content; nil where nothing is.
  func view(ofContent id: ContentID) -> JSONValue? {
    guard let record = chain.state.contents[id] else { return nil }
    let registration = record.registration
    return [
      "cid": Self.cid(id), "owner": Self.account(record.owner),
      "height": JSONValue(record.height), "purpose": .string(registration.purpose.rawValue),
      "record": registration.record.map(Self.cid) ?? .null,
      "licence": .string(registration.licence), "size": JSONValue(registration.size),
      "sha256": registration.sha256.map { .string($0.hex) } ?? .null,
      "price": .string(registration.terms.price.baseUnitsText),
      "royalty_parts_per_million": JSONValue(registration.terms.royaltyPartsPerMillion),
      "parents": .array(
        registration.parents.map {
          [
            "cid": Self.cid($0.content),
            "share_parts_per_million": JSONValue($0.sharePartsPerMillion),
          ]
        }),
      "accesses": JSONValue(record.accesses), "paid": .string(record.paid.baseUnitsText),
      "rewarded": .string(record.rewarded.baseUnitsText),
      "encoded": .string(Hex.encode(record.encoded())),
    ]
  }

  /// Who would get what of a number of accesses at the price of now.
  func royaltyView(of id: ContentID, accesses: UInt32) throws(LedgerError) -> JSONValue {
    let parts = try chain.state.royalties(of: id, accesses: accesses)
    let price = chain.state.contents[id]?.registration.terms.price ?? .zero
    return [
      "cid": Self.cid(id), "accesses": JSONValue(accesses), "price": .string(price.baseUnitsText),
      "parts": .array(
        parts.map {
          [
            "cid": Self.cid($0.content), "account": Self.account($0.account),
            "amount": .string($0.amount.baseUnitsText),
          ]
        }),
    ]
  }

  // MARK: Rewards

  /// An open reward; nil where there is none.
  func view(ofReward id: OfferID) -> JSONValue? {
    guard let reward = chain.state.rewards[id] else { return nil }
    let terms = reward.terms
    return [
      "offer": .string(id.description), "cid": Self.cid(terms.content),
      "payer": Self.account(reward.payer), "reviewer": Self.account(terms.reviewer),
      "reward": .string(terms.reward.baseUnitsText), "bonus": .string(terms.bonus.baseUnitsText),
      "review_price": .string(terms.reviewPrice.baseUnitsText),
      "escrow": .string(reward.escrow.baseUnitsText),
      "deadline_height": Self.height(terms.deadline),
      "encoded": .string(Hex.encode(reward.encoded())),
    ]
  }

  /// Open rewards that an account pays, reviews or would earn (all where it is nil), by id.
  func rewardViews(of account: AccountID?, after: OfferID?, limit: Int) -> JSONValue {
    let state = chain.state
    let ids = state.rewards.lazy.filter { id, reward in
      guard let account else { return true }
      if reward.payer == account || reward.terms.reviewer == account { return true }
      guard let record = state.contents[reward.terms.content] else { return false }
      return record.owner == account
    }.map(\.key)
    return [
      "height": JSONValue(state.chain.height),
      "rewards": .array(Self.page(ids, after, limit).compactMap { view(ofReward: $0) }),
    ]
  }

  // MARK: Storage

  /// A storage deal; nil where there is none.
  func view(ofDeal id: OfferID) -> JSONValue? {
    guard let deal = chain.state.deals[id] else { return nil }
    let terms = deal.terms
    return [
      "offer": .string(id.description), "cid": Self.cid(terms.content),
      "payer": Self.account(deal.payer), "provider": Self.account(terms.provider),
      "root": .string(terms.root.hex), "size": JSONValue(terms.size),
      "pay": .string(terms.pay.baseUnitsText), "epochs": JSONValue(terms.epochs),
      "epoch_blocks": JSONValue(terms.epochBlocks), "proof_blocks": JSONValue(terms.proofBlocks),
      "samples": JSONValue(terms.samples), "escrow": .string(deal.escrow.baseUnitsText),
      "start_height": deal.start.map(Self.height) ?? .null,
      "end_height": deal.end.map(Self.height) ?? .null,
      "epoch": deal.epoch(at: chain.state.chain.height + 1).map { JSONValue($0) } ?? .null,
      "proven_epochs": JSONValue(deal.provenEpochs),
      "challenge": deal.challenge.map { view(of: $0, in: deal) } ?? .null,
      "encoded": .string(Hex.encode(deal.encoded())),
    ]
  }

  private func view(of challenge: StorageChallenge, in deal: StorageDeal) -> JSONValue {
    let link = chain.state.link(drawing: challenge, of: deal)
    return [
      "epoch": JSONValue(challenge.epoch), "height": JSONValue(challenge.height),
      "deadline_height": Self.height(deal.deadline(of: challenge)),
      "proven": .bool(challenge.isProven),
      "beacon_link": link.map { .string($0.hex) } ?? .null,
    ]
  }

  /// Deals that an account pays or keeps (all where it is nil), by id.
  func dealViews(of account: AccountID?, after: OfferID?, limit: Int) -> JSONValue {
    let state = chain.state
    let ids = state.deals.lazy.filter { _, deal in
      guard let account else { return true }
      return deal.payer == account || deal.terms.provider == account
    }.map(\.key)
    return [
      "height": JSONValue(state.chain.height),
      "beacon_links_left": JSONValue(state.beaconLinksLeft),
      "deals": .array(Self.page(ids, after, limit).compactMap { view(ofDeal: $0) }),
    ]
  }

  /// The smallest ids behind `after`.
  private static func page(
    _ ids: some Sequence<OfferID>, _ after: OfferID?, _ limit: Int
  ) -> ArraySlice<OfferID> {
    ids.filter { id in
      guard let after else { return true }
      return after < id
    }.sorted().prefix(limit)
  }

  private static func account(_ id: AccountID) -> JSONValue { .string(Hex.encode(id.bytes)) }

  /// Whoever made an offer may have named any height.
  private static func height(_ height: BlockHeight) -> JSONValue {
    .integer(Int64(clamping: height))
  }

  private static func cid(_ id: ContentID) -> JSONValue {
    // Every name of the ledger is a CID.
    .string((try? CID(decoding: id.bytes))?.description ?? id.description)
  }
}
