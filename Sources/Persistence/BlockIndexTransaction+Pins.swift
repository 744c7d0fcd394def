import ContentStore
import Primitives

/// The pins, in the order of their CIDs' binary forms.
extension BlockIndexTransaction {
  /// The number of pins.
  func pinCount() throws(BlockStoreError) -> Int { try count(of: databases.pins) }

  /// The pin of a CID, if it has one.
  func pin(_ cid: CID) throws(BlockStoreError) -> ContentPin? {
    guard let bytes = try value(of: cid.bytes, in: databases.pins) else { return nil }
    return try pin(cid, decoding: bytes)
  }

  /// Up to `limit` pins behind `start`.
  func pins(after start: CID?, limit: Int) throws(BlockStoreError) -> [ContentPin] {
    var found: [ContentPin] = []
    for (key, value) in try entries(of: databases.pins, after: start?.bytes, limit: limit) {
      guard let cid = try? CID(decoding: key) else { throw .unsupportedFormat(path: path) }
      found.append(try pin(cid, decoding: value))
    }
    return found
  }

  /// Sets or removes the pin of a CID.
  func set(_ pin: ContentPin?, for cid: CID) throws(BlockStoreError) {
    guard let pin else { return try remove(cid.bytes, from: databases.pins) }
    try put(cid.bytes, pin.encoded, in: databases.pins)
  }

  private func pin(_ cid: CID, decoding bytes: Bytes) throws(BlockStoreError) -> ContentPin {
    guard let pin = ContentPin(cid, decoding: bytes) else { throw .unsupportedFormat(path: path) }
    return pin
  }
}

extension ContentPin {
  /// Kind (1 byte), blocks (8 bytes), then the name.
  fileprivate static let headerByteCount = 9

  fileprivate var encoded: Bytes {
    [kind.rawValue] + SegmentBytes.bytes(UInt64(blockCount)) + Bytes(name.utf8)
  }

  fileprivate init?(_ cid: CID, decoding bytes: Bytes) {
    guard bytes.count >= Self.headerByteCount, let kind = Kind(rawValue: bytes[0]) else {
      return nil
    }
    let count: UInt64 = SegmentBytes.integer(bytes[1..<Self.headerByteCount])
    self.init(
      cid: cid, kind: kind, name: String(decoding: bytes[Self.headerByteCount...], as: UTF8.self),
      blockCount: Int(clamping: count))
  }
}
