public import Cryptography
public import Primitives

/// A payer's budget for keeping content, paid epoch by epoch for proofs of retrievability.
public struct StorageOffer: Hashable, Sendable {
  /// The payer's own name of the offer; the offer's id is derived from it.
  public var name: Digest
  /// What is to be kept.
  public var content: ContentID
  /// Who keeps it.
  public var provider: AccountID
  /// Merkle root of the content's pieces, as `StoragePieces` makes them. The provider compares it
  /// with what it has before it accepts.
  public var root: Digest
  /// Bytes that the root covers.
  public var size: UInt64
  /// What one proven epoch pays.
  public var pay: Amount
  /// Epochs, from the block that accepts the offer.
  public var epochs: UInt32
  /// Blocks of one epoch.
  public var epochBlocks: UInt32
  /// Blocks after a challenge within which the proof must be on the chain.
  public var proofBlocks: UInt32
  /// Pieces that each challenge draws: who lacks the fraction φ passes with (1 − φ)^samples.
  public var samples: UInt32

  /// Describes an offer.
  public init(
    name: Digest, content: ContentID, provider: AccountID, root: Digest, size: UInt64,
    pay: Amount, epochs: UInt32, epochBlocks: UInt32, proofBlocks: UInt32, samples: UInt32
  ) {
    self.name = name
    self.content = content
    self.provider = provider
    self.root = root
    self.size = size
    self.pay = pay
    self.epochs = epochs
    self.epochBlocks = epochBlocks
    self.proofBlocks = proofBlocks
    self.samples = samples
  }

  /// pay · epochs.
  public func escrow() throws(LedgerError) -> Amount {
    try money { () throws(AmountError) in try pay.multiplied(by: UInt128(epochs)) }
  }

  /// The id of this offer when `payer` makes it.
  public func id(payer: AccountID) -> OfferID { OfferID(storageOf: payer, name: name) }

  /// Refuses terms that nobody could keep or that would cost the chain too much.
  func check() throws(LedgerError) {
    guard (1...StorageLimits.bytesMax).contains(size) else {
      throw .invalidOffer(reason: "the size must be 1 to \(StorageLimits.bytesMax) bytes")
    }
    guard pay > .zero else { throw .amountIsZero }
    guard (1...StorageLimits.epochsMax).contains(epochs) else {
      throw .invalidOffer(reason: "epochs must be 1 to \(StorageLimits.epochsMax)")
    }
    guard StorageLimits.proofBlocks.contains(proofBlocks) else {
      throw .invalidOffer(
        reason: "a proof has \(StorageLimits.proofBlocks.lowerBound) to "
          + "\(StorageLimits.proofBlocks.upperBound) blocks of time")
    }
    guard (proofBlocks...StorageLimits.epochBlocksMax).contains(epochBlocks) else {
      throw .invalidOffer(
        reason: "an epoch has at least the blocks of a proof and at most "
          + "\(StorageLimits.epochBlocksMax)")
    }
    guard (1...StorageLimits.samplesMax).contains(samples) else {
      throw .invalidOffer(reason: "samples must be 1 to \(StorageLimits.samplesMax)")
    }
  }
}

/// What one storage deal may ask of the chain.
public enum StorageLimits {
  /// Bytes of a piece: small enough that a proof of `samplesMax` pieces fits a transaction.
  public static let pieceBytes = 4_096
  /// Bytes of one deal: the tree of its pieces has 2²⁴ leaves, half a gigabyte while it is built.
  public static let bytesMax: UInt64 = 64 << 30
  /// Pieces of one challenge: 16 · (4 KiB + 24 siblings) is a third of the largest transaction.
  public static let samplesMax: UInt32 = 16
  /// Epochs of one deal.
  public static let epochsMax: UInt32 = 1 << 20
  /// Blocks of one epoch.
  public static let epochBlocksMax: UInt32 = 1 << 20
  /// Time for a proof: at least ten blocks, so that a provider that was asked can answer; at most a
  /// thousand, since a check hashes the beacon's chain back that far.
  public static let proofBlocks: ClosedRange<UInt32> = 10...1_000
}

extension StorageOffer: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "name": name.canonicalValue, "content": content.canonicalValue,
      "provider": provider.canonicalValue, "root": root.canonicalValue,
      "size": .unsigned(size), "pay": pay.canonicalValue, "epochs": .unsigned(UInt64(epochs)),
      "epochBlocks": .unsigned(UInt64(epochBlocks)),
      "proofBlocks": .unsigned(UInt64(proofBlocks)), "samples": .unsigned(UInt64(samples)),
    ])
  }

  /// Reads the fields; their sense is checked when the offer is made.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    name = try fields.nested("name")
    content = try fields.nested("content")
    provider = try fields.nested("provider")
    root = try fields.nested("root")
    size = try fields.unsigned("size")
    pay = try fields.nested("pay")
    epochs = try fields.unsigned32("epochs")
    epochBlocks = try fields.unsigned32("epochBlocks")
    proofBlocks = try fields.unsigned32("proofBlocks")
    samples = try fields.unsigned32("samples")
    try fields.finish()
  }
}
