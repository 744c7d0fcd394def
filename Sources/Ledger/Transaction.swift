public import Cryptography
public import Primitives

/// A signed order to change the ledger (docs/specs/ledger.md §1).
public struct Transaction: Hashable, Sendable {
  /// The chain for which it was signed.
  public let chainID: Digest
  /// Who signs, pays and acts.
  public let sender: AccountID
  /// The sender's transactions before this one.
  public let nonce: UInt64
  /// What the block's proposer receives.
  public let fee: Amount
  /// What is ordered.
  public let body: TransactionBody
  /// The sender's signature over `signingBytes`.
  public let signature: Signature
  /// SHA-256 of the whole encoding, signature included.
  public let id: Digest
  /// Asked for at every step from the mempool to the block, so it is made once.
  private let encoding: Bytes

  /// Signs an order.
  public init(
    signing body: TransactionBody, chainID: Digest, nonce: UInt64, fee: Amount = .zero,
    key: SigningKey
  ) {
    self.chainID = chainID
    sender = key.publicKey
    self.nonce = nonce
    self.fee = fee
    self.body = body
    let unsigned = Self.unsignedFields(chainID, key.publicKey, nonce, fee, body)
    let signature = key.sign(Self.signingBytes(unsigned))
    self.signature = signature
    encoding = Self.value(unsigned, signature).encoded()
    id = SHA256.hash(encoding)
  }

  private static func unsignedFields(
    _ chainID: Digest, _ sender: AccountID, _ nonce: UInt64, _ fee: Amount,
    _ body: TransactionBody
  ) -> [String: CanonicalValue] {
    [
      "chain": chainID.canonicalValue, "sender": sender.canonicalValue,
      "nonce": .unsigned(nonce), "fee": fee.canonicalValue, "body": body.canonicalValue,
    ]
  }

  private static func signingBytes(_ unsigned: [String: CanonicalValue]) -> Bytes {
    LedgerDomain.bytes(LedgerDomain.transaction) + CanonicalValue.map(unsigned).encoded()
  }

  private static func value(
    _ unsigned: [String: CanonicalValue], _ signature: Signature
  ) -> CanonicalValue {
    var fields = unsigned
    fields["signature"] = signature.canonicalValue
    return .map(fields)
  }

  private var unsigned: [String: CanonicalValue] {
    Self.unsignedFields(chainID, sender, nonce, fee, body)
  }

  /// `martlet/tx/1` and the canonical map of all fields but the signature.
  public var signingBytes: Bytes { Self.signingBytes(unsigned) }

  /// Whether the signature is the sender's.
  public var isSignatureValid: Bool { sender.verify(signature, of: signingBytes) }

  /// The leaf under a block's transactions root.
  public var merkleLeaf: Digest { MerkleTree.leafHash(encoded()) }
}

extension Transaction: CanonicalCodable {
  /// The unsigned map and `signature`.
  public var canonicalValue: CanonicalValue { Self.value(unsigned, signature) }

  /// The canonical bytes.
  public func encoded() -> Bytes { encoding }

  /// Reads a transaction; whether it is signed shows in `isSignatureValid`.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    chainID = try fields.nested("chain")
    sender = try fields.nested("sender")
    nonce = try fields.unsigned("nonce")
    fee = try fields.nested("fee")
    body = try fields.nested("body")
    signature = try fields.nested("signature")
    try fields.finish()
    encoding = canonicalValue.encoded()
    id = SHA256.hash(encoding)
  }
}
