import Cryptography
import Primitives

/// Makes the databases that version 1 of the format did not have.
struct BlockIndexUpgrade {
  /// The version that this program writes.
  private static let formatVersion: UInt64 = 2

  let index: BlockIndex

  /// Looks at each block once, in one transaction, if the index is of version 1.
  func run() throws(BlockStoreError) {
    let found = try index.read { transaction throws(BlockStoreError) in
      try transaction.formatVersion()
    }
    guard found <= Self.formatVersion else { throw .unsupportedFormat(path: index.path) }
    guard found < Self.formatVersion else { return }
    try index.write { transaction throws(BlockStoreError) in try upgrade(transaction) }
  }

  private func upgrade(_ transaction: BlockIndexTransaction) throws(BlockStoreError) {
    var live: [UInt32: Int64] = [:]
    var last: Digest?
    repeat {
      let page = try transaction.blocks(after: last, limit: BlockStoreLimits.blocksPerReadMax)
      for (digest, entry) in page {
        live[entry.location.segment, default: 0] += entry.location.recordByteCount
        if entry.references == 0 { try transaction.setUnreferenced(digest, since: 0) }
      }
      last = page.last?.digest
    } while last != nil
    try transaction.addLiveBytes(live)
    try transaction.set(formatVersion: Self.formatVersion)
  }
}
