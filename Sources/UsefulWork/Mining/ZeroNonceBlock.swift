public import Cryptography
public import Primitives

/// What a miner binds itself to before it knows the work that may win: where the block follows,
/// what it holds and who is paid, with the nonce still zero.
public struct ZeroNonceBlock: Hashable, Sendable {
  /// The chain's id.
  public let chain: Digest
  /// The height of `anchor`.
  public let height: UInt64
  /// The hash of a block that was final when the miner committed.
  public let anchor: Digest
  /// The root over the transactions that the miner wants to see in its block.
  public let transactions: Digest
  /// Who is paid.
  public let miner: PublicKey

  /// Collects the parts.
  public init(
    chain: Digest, height: UInt64, anchor: Digest, transactions: Digest, miner: PublicKey
  ) {
    self.chain = chain
    self.height = height
    self.anchor = anchor
    self.transactions = transactions
    self.miner = miner
  }

  /// SHA-256(`martlet/mining/block/1` ‖ canonical bytes).
  public var hash: Digest { SHA256.hash(MiningDomain.block, encoded()) }
}

/// Domain prefixes of what mining hashes and signs.
enum MiningDomain {
  static let block = Bytes("martlet/mining/block/1".utf8)
  static let message = Bytes("martlet/mining/message/1".utf8)
}

extension ZeroNonceBlock: CanonicalCodable {
  /// A map of the fields; `nonce` is 0 and says what this is.
  public var canonicalValue: CanonicalValue {
    .map([
      "chain": chain.canonicalValue, "height": .unsigned(height),
      "anchor": anchor.canonicalValue, "transactions": transactions.canonicalValue,
      "miner": miner.canonicalValue, "nonce": .unsigned(0),
    ])
  }

  /// Reads the fields; another nonce than 0 is refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    chain = try fields.nested("chain")
    height = try fields.unsigned("height")
    anchor = try fields.nested("anchor")
    transactions = try fields.nested("transactions")
    miner = try fields.nested("miner")
    guard try fields.unsigned("nonce") == 0 else {
      throw .malformed(what: "zero-nonce block", reason: "the nonce is not zero")
    }
    try fields.finish()
  }
}
