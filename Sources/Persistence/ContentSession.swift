package import ContentStore
import Cryptography
import Primitives
import Telemetry

/// One add on its way into the store: its blocks are safe from collections until it ends.
package final class ContentSession: Sendable {
  private let store: BlockStore?
  private let isPinning: Bool
  private let ticket: BlockStoreTicket
  /// All blocks, to be held by one pin in the end.
  private let digests = Lock<[Digest]>([])

  /// An add to `store`, or one that stores nothing where it is nil; `isPinning` remembers all
  /// blocks for the pin in the end.
  package init(store: BlockStore?, isPinning: Bool) {
    self.store = store
    self.isPinning = isPinning && store != nil
    ticket = BlockStoreTicket(store?.sequences)
  }

  deinit { ticket.end() }

  /// The first failure.
  var error: BlockStoreError? { ticket.error }

  /// Hands blocks to the writer; waits for room in its queue, not for the disk.
  package func store(_ blocks: [ContentBlock]) throws(BlockStoreError) {
    guard let store, !blocks.isEmpty else { return }
    do throws(BlockStoreError) {
      let records = try store.compressedRecords(of: blocks)
      if isPinning { digests.withLock { $0 += records.map(\.digest) } }
      try store.submitBlocking(.store(records), ticket: ticket)
    } catch {
      ticket.fail(error)
      throw error
    }
  }

  /// Waits until everything is durable.
  package func finish() throws(BlockStoreError) {
    if let error { throw error }
    try store?.commitBlocking(.store([]), ticket: ticket)
  }

  /// Pins the root, unless that is not wanted, and waits until everything is durable.
  package func finish(root: CID, pinName: String) throws(BlockStoreError) {
    guard let store, isPinning else { return try finish() }
    if let error { throw error }
    let held = digests.withLock { digests in
      defer { digests = [] }
      return digests
    }
    let pinned = PinnedBlocks(root, .recursive, name: pinName, holding: held)
    try store.commitBlocking(.store([], pinning: [pinned]), ticket: ticket)
  }
}
