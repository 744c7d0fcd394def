public import Cryptography
import Primitives

/// A block that its proposer has executed but nobody has signed yet.
public struct ProposedBlock: Sendable {
  /// The block.
  public let block: Block
  /// Transactions that could not be executed now, and why.
  public let refused: [Refusal]
  /// Why the offered coinbase was left out; nil if it is in the block or none was offered.
  public let refusedCoinbase: LedgerError?
  let change: StateChange

  /// A transaction that was left out.
  public struct Refusal: Sendable {
    /// Its id.
    public let id: Digest
    /// Why; `mayPassLater` says whether to keep it.
    public let error: LedgerError
  }
}

extension LedgerState {
  /// Checks one transaction as if it came next, apart from a nonce that is only too high.
  ///
  /// - Parameter isSignatureKnown: true if the same bytes were checked before.
  public func validate(
    _ transaction: Transaction, isSignatureKnown: Bool = false
  ) throws(LedgerError) {
    let bytes = transaction.encoded().count
    guard bytes <= LedgerLimits.transactionBytesMax else {
      throw .transactionTooLarge(bytes: bytes, limit: LedgerLimits.transactionBytesMax)
    }
    guard isSignatureKnown || transaction.isSignatureValid else { throw .badSignature }
    var transition = StateTransition(
      base: self, proposer: genesis.validators[0].key, timeMilliseconds: chain.timeMilliseconds)
    do {
      try transition.execute(transaction)
    } catch .nonceTooHigh {
      // The mempool keeps it behind its sender's earlier transactions.
    } catch {
      throw error
    }
  }

  /// Executes what fits of `transactions`, whose signatures were checked, into the next block, then
  /// mints for `coinbase` if it passes.
  public func propose(
    _ transactions: [Transaction], proposer: PublicKey, timeMilliseconds: UInt64,
    beaconLink: Digest?, coinbase: Coinbase? = nil
  ) throws(LedgerError) -> ProposedBlock {
    try check(beaconLink: beaconLink)
    let time = max(timeMilliseconds, chain.timeMilliseconds)
    var transition = StateTransition(base: self, proposer: proposer, timeMilliseconds: time)
    var included: [Transaction] = []
    var refused: [ProposedBlock.Refusal] = []
    var bytes = 0
    for transaction in transactions.prefix(LedgerLimits.blockTransactionsMax) {
      bytes += transaction.encoded().count
      guard bytes <= LedgerLimits.blockBytesMax else { break }
      do {
        try transition.execute(transaction)
        included.append(transaction)
      } catch {
        refused.append(ProposedBlock.Refusal(id: transaction.id, error: error))
      }
    }
    let (minted, refusedCoinbase) = mint(coinbase, in: &transition)
    let change = try finish(transition, beaconLink: beaconLink)
    let header = BlockHeader(
      chainID: chainID, height: chain.height + 1, previousHash: chain.headHash,
      timeMilliseconds: time, transactionsRoot: Block.transactionsRoot(included),
      stateRoot: change.tree.root, proposer: proposer, beaconLink: beaconLink,
      coinbase: minted)
    let block = Block(header: header, transactions: included)
    return ProposedBlock(
      block: block, refused: refused, refusedCoinbase: refusedCoinbase,
      change: change.followed(by: header))
  }

  private func mint(
    _ coinbase: Coinbase?, in transition: inout StateTransition
  ) -> (Coinbase?, LedgerError?) {
    guard let coinbase else { return (nil, nil) }
    do {
      try transition.mint(coinbase)
      return (coinbase, nil)
    } catch {
      return (nil, error)
    }
  }

  /// Takes over a block of `propose` once it is signed and stored.
  public mutating func commit(_ proposed: ProposedBlock) { commit(proposed.change) }

  /// Checks and executes a block of somebody else; on a throw nothing has changed.
  ///
  /// Who may propose and the certificate are Consensus' business.
  /// - Parameter checkedSignatures: ids of transactions whose signatures were checked before.
  public mutating func apply(
    _ block: Block, checkedSignatures: Set<Digest> = []
  ) throws(LedgerError) {
    try check(block.header, of: block)
    // The transition, which shares the state's storage, is gone before the storage is changed.
    commit(try change(by: block, checkedSignatures: checkedSignatures))
  }

  private func change(
    by block: Block, checkedSignatures: Set<Digest>
  ) throws(LedgerError) -> StateChange {
    let header = block.header
    var transition = StateTransition(
      base: self, proposer: header.proposer, timeMilliseconds: header.timeMilliseconds)
    for transaction in block.transactions {
      guard checkedSignatures.contains(transaction.id) || transaction.isSignatureValid else {
        throw .badSignature
      }
      try transition.execute(transaction)
    }
    if let coinbase = header.coinbase { try transition.mint(coinbase) }
    let change = try finish(transition, beaconLink: header.beaconLink)
    guard change.tree.root == header.stateRoot else { throw .wrongStateRoot }
    return change.followed(by: header)
  }

  private func check(_ header: BlockHeader, of block: Block) throws(LedgerError) {
    guard header.chainID == chainID else {
      throw .wrongChain(expected: chainID, found: header.chainID)
    }
    guard header.height == chain.height + 1 else {
      throw .wrongHeight(expected: chain.height + 1, found: header.height)
    }
    guard header.previousHash == chain.headHash else { throw .wrongPreviousHash }
    guard header.timeMilliseconds >= chain.timeMilliseconds else { throw .timeBackwards }
    guard block.transactions.count <= LedgerLimits.blockTransactionsMax else {
      throw .tooManyTransactions(
        count: block.transactions.count, limit: LedgerLimits.blockTransactionsMax)
    }
    try checkTransactions(of: block)
    try check(beaconLink: header.beaconLink)
  }

  private func checkTransactions(of block: Block) throws(LedgerError) {
    var bytes = 0
    var leaves: [Digest] = []
    for transaction in block.transactions {
      let encoding = transaction.encoded()
      guard encoding.count <= LedgerLimits.transactionBytesMax else {
        throw .transactionTooLarge(
          bytes: encoding.count, limit: LedgerLimits.transactionBytesMax)
      }
      bytes += encoding.count
      leaves.append(MerkleTree.leafHash(encoding))
    }
    guard bytes <= LedgerLimits.blockBytesMax else {
      throw .blockTooLarge(bytes: bytes, limit: LedgerLimits.blockBytesMax)
    }
    guard MerkleTree.root(of: leaves) == block.header.transactionsRoot else {
      throw .wrongTransactionsRoot
    }
  }

  private func check(beaconLink: Digest?) throws(LedgerError) {
    guard chain.isBeaconDue else {
      if beaconLink != nil { throw .beaconLinkUnexpected }
      return
    }
    guard chain.beaconIndex < genesis.beacon.count else { throw .beaconExhausted }
    guard let beaconLink else { throw .beaconLinkMissing }
    guard BeaconChain.previous(of: beaconLink) == chain.beaconLink else {
      throw .wrongBeaconLink
    }
  }
}
