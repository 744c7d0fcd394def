internal import Cryptography
internal import Ledger
internal import Primitives

/// Transactions that no block holds yet: sent to each validator that connects, until one does.
struct PendingTransactions: Sendable {
  /// As many as a mempool takes.
  static let countMax = MempoolLimits.transactionsMax

  private(set) var waiting: [Transaction] = []
  private var ids: Set<Digest> = []
  /// Those whose record is not durable: they hold their nonce, but may not be sent.
  private var held: Set<Digest> = []

  /// Keeps a transaction; false if it is known or there is no room.
  mutating func add(_ transaction: Transaction, isHeld: Bool = false) -> Bool {
    let id = transaction.id
    guard waiting.count < Self.countMax, ids.insert(id).inserted else { return false }
    waiting.append(transaction)
    if isHeld { held.insert(id) }
    return true
  }

  /// Lets a held transaction go on its way.
  mutating func release(_ id: Digest) { held.remove(id) }

  /// Whether a transaction waits.
  func contains(_ id: Digest) -> Bool { ids.contains(id) }

  /// How many of one sender wait.
  func count(of sender: AccountID) -> UInt64 {
    UInt64(waiting.count { $0.sender == sender })
  }

  /// Those that may be sent, in order of arrival.
  var sendable: [Transaction] { waiting.filter { !held.contains($0.id) } }

  /// The nonce of a sender's next transaction.
  func nextNonce(of sender: AccountID, in state: LedgerState) -> UInt64 {
    let used = waiting.lazy.filter { $0.sender == sender }.map(\.nonce).max()
    let next = state.account(sender).nonce
    // Only nonces that were next in their turn are kept, so this cannot overflow; a log that was
    // tampered with must not trap either.
    return used.map { max(next, $0 == .max ? $0 : $0 + 1) } ?? next
  }

  /// Drops what a block made stale, and returns it.
  @discardableResult
  mutating func settle(in state: LedgerState) -> [Transaction] {
    let isCurrent = { (other: Transaction) in other.nonce >= state.account(other.sender).nonce }
    let stale = waiting.filter { !isCurrent($0) }
    keep(isCurrent)
    return stale
  }

  /// Drops one that was refused for good, with what its sender signed after it: a nonce that is
  /// never used lets none of those pass. Returns all of them.
  mutating func removeChain(from refused: Transaction) -> [Transaction] {
    guard ids.contains(refused.id) else { return [] }
    let isStranded = { (other: Transaction) in
      other.sender == refused.sender && other.nonce >= refused.nonce
    }
    let stranded = waiting.filter(isStranded)
    keep { !isStranded($0) }
    return stranded
  }

  private mutating func keep(_ isKept: (Transaction) -> Bool) {
    waiting = waiting.filter(isKept)
    ids = Set(waiting.map(\.id))
    held.formIntersection(ids)
  }
}
