import Cryptography
public import Ledger
public import Persistence
public import Primitives

/// What a keeper did or could not do, for the person who runs the node.
public enum StorageNews: Sendable, Equatable {
  /// The content of a deal was read; false where something of it is missing or other than agreed.
  case checked(OfferID, isWhole: Bool, reason: String)
  /// This epoch's challenge is on the chain.
  case challenged(OfferID)
  /// The proof is on the chain, and its epoch paid.
  case proven(OfferID, pay: Amount)
  /// Something could not be done; it is tried again while it makes sense.
  case failed(OfferID, reason: String)
  /// The coordinator could not be asked.
  case unreachable(reason: String)
}

/// Keeps the deals of a node's account: asks for the challenge of each epoch and answers it from
/// the node's own store. One process of an account does this at a time.
public actor StorageKeeper {
  /// Between two looks at the chain: a validator seals at most one block a second, and the shortest
  /// time for a proof is ten blocks.
  public static let lookInterval: Duration = .seconds(1)

  private let ledger: any StorageLedger
  private let store: BlockStore
  private let report: @Sendable (StorageNews) -> Void
  private var machine: StorageKeeperMachine
  /// What was true at the last look, so that nothing is decided twice.
  private var seen: StorageStanding?
  private var isUnreachable = false

  /// Keeps deals with what `store` has.
  public init(
    ledger: any StorageLedger, store: BlockStore,
    report: @escaping @Sendable (StorageNews) -> Void
  ) {
    self.ledger = ledger
    self.store = store
    self.report = report
    machine = StorageKeeperMachine(provider: ledger.account)
  }

  /// Looks again and again until cancelled.
  public func run(every interval: Duration = StorageKeeper.lookInterval) async throws {
    while true {
      do {
        _ = try await look()
        isUnreachable = false
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        try Task.checkCancellation()
        // Said once, however long it lasts.
        if !isUnreachable { report(.unreachable(reason: Self.reason(error))) }
        isUnreachable = true
      }
      try await Task.sleep(for: interval)
    }
  }

  /// Looks at the deals once and does what is due; returns how much that was.
  public func look() async throws -> Int {
    let standing = try await ledger.storageStanding()
    guard standing != seen else { return 0 }
    let fee = try await ledger.fee(for: .storage(.challenge(OfferID(digest: .zero))))
    let effects = machine.handle(.standing(standing, challengeFee: fee))
    for effect in effects {
      try Task.checkCancellation()
      try await perform(effect, standing)
    }
    // What was just checked may be asked for at the same height.
    seen = effects.isEmpty ? standing : nil
    return effects.count
  }

  /// Whether a challenge of this account's waits for its link or its proof.
  public func isWaiting() async throws -> Bool {
    let standing = try await ledger.storageStanding()
    return standing.deals.contains { entry in
      guard entry.deal.terms.provider == ledger.account, let challenge = entry.deal.challenge
      else { return false }
      return !challenge.isProven && standing.height < entry.deal.deadline(of: challenge)
    }
  }

  private func perform(
    _ effect: StorageKeeperMachine.Effect, _ standing: StorageStanding
  ) async throws {
    switch effect {
    case .check(let id):
      guard let offer = Self.terms(of: id, in: standing) else { return }
      let fault = await fault(of: offer)
      _ = machine.handle(.checked(id, isWhole: fault == nil))
      report(.checked(id, isWhole: fault == nil, reason: fault ?? ""))
    case .challenge(let id):
      if await submit(.challenge(id), of: id) { report(.challenged(id)) }
    case .prove(let id, let drawn):
      guard let offer = Self.terms(of: id, in: standing) else { return }
      let proof: [StoragePieceProof]
      do {
        proof = try await onOwnThread { content in
          try content.proofBlocking(for: offer, pieces: drawn)
        }
      } catch {
        _ = machine.handle(.failed(id))
        return report(.failed(id, reason: Self.reason(error)))
      }
      if await submit(.prove(id, proof), of: id) { report(.proven(id, pay: offer.pay)) }
    }
  }

  private static func terms(of id: OfferID, in standing: StorageStanding) -> StorageOffer? {
    standing.deals.first { $0.id == id }?.deal.terms
  }

  private func submit(_ order: StorageOrder, of id: OfferID) async -> Bool {
    do {
      _ = try await ledger.submit(.storage(order))
      return true
    } catch {
      let isRefused = error is LedgerError || (error as? OrderError)?.changesNothing == true
      if isRefused { _ = machine.handle(.failed(id)) }
      report(.failed(id, reason: Self.reason(error)))
      return false
    }
  }

  /// Why the content of an offer cannot be proven from what is stored; nil if it can.
  private func fault(of offer: StorageOffer) async -> String? {
    do {
      try await onOwnThread { content in
        let pieces = try content.piecesBlocking(of: offer.content)
        guard pieces.root == offer.root, pieces.size == offer.size else {
          throw StorageContentError.otherBytes(
            offer.content, root: pieces.root, size: pieces.size)
        }
      }
      return nil
    } catch {
      return Self.reason(error)
    }
  }

  private func onOwnThread<Value: Sendable>(
    _ work: @escaping @Sendable (StorageContent) throws -> Value
  ) async throws -> Value {
    let store = store
    return try await ContentLibrary.onOwnThread("storage-proof") {
      try work(StorageContent(store: store))
    }
  }

  private static func reason(_ error: any Error) -> String {
    (error as? LedgerError)?.sentence ?? "\(error)"
  }
}
