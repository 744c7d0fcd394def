import ContentStore
import Cryptography
import Primitives

/// Pins, and the references that they count.
extension BlockStoreWriter {
  /// Sets a pin that holds `digests`, each named once; one that stands already only gets the name.
  mutating func set(_ pin: ContentPin, holding digests: [Digest]) throws(BlockStoreError) {
    let old = try standing(pin.cid)
    switch (old?.kind, pin.kind) {
    case (.recursive, .direct): throw .pinnedRecursively(pin.cid)
    case (.direct, .direct), (.recursive, .recursive):
      guard var renamed = old, !pin.name.isEmpty else { return }
      renamed.name = pin.name
      changes.pins[pin.cid] = renamed
    case (.direct, .recursive):
      try count(digests, by: 1)
      // The direct pin gives its one reference back.
      if let digest = try digest(of: pin.cid) { try count([digest], by: -1) }
      changes.pins[pin.cid] = pin
    case (nil, _):
      try count(digests, by: 1)
      changes.pins[pin.cid] = pin
    }
  }

  /// Removes a pin that holds `digests`, each named once.
  mutating func unset(
    _ cid: CID, _ kind: ContentPin.Kind, holding digests: [Digest]
  ) throws(BlockStoreError) {
    guard try standing(cid)?.kind == kind else { throw .notPinned(cid) }
    try count(digests, by: -1)
    changes.pins[cid] = .some(nil)
  }

  private func standing(_ cid: CID) throws(BlockStoreError) -> ContentPin? {
    if let change = changes.pins[cid] { return change }
    return try index.read { transaction throws(BlockStoreError) in try transaction.pin(cid) }
  }

  private func digest(of cid: CID) throws(BlockStoreError) -> Digest? {
    guard cid.digest == nil, cid.inlineBlock == nil else { return cid.digest }
    let name = cid.multihash.bytes
    return try index.read { transaction throws(BlockStoreError) in
      try transaction.digest(named: name)
    }
  }

  /// Counts references; all or none.
  private mutating func count(_ digests: [Digest], by step: Int) throws(BlockStoreError) {
    let waiting = changes.blocks
    try index.read { transaction throws(BlockStoreError) in
      for digest in digests {
        let change = waiting[digest]
        let entry = try transaction.entry(digest)
        guard entry != nil || change?.location != nil else { throw .notFound(digest) }
        let held = Int(entry?.references ?? 0) + (change?.references ?? 0)
        if held + step < 0 { throw .notReferenced(digest) }
      }
    }
    for digest in digests { changes.blocks[digest, default: .init()].references += step }
  }
}
