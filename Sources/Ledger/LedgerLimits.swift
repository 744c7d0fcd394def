/// What one chain accepts; each bound keeps a hostile sender from costing memory or time.
public enum LedgerLimits {
  /// Bytes of one encoded transaction: a settlement of `clientsMax` payments fits.
  public static let transactionBytesMax = 256 << 10
  /// Transactions of one block: a round of a thousand clients (commit, verdict) fits in two.
  public static let blockTransactionsMax = 2_048
  /// Bytes of one block's encoded transactions, below the 4 MiB of one canonical message.
  public static let blockBytesMax = 2 << 20
  /// Logical clients of one job, so that one settlement stays one transaction.
  public static let clientsMax = 1_024
  /// Rounds of one job; bounds the records that a job keeps until it is closed.
  public static let roundsMax = 4_096
  /// Client-rounds of one job: closing it visits each, a few milliseconds at most.
  public static let clientRoundsMax = 65_536
  /// Commitments of one (job, round, client): reassignments, and strangers who push in.
  public static let commitmentsPerSlotMax = 32
  /// Rounds whose commitments are accepted before the oldest one is settled: the current and next.
  public static let openRoundsMax: UInt32 = 2
  /// Parallel unbondings of one account; more are refused until the first is released.
  public static let unbondingsMax = 8
  /// Segments of one work record, so that a proof has at most 32 siblings.
  public static let segmentsMax: UInt32 = 1 << 20
  /// Validators of the genesis document: the most seats that one round of votes is for.
  public static let validatorsMax = 100
  /// Accounts that a genesis document may fund.
  public static let genesisAccountsMax = 65_536
  /// Bytes of one registered content, as of the largest file of the content store.
  public static let contentBytesMax: UInt64 = 1 << 40
  /// Characters of a licence's name; the longest expression of SPDX's list needs half of it.
  public static let licenceBytesMax = 64
  /// Parents of one content, so that registering stays a few look-ups.
  public static let contentParentsMax = 16
  /// Generations up to which a payment for access is split: what is left after eight shares of a
  /// half is below one part in 250.
  public static let royaltyGenerationsMax = 8
  /// Ancestors that one payment visits, which bounds the work of a block of accesses.
  public static let royaltyAncestorsMax = 64
  /// Characters of the token's symbol.
  public static let symbolBytesMax = 12
}
