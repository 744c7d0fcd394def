public import Cryptography
public import Primitives

/// What validators sign (docs/specs/ledger.md §2).
public struct BlockHeader: Hashable, Sendable {
  /// The chain.
  public let chainID: Digest
  /// One more than the block before.
  public let height: BlockHeight
  /// The hash of the header before, the chain id for block 1.
  public let previousHash: Digest
  /// The proposer's Unix time; it never runs backwards and decides nothing.
  public let timeMilliseconds: UInt64
  /// RFC 6962 root over the encoded transactions.
  public let transactionsRoot: Digest
  /// The state's root after the transactions.
  public let stateRoot: Digest
  /// Who proposed the block and gets its fees.
  public let proposer: PublicKey
  /// The beacon's next link, present exactly when the block before holds commitments.
  public let beaconLink: Digest?
  /// The win that this block mints for, if there is one.
  public let coinbase: Coinbase?

  /// SHA-256 over the domain and the canonical header.
  public var hash: Digest { SHA256.hash(LedgerDomain.bytes(LedgerDomain.block), encoded()) }

  /// What draws the samples of the commitments of the block before.
  ///
  /// H(link ‖ previous hash): the link alone would let its owner plan draws before commitments.
  public var beaconValue: Digest? {
    beaconLink.map {
      SHA256.hash(LedgerDomain.bytes(LedgerDomain.beaconValue), $0.bytes, previousHash.bytes)
    }
  }
}

extension BlockHeader: CanonicalCodable {
  /// A map of the fields; `beacon` and `coinbase` are left out when there is none.
  public var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "chain": chainID.canonicalValue, "height": .unsigned(height),
      "previous": previousHash.canonicalValue, "time": .unsigned(timeMilliseconds),
      "transactions": transactionsRoot.canonicalValue, "state": stateRoot.canonicalValue,
      "proposer": proposer.canonicalValue,
    ]
    if let beaconLink { entries["beacon"] = beaconLink.canonicalValue }
    if let coinbase { entries["coinbase"] = coinbase.canonicalValue }
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    chainID = try fields.nested("chain")
    height = try fields.unsigned("height")
    previousHash = try fields.nested("previous")
    timeMilliseconds = try fields.unsigned("time")
    transactionsRoot = try fields.nested("transactions")
    stateRoot = try fields.nested("state")
    proposer = try fields.nested("proposer")
    beaconLink = try fields.optionalNested("beacon")
    coinbase = try fields.optionalNested("coinbase")
    try fields.finish()
  }
}

/// A header and the transactions under its root.
public struct Block: Hashable, Sendable {
  /// What is signed.
  public let header: BlockHeader
  /// In order of execution.
  public let transactions: [Transaction]

  /// Joins the parts.
  public init(header: BlockHeader, transactions: [Transaction]) {
    self.header = header
    self.transactions = transactions
  }

  /// The root that the header must name.
  public static func transactionsRoot(_ transactions: [Transaction]) -> Digest {
    MerkleTree.root(of: transactions.map(\.merkleLeaf))
  }

  /// Shows that transaction `index` is in this block.
  public func proof(ofTransaction index: Int) -> MerkleProof {
    MerkleTree.proof(index: index, in: transactions.map(\.merkleLeaf))
  }
}

extension Block: CanonicalCodable {
  /// A map of header and transactions.
  public var canonicalValue: CanonicalValue {
    .map(["header": header.canonicalValue, "transactions": .list(transactions)])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    header = try fields.nested("header")
    transactions = try fields.list("transactions")
    let limit = LedgerLimits.blockTransactionsMax
    guard transactions.count <= limit else {
      throw .tooLarge(what: "transactions", size: transactions.count, limit: limit)
    }
    try fields.finish()
  }
}
