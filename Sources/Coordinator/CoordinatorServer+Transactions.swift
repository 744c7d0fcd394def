internal import Consensus
internal import Cryptography
internal import Ledger
internal import Networking
internal import Peering
internal import Primitives

/// Transactions that somebody else signed.
extension CoordinatorServer {
  /// Takes a signed transaction; it is durable on return. Work comes with its update, by
  /// `work.submit` only.
  func take(_ transaction: Transaction) async throws {
    if case .commitWork = transaction.body {
      throw RPCError(code: "unassigned_work", message: "commitments come with their work")
    }
    // Acknowledged once already: it waits for its block.
    if pending.contains(transaction.id) { return }
    try chain.state.validate(transaction)
    try requireNextNonce(transaction)
    guard pending.count(of: transaction.sender) < MempoolLimits.perSenderMax,
      pending.add(transaction, isHeld: true)
    else { throw RPCError.busy }
    try await sendDurably(transaction)
  }

  /// A gap in a sender's nonces would hold up everything that it signs later.
  func requireNextNonce(_ transaction: Transaction) throws(RPCError) {
    let next = pending.nextNonce(of: transaction.sender, in: chain.state)
    guard transaction.nonce == next else {
      throw RPCError(
        code: transaction.nonce < next ? "replayed_transaction" : "nonce_too_high",
        message: "the nonce is \(transaction.nonce), the next one is \(next)",
        hint: "ask for the account again and sign anew")
    }
  }

  /// Takes the canonical bytes of a transaction from a client; returns how it stands. The same
  /// bytes again change nothing, whatever became of them.
  func takeTransaction(_ bytes: Bytes) async throws -> JSONValue {
    let transaction = try Transaction(decoding: bytes)
    let isIncluded = if case .included? = journal[transaction.id] { true } else { false }
    if !isIncluded {
      do {
        try await take(transaction)
      } catch let refusal as RPCError {
        throw APIError(refusing: refusal)
      }
    }
    return view(ofTransaction: transaction.id) ?? .null
  }

  /// How a transaction stands; nil where it is unknown or long forgotten.
  func view(ofTransaction id: Digest) -> JSONValue? {
    func view(
      _ state: String, height: BlockHeight? = nil, code: String? = nil, reason: String? = nil
    ) -> JSONValue {
      [
        "id": .string(id.hex), "state": .string(state),
        "height": height.map { JSONValue($0) } ?? .null,
        "code": code.map { .string($0) } ?? .null,
        "reason": reason.map { .string($0) } ?? .null,
      ]
    }
    // One that was refused and handed in again waits again.
    if pending.contains(id) { return view("pending") }
    switch journal[id] {
    case .included(let height): return view("included", height: height)
    case .refused(let code, let reason):
      return view("refused", code: APIError.snakeCase(code), reason: reason)
    case nil: return nil
    }
  }

  /// Forgets what a block made stale, and remembers what became of it.
  func settlePending(after block: Block) {
    journal.note(block)
    for stale in pending.settle(in: chain.state) where journal[stale.id] == nil {
      journal.note(
        .refused(
          code: "replayed_transaction",
          reason: "another transaction of its sender has taken the nonce \(stale.nonce)"),
        of: stale.id)
    }
  }

  /// Remembers a refusal and what it strands.
  func noteRefusal(_ refusal: RPCError, of transaction: Transaction, stranding: [Transaction]) {
    for stranded in stranding {
      let isIt = stranded.id == transaction.id
      journal.note(
        .refused(
          code: isIt ? refusal.code : "stranded_transaction",
          reason: isIt
            ? refusal.message : "a transaction that its sender signed before it was refused"),
        of: stranded.id)
    }
  }
}

extension APIError {
  /// A refusal of a transaction as an answer.
  fileprivate init(refusing refusal: RPCError) {
    switch refusal.code {
    case RPCError.busy.code:
      self = .tooManyWait
    case "replayed_transaction", "nonce_too_high":
      self.init(.conflict, refusal.code, refusal.message, hint: refusal.hint)
    default:
      self.init(
        .unprocessable, refusal.code, refusal.message,
        hint: refusal.hint.isEmpty ? "see docs/specs/ledger.md" : refusal.hint)
    }
  }

  /// As many transactions as may wait do, of one sender or of all.
  private static let tooManyWait: APIError = {
    var error = APIError(
      .unavailable, "busy", RPCError.busy.message, hint: "try again after the next block")
    error.retryAfter = .seconds(1)
    return error
  }()
}
