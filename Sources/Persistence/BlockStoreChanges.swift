import ContentStore
import Cryptography
import Primitives

/// Changes of the index that wait for the next commit.
struct BlockStoreChanges {
  /// What becomes of one block.
  struct Change {
    /// Where it was written.
    var location: SegmentLocation?
    /// Where it was copied from and to.
    var move: (source: SegmentLocation, target: SegmentLocation)?
    var references = 0
    /// Whether somebody stored it again: what nothing refers to counts as new then.
    var isTouched = false
  }

  var blocks: [Digest: Change] = [:]
  /// The pins as they will be; nil for those that go.
  var pins: [CID: ContentPin?] = [:]

  /// Multihashes of other functions, and the blocks they name.
  var names: [Bytes: Digest] = [:]

  var isEmpty: Bool { blocks.isEmpty && pins.isEmpty && names.isEmpty }

  /// The blocks that were written, damaged or not before.
  var written: [Digest] { blocks.filter { $0.value.location != nil }.map(\.key) }

  /// Writes everything to the index in one transaction. It may run again when the map grows.
  func apply(
    to transaction: BlockIndexTransaction, sequence: UInt64
  ) throws(BlockStoreError) {
    var live: [UInt32: Int64] = [:]
    // In digest order the B-tree is walked once from left to right.
    for digest in blocks.keys.sorted() {
      guard let change = blocks[digest] else { continue }
      try apply(change, to: digest, transaction, sequence, &live)
    }
    try transaction.addLiveBytes(live)
    for cid in pins.keys.sorted() { try transaction.set(pins[cid] ?? nil, for: cid) }
    for (name, digest) in names { try transaction.set(name: name, of: digest) }
    try transaction.set(sequence: sequence)
  }

  private func apply(
    _ change: Change, to digest: Digest, _ transaction: BlockIndexTransaction, _ sequence: UInt64,
    _ live: inout [UInt32: Int64]
  ) throws(BlockStoreError) {
    let old = try transaction.entry(digest)
    guard let location = change.location(from: old?.location) else { return }
    let references = UInt32(clamping: Int(old?.references ?? 0) + change.references)
    let entry = BlockIndexEntry(location: location, references: references)
    if entry != old { try transaction.set(entry, for: digest) }
    if location != old?.location {
      if let place = old?.location { live[place.segment, default: 0] -= place.recordByteCount }
      live[location.segment, default: 0] += location.recordByteCount
    }
    let wasReferenced = old.map { $0.references > 0 }
    if references > 0 {
      if wasReferenced == false { try transaction.setReferenced(digest) }
    } else if wasReferenced != false || change.isTouched {
      try transaction.setUnreferenced(digest, since: sequence)
    }
  }
}

extension BlockStoreChanges.Change {
  /// Where the block lies afterwards; nil for one that is forgotten.
  fileprivate func location(from old: SegmentLocation?) -> SegmentLocation? {
    if let location { return location }
    // A block that was written elsewhere or forgotten since is not moved: the copy is dead.
    if let move, move.source == old { return move.target }
    return old
  }
}
