internal import ContentStore
internal import Cryptography
internal import Ledger
internal import Networking
internal import Primitives

extension APIRoutes {
  /// Rewards or deals of one answer.
  static let offersMax = 100

  private static let listParameters: [APIOperation.Parameter] = [
    .init(name: "account", summary: "Only those in which this account has a part"),
    .init(name: "after", summary: "Only ids behind this one, for the next page"),
    .init(name: "limit", summary: "At most this many, up to 100", isInteger: true),
  ]

  static let contentLedger: [APIRoute] = [
    APIRoute(
      .get, base + "/ledger/contents/{cid}", .read,
      APIOperation(
        id: "getRegisteredContent", tag: "ledger", summary: "What is registered about content",
        answer: .json("RegisteredContent"), errors: [400, 404])
    ) { call in
      let id = try contentID(call)
      guard let view = await call.coordinator.view(ofContent: id) else {
        throw APIError(describing: LedgerError.unknownContent(id))
      }
      return .json(view)
    },
    APIRoute(
      .get, base + "/ledger/contents/{cid}/royalties", .read,
      APIOperation(
        id: "getRoyalties", tag: "ledger",
        summary: "Who would get what of a number of accesses at the price of now",
        parameters: [
          .init(name: "accesses", summary: "How many, 1 unless said", isInteger: true)
        ],
        answer: .json("Royalties"), errors: [400, 404, 422])
    ) { call in
      let id = try contentID(call)
      let accesses = try call.query("accesses", max: Int(UInt32.max)) ?? 1
      return .json(try await call.coordinator.royaltyView(of: id, accesses: UInt32(accesses)))
    },
    APIRoute(
      .get, base + "/ledger/rewards", .read,
      APIOperation(
        id: "listRewards", tag: "ledger", summary: "Open rewards of contributions, by id",
        parameters: listParameters, answer: .json("RewardList"), errors: [400])
    ) { call in
      let (account, after, limit) = try page(call)
      return .json(await call.coordinator.rewardViews(of: account, after: after, limit: limit))
    },
    APIRoute(
      .get, base + "/ledger/rewards/{id}", .read,
      APIOperation(
        id: "getReward", tag: "ledger", summary: "One open reward", answer: .json("Reward"),
        errors: [400, 404])
    ) { call in
      let id = OfferID(digest: try call.digest("id"))
      guard let view = await call.coordinator.view(ofReward: id) else {
        throw APIError(describing: LedgerError.unknownOffer(id))
      }
      return .json(view)
    },
    APIRoute(
      .get, base + "/ledger/deals", .read,
      APIOperation(
        id: "listDeals", tag: "ledger", summary: "Storage offers and deals, by id",
        parameters: listParameters, answer: .json("DealList"), errors: [400])
    ) { call in
      let (account, after, limit) = try page(call)
      return .json(await call.coordinator.dealViews(of: account, after: after, limit: limit))
    },
    APIRoute(
      .get, base + "/ledger/deals/{id}", .read,
      APIOperation(
        id: "getDeal", tag: "ledger", summary: "One storage offer or deal",
        answer: .json("Deal"), errors: [400, 404])
    ) { call in
      let id = OfferID(digest: try call.digest("id"))
      guard let view = await call.coordinator.view(ofDeal: id) else {
        throw APIError(describing: LedgerError.unknownOffer(id))
      }
      return .json(view)
    },
  ]

  private static func contentID(_ call: APICall) throws -> ContentID {
    let cid = try CID(parsing: call.text("cid"))
    guard let id = try? ContentID(bytes: cid.asVersion1.bytes) else {
      throw APIError.malformed(
        "cid", "\(cid)",
        expected: "a CID that the ledger has a name for: SHA-256 of raw bytes,"
          + " dag-pb or dag-cbor")
    }
    return id
  }

  private static func page(
    _ call: APICall
  ) throws(APIError) -> (account: AccountID?, after: OfferID?, limit: Int) {
    let limit = try call.query("limit", max: offersMax) ?? offersMax
    var account: AccountID?
    if let text = call.request.query("account") { account = try key(text) }
    guard let text = call.request.query("after") else { return (account, nil, limit) }
    guard let digest = try? Digest(hex: text.lowercased()) else {
      throw .malformed("id", text, expected: "an identifier of 64 hexadecimal digits")
    }
    return (account, OfferID(digest: digest), limit)
  }
}
