public import Cryptography
public import Primitives

/// A challenge of one epoch: the next revealed beacon link draws its pieces.
public struct StorageChallenge: Hashable, Sendable {
  /// The epoch, from 0.
  public let epoch: UInt32
  /// The block that holds the challenge.
  public let height: BlockHeight
  /// The place of the link in the beacon's chain.
  public let link: UInt32
  /// Whether it was answered.
  public internal(set) var isProven: Bool
}

/// A storage offer while it holds money. A closed one leaves the state; the blocks remember it.
public struct StorageDeal: Hashable, Sendable {
  /// Who paid and gets the refund.
  public let payer: AccountID
  /// What was offered.
  public let terms: StorageOffer
  /// What is left of the escrow.
  public internal(set) var escrow: Amount
  /// The block that accepted the offer; nil while nobody has.
  public internal(set) var start: BlockHeight?
  /// Epochs that were proven and paid.
  public internal(set) var provenEpochs: UInt32
  /// The newest challenge.
  public internal(set) var challenge: StorageChallenge?

  init(payer: AccountID, terms: StorageOffer, escrow: Amount) {
    self.payer = payer
    self.terms = terms
    self.escrow = escrow
    provenEpochs = 0
  }

  /// The epoch of a block: (start, start + epochBlocks] is epoch 0; nil outside the deal, and for
  /// terms that no ledger accepts.
  public func epoch(at height: BlockHeight) -> UInt32? {
    guard let start, height > start, terms.epochBlocks > 0 else { return nil }
    let epoch = (height - start - 1) / UInt64(terms.epochBlocks)
    return epoch < UInt64(terms.epochs) ? UInt32(epoch) : nil
  }

  /// The last block that may hold the proof for a challenge of this deal.
  public func deadline(of challenge: StorageChallenge) -> BlockHeight {
    let (height, overflow) = challenge.height.addingReportingOverflow(UInt64(terms.proofBlocks))
    return overflow ? .max : height
  }

  /// The first height at which anybody may close the deal: no proof can come any more.
  public var end: BlockHeight? {
    guard let start else { return nil }
    let blocks =
      UInt64(terms.epochs) * UInt64(terms.epochBlocks) + UInt64(terms.proofBlocks) + 1
    let (end, overflow) = start.addingReportingOverflow(blocks)
    return overflow ? .max : end
  }
}

extension StorageChallenge: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "epoch": .unsigned(UInt64(epoch)), "height": .unsigned(height),
      "link": .unsigned(UInt64(link)), "proven": .bool(isProven),
    ])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    epoch = try fields.unsigned32("epoch")
    height = try fields.unsigned("height")
    link = try fields.unsigned32("link")
    isProven = try fields.bool("proven")
    try fields.finish()
  }
}

extension StorageDeal: CanonicalCodable {
  /// A map of the fields; `start` and `challenge` are left out while there is none.
  public var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "payer": payer.canonicalValue, "terms": terms.canonicalValue,
      "escrow": escrow.canonicalValue, "proven": .unsigned(UInt64(provenEpochs)),
    ]
    if let start { entries["start"] = .unsigned(start) }
    if let challenge { entries["challenge"] = challenge.canonicalValue }
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    payer = try fields.nested("payer")
    terms = try fields.nested("terms")
    escrow = try fields.nested("escrow")
    provenEpochs = try fields.unsigned32("proven")
    if let value = fields.optional("start") {
      guard case .unsigned(let height) = value else {
        throw .malformed(what: "storage deal", reason: "`start` is no height")
      }
      start = height
    }
    challenge = try fields.optionalNested("challenge")
    try fields.finish()
  }
}
