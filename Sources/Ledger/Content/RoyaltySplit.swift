public import Cryptography
public import Primitives

/// What one creator gets of a payment for accesses.
public struct RoyaltyPart: Hashable, Sendable {
  /// For which content: the one that was read, or one it was made of.
  public let content: ContentID
  /// Who gets it.
  public let account: AccountID
  /// How much.
  public let amount: Amount

  /// Names a part.
  public init(content: ContentID, account: AccountID, amount: Amount) {
    self.content = content
    self.account = account
    self.amount = amount
  }
}

/// Splits one payment along the parents of a content (docs/specs/ledger.md §9).
///
/// Of what arrives at a content each parent gets ⌊amount · share ÷ 10⁶⌋, which is split again
/// there; the creator keeps the rest, roundings included. What comes to one ancestor on several
/// ways within a generation is added up first. At the depth limit, and for ancestors beyond the
/// limit of their number, the part stays with the descendant's creator: the sum is always the
/// payment.
struct RoyaltySplit {
  private var parts: [RoyaltyPart] = []
  private var ancestors = 0

  static func parts(
    of total: Amount, for content: ContentID, record: (ContentID) -> ContentRecord?
  ) throws(LedgerError) -> [RoyaltyPart] {
    var split = RoyaltySplit()
    try split.split(total, of: content, record: record)
    return split.parts
  }

  private mutating func split(
    _ total: Amount, of content: ContentID, record: (ContentID) -> ContentRecord?
  ) throws(LedgerError) {
    var level = [(content: content, amount: total)]
    for generation in 0...LedgerLimits.royaltyGenerationsMax where !level.isEmpty {
      var above: [ContentID: Amount] = [:]
      for (content, amount) in level {
        guard let record = record(content) else { throw .unknownContent(content) }
        let passesOn = generation < LedgerLimits.royaltyGenerationsMax
        let given =
          passesOn ? try give(amount, to: record.registration.parents, into: &above) : .zero
        let kept = try money { () throws(AmountError) in try amount.subtracting(given) }
        guard kept > .zero else { continue }
        parts.append(RoyaltyPart(content: content, account: record.owner, amount: kept))
      }
      ancestors += above.count
      // In order of CID, so that the order of a dictionary decides nothing.
      level = above.sorted { $0.key < $1.key }.map { (content: $0.key, amount: $0.value) }
    }
  }

  /// Adds each parent's part to `above`; returns their sum.
  private func give(
    _ amount: Amount, to parents: [ContentParent], into above: inout [ContentID: Amount]
  ) throws(LedgerError) -> Amount {
    var given = Amount.zero
    for parent in parents {
      let part = try money { () throws(AmountError) in
        try amount.multiplied(
          by: UInt128(parent.sharePartsPerMillion), dividedBy: UInt128(LedgerParameters.whole))
      }
      let held = above[parent.content]
      let hasRoom = held != nil || ancestors + above.count < LedgerLimits.royaltyAncestorsMax
      guard part > .zero, hasRoom else { continue }
      above[parent.content] = try money { () throws(AmountError) in
        try (held ?? .zero).adding(part)
      }
      given = try money { [given] () throws(AmountError) in try given.adding(part) }
    }
    return given
  }
}

extension LedgerState {
  /// Who would get what of `accesses` accesses to `content` at its price of now.
  public func royalties(
    of content: ContentID, accesses: UInt32
  ) throws(LedgerError) -> [RoyaltyPart] {
    guard let record = contents[content] else { throw .unknownContent(content) }
    let total = try ContentAccess(
      content: content, accesses: accesses, price: record.registration.terms.price
    ).total()
    return try RoyaltySplit.parts(of: total, for: content) { contents[$0] }
  }
}
