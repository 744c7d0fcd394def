import Cryptography
import Primitives

/// The part of a collection that changes the index.
extension BlockStoreWriter {
  /// Forgets some of the blocks that nothing refers to and no add under way has seen.
  mutating func collect(_ step: CollectionStep) throws(BlockStoreError) {
    let horizon = sequences.horizon
    var outcome = CollectionStep.Outcome()
    try transact { transaction throws(BlockStoreError) in
      outcome = CollectionStep.Outcome()
      var live: [UInt32: Int64] = [:]
      let limit = BlockStoreLimits.collectedPerStepMax
      let candidates = try transaction.candidates(of: step.part, limit: limit)
      for (digest, sequence) in candidates where sequence < horizon {
        try transaction.setReferenced(digest)
        // An index that was rebuilt in between may hold a reference by now.
        guard let entry = try transaction.entry(digest), entry.references == 0 else { continue }
        try transaction.removeBlock(digest)
        live[entry.location.segment, default: 0] -= entry.location.recordByteCount
        outcome.byteCount += UInt64(entry.location.recordByteCount)
        outcome.forgotten.append(digest)
      }
      try transaction.addLiveBytes(live)
      outcome.last = candidates.count == limit ? candidates.last?.digest : nil
    }
    damaged.remove(outcome.forgotten)
    step.outcome = outcome
  }

  /// Forgets other names of blocks, unless somebody stored these again meanwhile.
  mutating func forget(_ names: [Bytes]) throws(BlockStoreError) {
    try transact { transaction throws(BlockStoreError) in
      for name in names { try transaction.forget(name: name) }
    }
  }

  /// Forgets the count of a segment's live bytes, if there are none, and deletes its file.
  mutating func forget(_ number: UInt32) throws(BlockStoreError) {
    guard number != end.segment else { return }
    let live = try index.read { transaction throws(BlockStoreError) in
      try transaction.liveByteCount(number)
    }
    guard live == 0 else { return }
    try segments.remove(number)
  }
}

extension BlockIndexTransaction {
  /// The blocks that a step may forget, each with the commit since which nothing refers to it.
  fileprivate func candidates(
    of part: CollectionStep.Part, limit: Int
  ) throws(BlockStoreError) -> [(digest: Digest, sequence: UInt64)] {
    switch part {
    case .after(let start): try unreferenced(after: start, limit: limit)
    case .only(let digest):
      try unreferencedSince(digest).map { [(digest: digest, sequence: $0)] } ?? []
    }
  }
}
