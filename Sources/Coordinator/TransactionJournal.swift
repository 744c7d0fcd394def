internal import Cryptography
internal import Ledger

/// What became of transactions, for those who handed them in: a bounded number of the newest.
struct TransactionJournal: Sendable {
  /// What became of one.
  enum Outcome: Equatable, Sendable {
    case included(height: BlockHeight)
    case refused(code: String, reason: String)
  }

  /// Thirty-two full blocks: whoever asks within half a minute is answered under any load.
  static let countMax = 32 * LedgerLimits.blockTransactionsMax

  private let countMax: Int
  private var outcomes: [Digest: Outcome] = [:]
  /// A ring of what is remembered; `oldest` is overwritten next once it is full.
  private var ring: [Digest] = []
  private var oldest = 0

  init(countMax: Int = Self.countMax) {
    precondition(countMax > 0)
    self.countMax = countMax
  }

  /// What became of a transaction; nil where nobody knows any more, or yet.
  subscript(id: Digest) -> Outcome? { outcomes[id] }

  /// Remembers an outcome; the oldest is forgotten for it. What a block holds stays so.
  mutating func note(_ outcome: Outcome, of id: Digest) {
    if case .included? = outcomes[id] { return }
    guard outcomes.updateValue(outcome, forKey: id) == nil else { return }
    guard ring.count == countMax else { return ring.append(id) }
    outcomes[ring[oldest]] = nil
    ring[oldest] = id
    oldest = (oldest + 1) % countMax
  }

  /// Remembers the transactions of a block.
  mutating func note(_ block: Block) {
    for transaction in block.transactions {
      note(.included(height: block.header.height), of: transaction.id)
    }
  }
}
