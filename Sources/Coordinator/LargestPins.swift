internal import ContentStore
internal import Persistence
internal import Primitives

/// The pins that hold most.
struct LargestPins {
  /// Pins that are looked at; in larger stores the rest is left out.
  static let pinsReadMax = 100_000
  /// Pins with most blocks, whose roots are read to know their bytes.
  static let candidatesMax = 256

  struct Row: Sendable {
    let pin: ContentPin
    /// The root's cumulative size; nil where the root is missing or damaged.
    let byteCount: UInt64?
  }

  /// The largest first; blocks the calling thread.
  static func blocking(in store: BlockStore, limit: Int) throws -> [Row] {
    let rows = try candidates(in: store).map { pin in
      Row(pin: pin, byteCount: byteCount(of: pin, in: store))
    }
    let sorted = rows.sorted { left, right in
      let (one, other) = (left.byteCount ?? 0, right.byteCount ?? 0)
      return one == other ? left.pin.cid.text < right.pin.cid.text : one > other
    }
    return Array(sorted.prefix(limit))
  }

  private static func candidates(in store: BlockStore) throws -> [ContentPin] {
    var (best, count): ([ContentPin], Int) = ([], 0)
    var last: CID?
    while count < pinsReadMax {
      let page = try store.pins(after: last)
      guard let end = page.last else { break }
      last = end.cid
      count += page.count
      best = Array((best + page).sorted { $0.blockCount > $1.blockCount }.prefix(candidatesMax))
    }
    return best
  }

  /// What Kubo calls the cumulative size: the root and what its links say of theirs.
  private static func byteCount(of pin: ContentPin, in store: BlockStore) -> UInt64? {
    guard let block = try? store.block(pin.cid), (try? pin.cid.verify(block)) != nil else {
      return nil
    }
    var sum = UInt64(block.count)
    guard pin.kind == .recursive, pin.cid.codec == .dagPB,
      let node = try? DagPBNode(decoding: block, of: pin.cid)
    else { return sum }
    for link in node.links {
      // Anybody can write any size into a link.
      let (next, isTooLarge) = sum.addingReportingOverflow(link.tsize)
      sum = isTooLarge ? .max : next
    }
    return sum
  }
}
