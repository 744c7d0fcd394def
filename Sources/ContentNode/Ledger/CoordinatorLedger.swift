import ContentStore
public import Cryptography
public import Ledger
public import MartletClient
public import Primitives
import Telemetry

/// How long one waits for a coordinator.
public enum CoordinatorLedgerLimits {
  /// From signing an order to the block that holds it: a validator seals one a second.
  public static let orderMax: Duration = .seconds(60)
  /// Between two looks.
  static let pause: Duration = .milliseconds(250)
  /// Other processes of the same account may take the nonce meanwhile; then it is signed anew.
  static let signaturesMax = 5
  /// Deals of one account that are looked at: each is read as a whole once an epoch.
  static let dealsMax = 6_400
}

/// The ledger as a coordinator's REST interface shows it, and a key that signs for one account.
///
/// The coordinator is believed in what it says of the state. Which chain an order is signed for,
/// and its fee, follow from the genesis document, whose hash is the chain's id: a coordinator that
/// changes a fee there gets a signature that is worth nothing on the chain of others.
public struct CoordinatorLedger: StorageLedger {
  private let client: NetworkClient
  private let key: SigningKey
  private let chainID: Digest?
  private let orderMax: Duration
  private let knownGenesis = Known()

  /// The genesis document, read once.
  private final class Known: Sendable {
    let genesis = Lock<Genesis?>(nil)
  }

  /// - Parameters:
  ///   - key: signs; its account pays.
  ///   - chainID: the chain that the node knows; nil takes that of the coordinator.
  public init(
    client: NetworkClient, key: SigningKey, chainID: Digest? = nil,
    orderMax: Duration = CoordinatorLedgerLimits.orderMax
  ) {
    self.client = client
    self.key = key
    self.chainID = chainID
    self.orderMax = orderMax
  }

  /// The account that signs.
  public var account: AccountID { key.publicKey }

  private var accountText: String { Hex.encode(key.publicKey.bytes) }

  // MARK: Reading

  /// What the ledger knows of content.
  public func record(of id: ContentID) async throws -> ContentRecord? {
    do {
      let json = try await client.registeredContent(id.description)
      let record: ContentRecord = try json.ledgerLeaf()
      guard record.registration.content == id else {
        throw OrderError.invalidAnswer(reason: "it is about \(record.registration.content)")
      }
      return record
    } catch NetworkClientError.refused(_, "unknown_content", _, _) {
      return nil
    }
  }

  /// Who would get what of a number of accesses.
  public func royalties(of id: ContentID, accesses: UInt32) async throws -> [RoyaltyPart] {
    let json: JSONValue
    do {
      json = try await client.royalties(of: id.description, accesses: accesses)
    } catch .refused(_, "unknown_content", _, _) {
      throw LedgerError.unknownContent(id)
    }
    guard let parts = json["parts"]?.elements else {
      throw OrderError.invalidAnswer(reason: "no `parts`")
    }
    return try parts.map { part in
      guard let cid = part["cid"]?.text, let content = ContentID(try CID(parsing: cid)),
        let account = part["account"]?.text, let amount = part["amount"]?.text
      else { throw OrderError.invalidAnswer(reason: "a part of the royalties is malformed") }
      return RoyaltyPart(
        content: content, account: try PublicKey(bytes: Hex.decode(account)),
        amount: try Amount(baseUnitsText: amount))
    }
  }

  /// The account's deals.
  public func storageStanding() async throws -> StorageStanding {
    var standing = StorageStanding(height: 0, beaconLinksLeft: 0, deals: [])
    while standing.deals.count < CoordinatorLedgerLimits.dealsMax {
      let last = standing.deals.last?.id
      let json = try await client.deals(of: accountText, after: last?.description)
      let page = try StorageStanding(json: json)
      (standing.height, standing.beaconLinksLeft) = (page.height, page.beaconLinksLeft)
      guard let first = page.deals.first else { return standing }
      // A page that does not go on would be read for ever.
      if let last, first.id <= last { return standing }
      standing.deals += page.deals
    }
    return standing
  }

  /// One deal; nil where there is none.
  public func deal(_ id: OfferID) async throws -> StorageStanding.Deal? {
    do {
      return try StorageStanding.Deal(json: await client.deal(id.description))
    } catch NetworkClientError.refused(_, "unknown_offer", _, _) {
      return nil
    }
  }

  /// One open reward; nil where there is none.
  public func reward(_ id: OfferID) async throws -> ContributionReward? {
    do {
      return try await client.reward(id.description).ledgerLeaf()
    } catch NetworkClientError.refused(_, "unknown_offer", _, _) {
      return nil
    }
  }

  // MARK: Signing

  /// What an order costs beside the amounts it names.
  public func fee(for body: TransactionBody) async throws -> Amount {
    try await genesis().parameters.fee(for: body)
  }

  private func genesis() async throws -> Genesis {
    if let known = knownGenesis.genesis.withLock({ $0 }) { return known }
    let genesis = try Genesis(json: await client.genesis())
    if let chainID, genesis.chainID != chainID {
      throw OrderError.otherChain(expected: chainID, found: genesis.chainID)
    }
    knownGenesis.genesis.withLock { $0 = genesis }
    return genesis
  }

  private func signed(_ body: TransactionBody) async throws -> Transaction {
    do {
      let genesis = try await genesis()
      let view = try await client.account(accountText)
      guard let nonce = view["next_nonce"]?.integer else {
        throw OrderError.notSent(reason: "the coordinator is too old to give a nonce")
      }
      return Transaction(
        signing: body, chainID: genesis.chainID, nonce: UInt64(clamping: nonce),
        fee: try genesis.parameters.fee(for: body), key: key)
    } catch let error as NetworkClientError where error != .cancelled {
      throw OrderError.notSent(reason: error.description)
    }
  }
}

// MARK: - Orders

extension CoordinatorLedger {
  /// Signs an order, hands it in, and waits for the block that holds it.
  public func submit(_ body: TransactionBody) async throws -> Digest {
    let deadline = ContinuousClock.now.advanced(by: orderMax)
    for _ in 1..<CoordinatorLedgerLimits.signaturesMax {
      do {
        return try await submit(signed(body), until: deadline)
      } catch OrderError.refused(let code, _, _) where Self.isNonceTaken(code) {
        // Another process of this account was faster: this one is not on the ledger.
      }
    }
    return try await submit(signed(body), until: deadline)
  }

  private static func isNonceTaken(_ code: String) -> Bool {
    code == "replayed_transaction" || code == "nonce_too_high" || code == "replayed"
  }

  private func submit(
    _ transaction: Transaction, until deadline: ContinuousClock.Instant
  ) async throws -> Digest {
    let id = transaction.id
    var status = try await handIn(transaction, until: deadline)
    while true {
      switch status["state"]?.text {
      case "included": return id
      case "refused":
        throw OrderError.refused(
          code: status["code"]?.text ?? "", reason: status["reason"]?.text ?? "it was refused",
          hint: "")
      default: break
      }
      guard ContinuousClock.now < deadline else {
        throw OrderError.notInTime(transaction: id, seconds: orderMax.components.seconds)
      }
      try await Task.sleep(for: CoordinatorLedgerLimits.pause)
      do {
        status = try await client.transaction(id.hex)
      } catch NetworkClientError.cancelled {
        throw NetworkClientError.cancelled
      } catch {
        // Asked again until the deadline: the order is handed in.
      }
    }
  }

  /// The same bytes again are no second order, so a lost answer is asked for again.
  private func handIn(
    _ transaction: Transaction, until deadline: ContinuousClock.Instant
  ) async throws -> JSONValue {
    var mayBeThere = false
    while true {
      let reason: String
      do {
        return try await client.submitTransaction(transaction.encoded())
      } catch {
        switch error {
        case .refused(let status, let code, let message, let hint):
          guard status == Self.tooManyRequests || status >= Self.serverError else {
            throw OrderError.refused(code: code, reason: message, hint: hint)
          }
          if status == Self.serverError { mayBeThere = true }
        case .cancelled: throw error
        case .unreachable: break
        case .timedOut, .invalidAnswer, .broken, .file: mayBeThere = true
        }
        reason = error.description
      }
      guard ContinuousClock.now < deadline else {
        guard mayBeThere else { throw OrderError.notSent(reason: reason) }
        throw OrderError.notInTime(
          transaction: transaction.id, seconds: orderMax.components.seconds)
      }
      try await Task.sleep(for: CoordinatorLedgerLimits.pause)
    }
  }

  private static let tooManyRequests = 429
  private static let serverError = 500
}
