import CShim
package import Primitives

/// One group of records as it lies in a log (docs/specs/ledger.md §6).
///
/// marker (4) ‖ payload length (4) ‖ index of the first record (8) ‖ CRC32C of length, index and
/// payload (4) ‖ payload. The payload is a row of records, each behind its length (4). Integers are
/// little-endian. A frame is written only after the one before it is synced, so a damaged frame
/// with a whole one behind it cannot be a torn write.
package struct WriteAheadLogFrame: Equatable {
  static let marker: UInt32 = 0x4657_4c4d
  static let headerByteCount = 20
  private static let recordHeadByteCount = 4

  /// The number of the first record.
  package let firstIndex: UInt64
  /// The records in order.
  package let records: [Bytes]

  /// Joins records.
  package init(firstIndex: UInt64, records: [Bytes]) {
    self.firstIndex = firstIndex
    self.records = records
  }

  /// Bytes that a record takes in a frame.
  static func byteCount(of record: Bytes) -> Int { recordHeadByteCount + record.count }

  /// Returns the bytes of the frame.
  package func encoded() -> Bytes {
    var payload = Bytes()
    payload.reserveCapacity(records.reduce(0) { $0 + Self.byteCount(of: $1) })
    for record in records {
      payload += Self.littleEndian(UInt32(record.count))
      payload += record
    }
    let covered = Self.littleEndian(UInt32(payload.count)) + Self.littleEndian(firstIndex)
    let checksum = Self.checksum(covered, payload)
    return Self.littleEndian(Self.marker) + covered + Self.littleEndian(checksum) + payload
  }

  /// Bytes of the frame in the file.
  var byteCount: Int {
    Self.headerByteCount + records.reduce(0) { $0 + Self.byteCount(of: $1) }
  }

  /// Where the records lie when the frame starts at `offset`.
  func locations(at offset: Int) -> [WriteAheadLogLocation] {
    var place = offset + Self.headerByteCount
    var index = firstIndex
    return records.map { record in
      let start = place + Self.recordHeadByteCount
      defer {
        place = start + record.count
        index += 1
      }
      return WriteAheadLogLocation(index: index, offset: start, byteCount: record.count)
    }
  }

  /// What the head of a frame says; its truth shows when the payload is there.
  struct Head {
    let payloadByteCount: Int
    let firstIndex: UInt64
    let checksum: UInt32
    let covered: Bytes

    init?(_ bytes: Bytes) {
      guard bytes.count == headerByteCount,
        WriteAheadLogFrame.integer(bytes[0..<4]) == UInt64(WriteAheadLogFrame.marker)
      else { return nil }
      let length = WriteAheadLogFrame.integer(bytes[4..<8])
      guard length <= UInt64(WriteAheadLogLimits.frameBytesMax) else { return nil }
      payloadByteCount = Int(length)
      firstIndex = WriteAheadLogFrame.integer(bytes[8..<16])
      checksum = UInt32(truncatingIfNeeded: WriteAheadLogFrame.integer(bytes[16..<20]))
      covered = Bytes(bytes[4..<16])
    }
  }

  /// Reads the payload behind a head; nil if it is not what was written.
  init?(_ head: Head, payload: Bytes) {
    guard payload.count == head.payloadByteCount,
      Self.checksum(head.covered, payload) == head.checksum
    else { return nil }
    var records: [Bytes] = []
    var rest = payload[...]
    while !rest.isEmpty {
      guard rest.count >= Self.recordHeadByteCount else { return nil }
      let count = Self.integer(rest.prefix(Self.recordHeadByteCount))
      rest = rest.dropFirst(Self.recordHeadByteCount)
      guard count <= UInt64(rest.count) else { return nil }
      records.append(Bytes(rest.prefix(Int(count))))
      rest = rest.dropFirst(Int(count))
    }
    self.init(firstIndex: head.firstIndex, records: records)
  }

  /// Reads one whole frame at the start of foreign bytes; nil if there is none.
  package init?(decoding bytes: Bytes) {
    guard let head = Head(Bytes(bytes.prefix(Self.headerByteCount))) else { return nil }
    let payload = Bytes(bytes.dropFirst(Self.headerByteCount).prefix(head.payloadByteCount))
    self.init(head, payload: payload)
  }

  private static func checksum(_ covered: Bytes, _ payload: Bytes) -> UInt32 {
    shim_crc32c(shim_crc32c(0, covered, covered.count), payload, payload.count)
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> Bytes {
    withUnsafeBytes(of: value.littleEndian) { Bytes($0) }
  }

  private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
