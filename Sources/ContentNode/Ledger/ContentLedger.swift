public import Cryptography
public import Ledger
public import Primitives

/// The way of a library to the ledger: reads the state and signs orders for the node's account.
public protocol ContentLedger: Sendable {
  /// What the ledger knows of content.
  func record(of id: ContentID) async throws -> ContentRecord?
  /// Who would get what of a number of accesses.
  func royalties(of id: ContentID, accesses: UInt32) async throws -> [RoyaltyPart]
  /// Signs an order with the node's key, hands it in, and returns its transaction's id once a block
  /// holds it.
  ///
  /// Throws a `LedgerError` or an `OrderError` that `changesNothing` where the order is not on the
  /// ledger and will not be; after any other error it may be.
  func submit(_ body: TransactionBody) async throws -> Digest
}

/// The same for who keeps content for pay.
public protocol StorageLedger: ContentLedger {
  /// The account that signs.
  var account: AccountID { get }
  /// The account's deals, and what one must know to keep them.
  func storageStanding() async throws -> StorageStanding
  /// What an order costs beside the amounts it names.
  func fee(for body: TransactionBody) async throws -> Amount
}

/// What a provider sees of the chain.
public struct StorageStanding: Hashable, Sendable {
  /// A deal, with the link that draws its challenge's pieces once that is revealed.
  public struct Deal: Hashable, Sendable {
    /// Its id.
    public let id: OfferID
    /// What the ledger holds.
    public let deal: StorageDeal
    /// The link; nil before it is revealed.
    public let link: Digest?

    /// Pairs a deal with its link.
    public init(id: OfferID, deal: StorageDeal, link: Digest? = nil) {
      self.id = id
      self.deal = deal
      self.link = link
    }
  }

  /// The newest block.
  public var height: BlockHeight
  /// Links of the beacon that are not revealed yet.
  public var beaconLinksLeft: UInt64
  /// Deals that the account keeps or pays, by id.
  public var deals: [Deal]

  /// Collects the parts.
  public init(height: BlockHeight, beaconLinksLeft: UInt64, deals: [Deal]) {
    self.height = height
    self.beaconLinksLeft = beaconLinksLeft
    self.deals = deals
  }
}

/// Why an order is not on the ledger, or nobody knows whether it is.
public enum OrderError: Error, Equatable, Sendable {
  /// The ledger said no.
  case refused(code: String, reason: String, hint: String)
  /// It never left: the coordinator did not answer what must be known before.
  case notSent(reason: String)
  /// No block held it in time. It may still come into one.
  case notInTime(transaction: Digest, seconds: Int64)
  /// The coordinator follows another chain than this node.
  case otherChain(expected: Digest, found: Digest)
  /// What answered does not speak as a coordinator does.
  case invalidAnswer(reason: String)

  /// Whether the order is not on the ledger and will not be.
  public var changesNothing: Bool {
    switch self {
    case .refused, .notSent, .otherChain: true
    case .notInTime, .invalidAnswer: false
    }
  }

  /// What to do next.
  public var hint: String {
    switch self {
    case .refused(_, _, let hint): hint.isEmpty ? "see docs/specs/ledger.md" : hint
    case .notSent: "check the coordinator's address and that it runs"
    case .notInTime: "see whether a validator is connected to the coordinator"
    case .otherChain: "use another --home for another network"
    case .invalidAnswer: "check that the address is a coordinator's"
    }
  }
}

extension OrderError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .refused(_, let reason, _): reason
    case .notSent(let reason): "the order was not sent: \(reason)"
    case .notInTime(let transaction, let seconds):
      "no block held the transaction \(transaction.hex) within \(seconds) s; it may still come"
    case .otherChain(let expected, let found):
      "the coordinator's chain is \(found.hex), this home knows \(expected.hex)"
    case .invalidAnswer(let reason): "the answer is not a coordinator's: \(reason)"
    }
  }
}
