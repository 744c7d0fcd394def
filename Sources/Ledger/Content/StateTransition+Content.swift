import Cryptography
import Primitives

extension StateTransition {
  mutating func apply(_ order: ContentOrder, sender: AccountID) throws(LedgerError) {
    switch order {
    case .register(let registration): try register(registration, owner: sender)
    case .changeTerms(let change): try changeTerms(change, sender: sender)
    case .recordAccess(let access): try recordAccess(access, reader: sender)
    }
  }

  private mutating func register(
    _ registration: ContentRegistration, owner: AccountID
  ) throws(LedgerError) {
    guard content(registration.content) == nil else {
      throw .contentExists(registration.content)
    }
    try check(registration)
    set(
      ContentRecord(owner: owner, registration: registration, height: height),
      for: registration.content)
  }

  private func check(_ registration: ContentRegistration) throws(LedgerError) {
    guard registration.size <= LedgerLimits.contentBytesMax else {
      throw .invalidContent(reason: "it is larger than \(LedgerLimits.contentBytesMax) bytes")
    }
    guard registration.licence.utf8.count <= LedgerLimits.licenceBytesMax,
      registration.licence.utf8.allSatisfy({ (0x20..<0x7f).contains($0) })
    else {
      throw .invalidContent(
        reason: "the licence is no name of \(LedgerLimits.licenceBytesMax) ASCII characters")
    }
    try check(registration.terms)
    try check(registration.parents)
  }

  private func check(_ terms: ContentTerms) throws(LedgerError) {
    guard terms.royaltyPartsPerMillion <= LedgerParameters.whole else {
      throw .invalidContent(reason: "the royalty is above one")
    }
  }

  /// Parents are registered before their children, so there are no cycles.
  private func check(_ parents: [ContentParent]) throws(LedgerError) {
    guard parents.count <= LedgerLimits.contentParentsMax else {
      throw .invalidContent(reason: "more than \(LedgerLimits.contentParentsMax) parents")
    }
    var previous: ContentID?
    var total: UInt64 = 0
    for parent in parents {
      guard previous.map({ $0 < parent.content }) ?? true else {
        throw .invalidContent(reason: "the parents are not in order")
      }
      previous = parent.content
      guard let record = content(parent.content) else { throw .unknownContent(parent.content) }
      let asked = record.registration.terms.royaltyPartsPerMillion
      guard parent.sharePartsPerMillion >= asked else {
        throw .shareTooLow(offered: parent.sharePartsPerMillion, asked: asked)
      }
      total += UInt64(parent.sharePartsPerMillion)
    }
    guard total <= UInt64(LedgerParameters.whole) else {
      throw .invalidContent(reason: "the parents' shares are above one")
    }
  }

  private mutating func changeTerms(
    _ change: ContentTermsChange, sender: AccountID
  ) throws(LedgerError) {
    guard var record = content(change.content) else { throw .unknownContent(change.content) }
    guard record.owner == sender else { throw .notContentOwner }
    try check(change.terms)
    record.registration.terms = change.terms
    set(record, for: change.content)
  }

  private mutating func recordAccess(
    _ access: ContentAccess, reader: AccountID
  ) throws(LedgerError) {
    guard var record = content(access.content) else { throw .unknownContent(access.content) }
    guard access.accesses > 0 else { throw .invalidContent(reason: "no accesses") }
    let asked = record.registration.terms.price
    guard access.price == asked else {
      throw .priceChanged(offered: access.price, asked: asked)
    }
    let total = try access.total()
    let (accesses, overflow) = record.accesses.addingReportingOverflow(UInt64(access.accesses))
    if overflow { throw .amountOverflow }
    record.accesses = accesses
    let paid = record.paid
    record.paid = try money { () throws(AmountError) in try paid.adding(total) }
    let parts = try RoyaltySplit.parts(of: total, for: access.content) { content($0) }
    try debit(total, from: reader)
    for part in parts { try credit(part.amount, to: part.account) }
    set(record, for: access.content)
  }
}
