internal import Cryptography
internal import Ledger
internal import Primitives

/// Transactions that no block holds yet: sent to each validator that connects, until one does.
struct PendingTransactions: Sendable {
  /// As many as a mempool takes.
  static let countMax = MempoolLimits.transactionsMax

  private(set) var waiting: [Transaction] = []
  private var ids: Set<Digest> = []

  /// Keeps a transaction; false if it is known or there is no room.
  mutating func add(_ transaction: Transaction) -> Bool {
    guard waiting.count < Self.countMax, ids.insert(transaction.id).inserted else { return false }
    waiting.append(transaction)
    return true
  }

  /// The nonce of a sender's next transaction.
  func nextNonce(of sender: AccountID, in state: LedgerState) -> UInt64 {
    let used = waiting.lazy.filter { $0.sender == sender }.map(\.nonce).max()
    let next = state.account(sender).nonce
    return used.map { max(next, $0 + 1) } ?? next
  }

  /// Drops what a block made stale.
  mutating func settle(in state: LedgerState) {
    keep { $0.nonce >= state.account($0.sender).nonce }
  }

  /// Drops one that was refused for good.
  mutating func remove(_ id: Digest) { keep { $0.id != id } }

  private mutating func keep(_ isKept: (Transaction) -> Bool) {
    waiting = waiting.filter(isKept)
    ids = Set(waiting.map(\.id))
  }
}
