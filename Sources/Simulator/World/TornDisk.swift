import Cryptography
package import Primitives

/// A disk that loses what was not synced: of the bytes behind the last sync a crash keeps a part,
/// and may spoil its end, as a torn sector does.
package struct TornDisk: Sendable {
  /// What a reader finds.
  package private(set) var bytes: Bytes = []
  /// How much of it a crash cannot touch.
  package private(set) var syncedCount = 0

  /// An empty disk.
  package init() {}

  /// Appends bytes, which are not safe yet.
  package mutating func append(_ more: Bytes) { bytes += more }

  /// Makes everything safe.
  package mutating func sync() { syncedCount = bytes.count }

  /// Cuts off everything behind `count`, safely.
  package mutating func truncate(to count: Int) {
    precondition((0...bytes.count).contains(count))
    bytes.removeLast(bytes.count - count)
    syncedCount = count
  }

  /// Power is lost: a part of what was not synced remains, its last byte perhaps spoiled.
  package mutating func crash(using random: inout SplitMix64) {
    let unsafe = bytes.count - syncedCount
    guard unsafe > 0 else { return }
    let kept = random.below(unsafe + 1)
    bytes.removeLast(unsafe - kept)
    if kept > 0, random.below(2) == 0 { bytes[bytes.count - 1] ^= UInt8(1 + random.below(255)) }
    syncedCount = bytes.count
  }
}

/// Records on a torn disk: a length of two bytes, four bytes of SHA-256, the record.
package struct NodeJournal: Sendable {
  static let headerBytes = 6
  static let recordBytesMax = 65_535

  /// The disk below.
  package private(set) var disk = TornDisk()

  /// An empty journal.
  package init() {}

  /// Writes a record and, where `isSynced`, waits for the disk.
  package mutating func write(_ record: Bytes, isSynced: Bool) {
    precondition(record.count <= Self.recordBytesMax)
    let checksum = SHA256.hash(record).bytes.prefix(4)
    disk.append([UInt8(record.count >> 8), UInt8(record.count & 0xFF)] + checksum + record)
    if isSynced { disk.sync() }
  }

  /// Loses power and starts again: returns the whole records and cuts the torn rest off.
  package mutating func crash(using random: inout SplitMix64) -> [Bytes] {
    disk.crash(using: &random)
    let (records, end) = Self.records(in: disk.bytes)
    disk.truncate(to: end)
    return records
  }

  /// The records of a disk, and where the last whole one ends.
  package static func records(in bytes: Bytes) -> (records: [Bytes], end: Int) {
    var records: [Bytes] = []
    var place = 0
    while bytes.count - place >= headerBytes {
      let length = Int(bytes[place]) << 8 | Int(bytes[place + 1])
      let start = place + headerBytes
      guard bytes.count - start >= length else { break }
      let record = Bytes(bytes[start..<start + length])
      guard SHA256.hash(record).bytes.prefix(4) == bytes[place + 2..<start] else { break }
      records.append(record)
      place = start + length
    }
    return (records, place)
  }
}
