public import ContentStore
import Cryptography
public import Ledger
public import Primitives
import Telemetry

/// What `settle` did.
public struct LibrarySettlement: Sendable, Equatable {
  /// Contents that were registered.
  public var registered: [CID] = []
  /// Contents of which accesses were paid, and how many.
  public var paid: [CID: UInt32] = [:]
  /// Contents that were left, and why.
  public var left: [CID: String] = [:]

  /// Nothing done.
  public init() {}
}

extension ContentID {
  /// The ledger's name of content; nil where it has none.
  public init?(_ cid: CID) {
    try? self.init(bytes: cid.asVersion1.bytes)
  }
}

extension ContentLibrary {
  /// Registers the node's own contents and pays for its own accesses.
  ///
  /// - Parameter priceMax: accesses that cost more are left owed.
  public func settle(
    on ledger: some ContentLedger, priceMax: Amount
  ) async throws -> LibrarySettlement {
    try state.withLock { state throws(LibraryError) in
      guard !state.isSettling else { throw .settling }
      state.isSettling = true
    }
    defer { state.withLock { $0.isSettling = false } }
    var result = LibrarySettlement()
    for entry in state.withLock({ $0.index.unregistered(of: owner) }) {
      let content = entry.statement.content
      do {
        try await register(entry, on: ledger)
        result.registered.append(content)
      } catch {
        result.left[content] = Self.reason(error)
      }
    }
    for (content, accesses) in debts {
      do {
        if let reason = try await pay(content, accesses, on: ledger, priceMax: priceMax) {
          result.left[content] = reason
        } else {
          result.paid[content] = accesses
        }
      } catch {
        result.left[content] = Self.reason(error)
      }
    }
    return result
  }

  private static func reason(_ error: any Error) -> String {
    (error as? LedgerError)?.sentence ?? "\(error)"
  }

  /// Registers content; parents that the ledger knows get the share they ask for.
  private func register(_ entry: LibraryEntry, on ledger: some ContentLedger) async throws {
    let statement = entry.statement
    guard let id = ContentID(statement.content) else {
      throw LibraryError.noLedgerName(statement.content)
    }
    if let known = try await ledger.record(of: id), known.owner == owner {
      // An earlier settlement ended before it could note this.
      return try await note(.registered(statement.content, transaction: .zero))
    }
    var parents: [ContentParent] = []
    for parent in statement.parents {
      guard let parentID = ContentID(parent.content),
        let record = try await ledger.record(of: parentID)
      else { continue }
      parents.append(
        ContentParent(
          content: parentID,
          sharePartsPerMillion: record.registration.terms.royaltyPartsPerMillion))
    }
    let registration = ContentRegistration(
      content: id, purpose: ContentPurpose(statement.purpose), record: ContentID(entry.recordCID),
      parents: parents.sorted { $0.content < $1.content }, licence: statement.licence,
      size: statement.size, sha256: statement.sha256,
      terms: state.withLock { $0.index.terms(of: statement.content) })
    let transaction = try await ledger.submit(.content(.register(registration)))
    try await note(.registered(statement.content, transaction: transaction))
  }

  /// Pays owed accesses; returns why not.
  private func pay(
    _ content: CID, _ accesses: UInt32, on ledger: some ContentLedger, priceMax: Amount
  ) async throws -> String? {
    guard let id = ContentID(content), let record = try await ledger.record(of: id) else {
      return "it is not registered"
    }
    let price = record.registration.terms.price
    guard price <= priceMax else { return "an access costs \(price)" }
    try await note(.paying(content, accesses: accesses))
    do {
      _ = try await ledger.submit(
        .content(.recordAccess(ContentAccess(content: id, accesses: accesses, price: price))))
    } catch let refusal as LedgerError {
      // The ledger said no, so nothing was paid.
      try await note(.owed(content, accesses: accesses))
      return refusal.sentence
    } catch let error as OrderError where error.changesNothing {
      try await note(.owed(content, accesses: accesses))
      return error.description
    }
    return nil
  }

  /// Who would get what of `accesses` accesses at the price of now.
  public func calculateRoyalties(
    _ content: CID, accesses: UInt32, on ledger: some ContentLedger
  ) async throws -> [RoyaltyPart] {
    guard let id = ContentID(content) else { throw LibraryError.noLedgerName(content) }
    guard try await ledger.record(of: id) != nil else { throw LibraryError.unregistered(id) }
    return try await ledger.royalties(of: id, accesses: accesses)
  }

  /// Puts a reward for a contribution into escrow, out of this node's own account. It is paid when
  /// the reviewer, who is somebody else than the content's owner, has accepted it.
  public func rewardContribution(
    _ content: CID, _ offer: (ContentID) -> RewardOffer, on ledger: some ContentLedger
  ) async throws -> OfferID {
    guard let id = ContentID(content) else { throw LibraryError.noLedgerName(content) }
    guard try await ledger.record(of: id) != nil else { throw LibraryError.unregistered(id) }
    let offer = offer(id)
    _ = try await ledger.submit(.reward(.offer(offer)))
    return offer.id(payer: owner)
  }
}

extension ContentPurpose {
  fileprivate init(_ purpose: ProvenanceStatement.Purpose) {
    self =
      switch purpose {
      case .model: .model
      case .dataset: .dataset
      case .research: .research
      }
  }
}
