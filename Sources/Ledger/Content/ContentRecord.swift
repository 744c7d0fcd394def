public import Cryptography
public import Primitives

/// What the ledger knows of one content.
public struct ContentRecord: Hashable, Sendable {
  /// Who registered it and is paid for it.
  public let owner: AccountID
  /// What was registered; only its terms ever change.
  public internal(set) var registration: ContentRegistration
  /// The block that registered it.
  public let height: BlockHeight
  /// Accesses that readers recorded. Anybody may record any number, so it proves no interest.
  public internal(set) var accesses: UInt64
  /// What readers of this content paid, all in all, parents' shares included.
  public internal(set) var paid: Amount
  /// What reviewers released for it, rewards and bonuses.
  public internal(set) var rewarded: Amount

  init(owner: AccountID, registration: ContentRegistration, height: BlockHeight) {
    self.owner = owner
    self.registration = registration
    self.height = height
    accesses = 0
    paid = .zero
    rewarded = .zero
  }
}

extension ContentRecord: CanonicalCodable {
  /// A map of the registration's fields and what happened since.
  public var canonicalValue: CanonicalValue {
    var entries = registration.canonicalEntries
    entries["owner"] = owner.canonicalValue
    entries["height"] = .unsigned(height)
    entries["accesses"] = .unsigned(accesses)
    entries["paid"] = paid.canonicalValue
    entries["rewarded"] = rewarded.canonicalValue
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    owner = try fields.nested("owner")
    height = try fields.unsigned("height")
    accesses = try fields.unsigned("accesses")
    paid = try fields.nested("paid")
    rewarded = try fields.nested("rewarded")
    registration = try ContentRegistration(&fields)
    try fields.finish()
  }
}
