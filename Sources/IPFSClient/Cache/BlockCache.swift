internal import ContentStore
internal import Primitives
internal import Telemetry

/// Verified blocks in memory, for all tasks of a client.
final class BlockCache: Sendable {
  private let cache: Lock<SegmentedCache<CID, ContentBlock>>
  /// What a small block takes beside its bytes: a slot, a place in the index and a CID.
  private static let overhead = 256

  init(byteCountMax: Int) {
    cache = Lock(SegmentedCache(costMax: byteCountMax))
  }

  func block(_ cid: CID) -> ContentBlock? {
    cache.withLock { $0.value(for: cid, hash: Self.hash(cid)) }
  }

  func insert(_ block: ContentBlock) {
    let cost = block.bytes.count + Self.overhead
    cache.withLock {
      _ = $0.insert(block, for: block.cid, hash: Self.hash(block.cid), cost: cost)
    }
  }

  /// The bytes held.
  var byteCount: Int { cache.withLock { $0.cost } }

  /// A digest is evenly spread already; its last bytes, as those of an identity differ most.
  private static func hash(_ cid: CID) -> UInt64 {
    cid.multihash.digestBytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}
