public import Ledger
public import Primitives

/// Decides when a provider asks for challenges of its deals, and which it answers.
///
/// A challenge costs a fee and its proof earns the pay of an epoch, so one is asked for only where
/// the pay is more, and after the content was read as a whole: at the start, and after each proof
/// that could not be made.
public struct StorageKeeperMachine: Sendable {
  /// What happens.
  public enum Event: Sendable {
    /// A look at the chain, and the fee of a challenge.
    case standing(StorageStanding, challengeFee: Amount)
    /// The content of a deal was read: whether all of it is there.
    case checked(OfferID, isWhole: Bool)
    /// No proof could be made of what is stored, or the ledger refused an order about the deal.
    case failed(OfferID)
  }

  /// What to do.
  public enum Effect: Hashable, Sendable {
    /// Read the content and compare it with the deal.
    case check(OfferID)
    /// Ask for this epoch's challenge.
    case challenge(OfferID)
    /// Show these pieces.
    case prove(OfferID, pieces: [UInt64])
  }

  /// Tries for one challenge: a block may come back from elsewhere, but each try reads everything.
  static let triesMax = 3

  private struct Memory: Sendable {
    /// Whether all of it was there at the last look.
    var isWhole = false
    /// The epoch in which it was looked at last.
    var checkedIn: UInt32?
    /// The epoch whose challenge is being answered, and how often that could not be done.
    var answered: (epoch: UInt32, failures: Int)?
  }

  /// Who keeps the content.
  public let provider: AccountID
  private var memories: [OfferID: Memory] = [:]

  /// Knows nothing of what is stored.
  public init(provider: AccountID) { self.provider = provider }

  /// Takes an event; proofs come first, those that are due soonest before others.
  public mutating func handle(_ event: Event) -> [Effect] {
    switch event {
    case .standing(let standing, let fee): return look(at: standing, challengeFee: fee)
    case .checked(let id, let isWhole): memories[id]?.isWhole = isWhole
    case .failed(let id):
      memories[id]?.isWhole = false
      memories[id]?.answered?.failures += 1
    }
    return []
  }

  private mutating func look(at standing: StorageStanding, challengeFee: Amount) -> [Effect] {
    let own = standing.deals.filter { $0.deal.terms.provider == provider }
    let ids = Set(own.map(\.id))
    memories = memories.filter { ids.contains($0.key) }
    let next = standing.height + 1
    var proofs: [(deadline: BlockHeight, effect: Effect)] = []
    var others: [Effect] = []
    var linksLeft = standing.beaconLinksLeft
    for entry in own {
      if let deadline = openUntil(entry.deal, next) {
        if let effect = proof(for: entry) { proofs.append((deadline, effect)) }
      } else if entry.deal.terms.pay > challengeFee,
        let effect = challenge(for: entry, at: next, linksLeft: &linksLeft)
      {
        others.append(effect)
      }
    }
    // Deals come by id, and sorting keeps that order among equals.
    return proofs.sorted { $0.deadline < $1.deadline }.map(\.effect) + others
  }

  /// The last block for the proof of a challenge that waits; nil where none does.
  private func openUntil(_ deal: StorageDeal, _ next: BlockHeight) -> BlockHeight? {
    guard let challenge = deal.challenge, !challenge.isProven else { return nil }
    let deadline = deal.deadline(of: challenge)
    return next <= deadline ? deadline : nil
  }

  private mutating func proof(for entry: StorageStanding.Deal) -> Effect? {
    guard let link = entry.link, let challenge = entry.deal.challenge else { return nil }
    var memory = memories[entry.id] ?? Memory()
    if memory.answered?.epoch != challenge.epoch { memory.answered = (challenge.epoch, 0) }
    memories[entry.id] = memory
    guard let failures = memory.answered?.failures, failures < Self.triesMax else { return nil }
    return .prove(
      entry.id,
      pieces: entry.deal.terms.drawn(by: link, deal: entry.id, epoch: challenge.epoch))
  }

  private mutating func challenge(
    for entry: StorageStanding.Deal, at next: BlockHeight, linksLeft: inout UInt64
  ) -> Effect? {
    guard let epoch = entry.deal.epoch(at: next), linksLeft > 0 else { return nil }
    if let last = entry.deal.challenge, last.epoch >= epoch { return nil }
    var memory = memories[entry.id] ?? Memory()
    defer { memories[entry.id] = memory }
    guard !memory.isWhole else {
      linksLeft -= 1
      return .challenge(entry.id)
    }
    guard memory.checkedIn != epoch else { return nil }
    memory.checkedIn = epoch
    return .check(entry.id)
  }
}
