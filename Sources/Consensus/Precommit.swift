public import Cryptography
public import Ledger
public import Primitives

/// A validator's signed word that a block is final (docs/specs/ledger.md §3).
public struct Precommit: Hashable, Sendable {
  /// The block's height.
  public let height: BlockHeight
  /// The block's hash.
  public let blockHash: Digest
  /// Who signs.
  public let validator: PublicKey
  /// The signature over `signingBytes`.
  public let signature: Signature
  private static let domain = Bytes("martlet/precommit/1".utf8)

  /// Signs a block; ask `SignGuard` first and store its answer.
  public init(chainID: Digest, height: BlockHeight, blockHash: Digest, key: SigningKey) {
    self.height = height
    self.blockHash = blockHash
    validator = key.publicKey
    signature = key.sign(
      Self.signingBytes(chainID: chainID, height: height, blockHash: blockHash))
  }

  /// The domain and the canonical map of chain, height and block.
  public static func signingBytes(
    chainID: Digest, height: BlockHeight, blockHash: Digest
  ) -> Bytes {
    domain
      + CanonicalValue.map([
        "chain": chainID.canonicalValue, "height": .unsigned(height),
        "block": blockHash.canonicalValue,
      ]).encoded()
  }

  /// Whether the validator signed this vote on this chain.
  public func isSigned(chainID: Digest) -> Bool {
    validator.verify(
      signature,
      of: Self.signingBytes(chainID: chainID, height: height, blockHash: blockHash))
  }
}

extension Precommit: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "height": .unsigned(height), "block": blockHash.canonicalValue,
      "validator": validator.canonicalValue, "signature": signature.canonicalValue,
    ])
  }

  /// Reads the fields; the truth shows in `isSigned`.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    height = try fields.unsigned("height")
    blockHash = try fields.nested("block")
    validator = try fields.nested("validator")
    signature = try fields.nested("signature")
    try fields.finish()
  }
}
