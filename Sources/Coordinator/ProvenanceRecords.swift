internal import ContentStore
internal import Persistence
internal import Primitives
internal import Telemetry

/// The provenance records of the coordinator's store, found by their pins
/// (docs/specs/provenance.md).
final class ProvenanceRecords: Sendable {
  /// The pin name of records.
  private static let pinName = "provenance"
  /// Records that are listed and kept in memory, each of some kilobytes at most.
  static let recordsMax = 4_096

  /// Records whose signature was checked: what a CID names never changes, so once is enough.
  private let checked = Lock<[CID: ProvenanceRecord]>([:])

  /// The records of `store`, the newest first; those that prove nothing are left out. Blocks the
  /// calling thread.
  func allBlocking(in store: BlockStore) throws -> [(cid: CID, record: ProvenanceRecord)] {
    var known = checked.withLock { $0 }
    var found: [CID: ProvenanceRecord] = [:]
    var (last, count): (CID?, Int) = (nil, 0)
    while count < LargestPins.pinsReadMax, found.count < Self.recordsMax {
      let page = try store.pins(after: last)
      guard let end = page.last else { break }
      (last, count) = (end.cid, count + page.count)
      for pin in page where pin.name == Self.pinName && pin.cid.codec == .dagCBOR {
        guard found.count < Self.recordsMax else { break }
        found[pin.cid] = known.removeValue(forKey: pin.cid) ?? Self.record(pin.cid, in: store)
      }
    }
    checked.withLock { [found] in $0 = found }
    return found.map { (cid: $0.key, record: $0.value) }.sorted { left, right in
      let (one, other) = (
        left.record.statement.createdMilliseconds, right.record.statement.createdMilliseconds
      )
      return one == other ? left.cid < right.cid : one > other
    }
  }

  private static func record(_ cid: CID, in store: BlockStore) -> ProvenanceRecord? {
    guard let block = try? store.block(cid) else { return nil }
    return try? ProvenanceRecord(verifying: block, as: cid)
  }

  /// Where content came from, as far as its records are stored; nil where none describes it. Of
  /// several records the earliest counts. Blocks the calling thread.
  func walkBlocking(from content: CID, in store: BlockStore) throws -> ProvenanceWalk? {
    let wanted = content.asVersion1
    let own = try allBlocking(in: store).last {
      $0.record.statement.content.asVersion1 == wanted
    }
    guard let own else { return nil }
    var walk = ProvenanceWalk(content: content, record: own.cid)
    while let next = walk.wanted { walk.supply(try? store.block(next)) }
    return walk
  }
}
