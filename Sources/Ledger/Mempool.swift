public import Cryptography
import Primitives

/// How much waits for a block; each bound keeps one sender or a crowd from eating memory.
public enum MempoolLimits {
  /// Four full blocks.
  public static let transactionsMax = 8_192
  /// All waiting bytes: eight of the largest blocks.
  public static let bytesMax = 16 << 20
  /// One sender's waiting transactions; also how far a nonce may run ahead.
  public static let perSenderMax: UInt64 = 256
}

/// Why a transaction may not wait.
public enum MempoolError: Error, Equatable, Sendable {
  case duplicate
  case nonceTaken(nonce: UInt64)
  case nonceStale(nonce: UInt64, next: UInt64)
  case nonceTooFarAhead(nonce: UInt64, next: UInt64)
  /// The sender has neither an account nor an admitted transaction before this one.
  case unknownSender
  case full(transactions: Int)
  case fullBytes(bytes: Int)
  case refused(LedgerError)
}

/// Checked transactions that wait for a block: in order of arrival, each sender's by nonce.
public struct Mempool: Sendable {
  private struct Waiting: Sendable {
    let transaction: Transaction
    let id: Digest
    let byteCount: Int
    let arrival: UInt64
  }

  private var bySender: [AccountID: [UInt64: Waiting]] = [:]
  private var ids: Set<Digest> = []
  private var arrivals: UInt64 = 0
  /// Bytes that wait.
  public private(set) var byteCount = 0

  /// An empty mempool.
  public init() {}

  /// Transactions that wait.
  public var count: Int { ids.count }

  /// Whether a transaction waits.
  public func contains(_ id: Digest) -> Bool { ids.contains(id) }

  /// Ids of all that wait: their signatures were checked on entry.
  public var checkedSignatures: Set<Digest> { ids }

  /// The nonce for the sender's next transaction, those that wait included.
  public func nextNonce(of sender: AccountID, in state: LedgerState) -> UInt64 {
    var next = state.account(sender).nonce
    while bySender[sender]?[next] != nil { next += 1 }
    return next
  }

  /// Checks a transaction fully and keeps it; returns its id.
  ///
  /// - Parameter isSignatureKnown: true if this process signed it.
  public mutating func admit(
    _ transaction: Transaction, state: LedgerState, isSignatureKnown: Bool = false
  ) throws(MempoolError) -> Digest {
    let bytes = transaction.encoded()
    let id = SHA256.hash(bytes)
    guard !ids.contains(id) else { throw .duplicate }
    try checkRoom(bytes: bytes.count)
    let next = state.account(transaction.sender).nonce
    try checkNonce(transaction, next: next)
    // Keys cost nothing, so strangers may not park what cannot be checked yet.
    guard
      transaction.nonce == next || state.accounts[transaction.sender] != nil
        || bySender[transaction.sender]?[next] != nil
    else { throw .unknownSender }
    do {
      try state.validate(transaction, isSignatureKnown: isSignatureKnown)
    } catch  where error.mayPassLater {
      // Waits for what is under way: a beacon link, a settlement.
    } catch {
      throw .refused(error)
    }
    bySender[transaction.sender, default: [:]][transaction.nonce] = Waiting(
      transaction: transaction, id: id, byteCount: bytes.count, arrival: arrivals)
    arrivals += 1
    ids.insert(id)
    byteCount += bytes.count
    return id
  }

  private func checkRoom(bytes: Int) throws(MempoolError) {
    guard ids.count < MempoolLimits.transactionsMax else { throw .full(transactions: ids.count) }
    guard byteCount + bytes <= MempoolLimits.bytesMax else { throw .fullBytes(bytes: byteCount) }
  }

  private func checkNonce(
    _ transaction: Transaction, next: UInt64
  ) throws(MempoolError) {
    let nonce = transaction.nonce
    guard nonce >= next else { throw .nonceStale(nonce: nonce, next: next) }
    guard nonce - next < MempoolLimits.perSenderMax else {
      throw .nonceTooFarAhead(nonce: nonce, next: next)
    }
    guard bySender[transaction.sender]?[nonce] == nil else { throw .nonceTaken(nonce: nonce) }
  }

  /// What the next block tries, in order of arrival but never a nonce before the one below it.
  public func candidates(
    state: LedgerState, countMax: Int = LedgerLimits.blockTransactionsMax,
    bytesMax: Int = LedgerLimits.blockBytesMax
  ) -> [Transaction] {
    var next: [AccountID: UInt64] = [:]
    var chosen: [Transaction] = []
    var bytes = 0
    for waiting in inOrder() {
      let sender = waiting.transaction.sender
      let expected = next[sender] ?? state.account(sender).nonce
      guard waiting.transaction.nonce == expected else { continue }
      guard chosen.count < countMax, bytes + waiting.byteCount <= bytesMax else { break }
      next[sender] = expected + 1
      bytes += waiting.byteCount
      chosen.append(waiting.transaction)
    }
    return chosen
  }

  /// By arrival; a transaction that came before one with a lower nonce waits for it.
  private func inOrder() -> [Waiting] {
    var ordered: [(key: UInt64, waiting: Waiting)] = []
    ordered.reserveCapacity(ids.count)
    for queue in bySender.values {
      var latest: UInt64 = 0
      for waiting in queue.values.sorted(by: { $0.transaction.nonce < $1.transaction.nonce }) {
        latest = max(latest, waiting.arrival)
        ordered.append((latest, waiting))
      }
    }
    // Equal keys are of one sender, whose nonces break the tie.
    ordered.sort {
      ($0.key, $0.waiting.transaction.nonce) < ($1.key, $1.waiting.transaction.nonce)
    }
    return ordered.map(\.waiting)
  }

  /// Forgets what a block executed, what its nonces made stale, and what can never pass.
  public mutating func settle(
    _ block: Block, refused: [ProposedBlock.Refusal] = [], state: LedgerState
  ) {
    let hopeless = Set(refused.filter { !$0.error.mayPassLater }.map(\.id))
    var senders = Set(block.transactions.map(\.sender))
    if !hopeless.isEmpty { senders.formUnion(bySender.keys) }
    for sender in senders {
      guard let queue = bySender[sender] else { continue }
      let next = state.account(sender).nonce
      for (nonce, waiting) in queue where nonce < next || hopeless.contains(waiting.id) {
        remove(waiting, nonce: nonce)
      }
    }
  }

  private mutating func remove(_ waiting: Waiting, nonce: UInt64) {
    let sender = waiting.transaction.sender
    bySender[sender]?[nonce] = nil
    if bySender[sender]?.isEmpty == true { bySender[sender] = nil }
    ids.remove(waiting.id)
    byteCount -= waiting.byteCount
  }
}
