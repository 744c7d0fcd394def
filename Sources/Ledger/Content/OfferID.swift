public import Cryptography
public import Primitives

/// The name of an offer with an escrow: bound to who made it, so nobody can take it first.
public struct OfferID: Hashable, Comparable, Sendable {
  /// SHA-256 of domain, payer and the payer's own name of the offer.
  public let digest: Digest

  /// An id that somebody names.
  public init(digest: Digest) { self.digest = digest }

  /// The id of the reward that `payer` calls `name`.
  public init(rewardOf payer: AccountID, name: Digest) {
    digest = SHA256.hash(LedgerDomain.bytes(LedgerDomain.reward), payer.bytes, name.bytes)
  }

  /// The id of the storage offer that `payer` calls `name`.
  public init(storageOf payer: AccountID, name: Digest) {
    digest = SHA256.hash(LedgerDomain.bytes(LedgerDomain.storage), payer.bytes, name.bytes)
  }

  /// Orders as byte strings.
  public static func < (left: OfferID, right: OfferID) -> Bool { left.digest < right.digest }
}

extension OfferID: CanonicalCodable, CustomStringConvertible {
  /// A byte string of 32 bytes.
  public var canonicalValue: CanonicalValue { digest.canonicalValue }
  /// Reads a byte string of 32 bytes.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    digest = try Digest(canonicalValue: canonicalValue)
  }
  /// The id in hexadecimal.
  public var description: String { digest.hex }
}
