public import Primitives

/// Writes the sections of a content archive of version 1, or the data and the index of version 2.
public struct CARWriter: Sendable {
  /// The header, which stands first.
  public let header: CARHeader
  private var index: CARIndex?
  /// The bytes written so far, header included.
  public private(set) var byteCount: UInt64

  /// Starts an archive about `roots`; `isIndexed` collects where each block lies.
  public init(roots: [CID], isIndexed: Bool = false) {
    header = CARHeader(roots: roots)
    byteCount = UInt64(header.bytes.count)
    index = isIndexed ? CARIndex() : nil
  }

  /// Returns what stands before a block of `byteCount` bytes: the section's length and the CID.
  ///
  /// The block's bytes must follow; they are never copied here.
  public mutating func sectionHeader(of cid: CID, byteCount blockByteCount: Int) -> Bytes {
    precondition(blockByteCount <= BlockLimits.byteCountMax)
    index?.add(cid, at: byteCount)
    var bytes = Varint.encode(UInt64(cid.byteCount + blockByteCount))
    cid.append(to: &bytes)
    byteCount += UInt64(bytes.count + blockByteCount)
    return bytes
  }

  /// Appends the section of a block.
  public mutating func append(_ block: ContentBlock, to bytes: inout Bytes) {
    bytes += sectionHeader(of: block.cid, byteCount: block.bytes.count)
    bytes += block.bytes
  }

  /// The bytes that turn what was written so far into version 2 when they stand in front of it.
  public var version2Front: Bytes {
    let start = CARVersion2Header.dataOffsetMin
    let header = CARVersion2Header(
      dataOffset: start, dataSize: byteCount, indexOffset: index == nil ? 0 : start + byteCount)
    return CARVersion2Header.pragma + header.bytes
  }

  /// The bytes of `version2Front`, whatever is written.
  public static let version2FrontByteCount = Int(CARVersion2Header.dataOffsetMin)

  /// The index that follows the last section; empty unless blocks were indexed.
  public func version2Index() -> Bytes { index?.encoded() ?? [] }
}

/// Where each block of an archive lies, as the index MultihashIndexSorted
/// (ipld.io/specs/transport/car/carv2, format 0x0401).
struct CARIndex: Sendable {
  private static let format: UInt64 = 0x0401

  private struct Entry: Sendable {
    let code: UInt64
    let digest: Bytes
    let offset: UInt64
  }

  private var entries: [Entry] = []

  /// Notes a section that begins `offset` bytes behind the start of the data.
  mutating func add(_ cid: CID, at offset: UInt64) {
    entries.append(
      Entry(code: cid.multihash.code, digest: cid.multihash.digestBytes, offset: offset))
  }

  /// Grouped by hash function, then by length; sorted by digest. All numbers little-endian.
  func encoded() -> Bytes {
    var bytes = Varint.encode(Self.format)
    let codes = Set(entries.map(\.code)).sorted()
    Self.append(UInt32(codes.count), to: &bytes)
    for code in codes {
      let group = entries.filter { $0.code == code }
      let widths = Set(group.map(\.digest.count)).sorted()
      Self.append(code, to: &bytes)
      Self.append(UInt32(widths.count), to: &bytes)
      for width in widths { append(group.filter { $0.digest.count == width }, width, to: &bytes) }
    }
    return bytes
  }

  private func append(_ group: [Entry], _ digestByteCount: Int, to bytes: inout Bytes) {
    let recordByteCount = digestByteCount + MemoryLayout<UInt64>.size
    Self.append(UInt32(recordByteCount), to: &bytes)
    Self.append(UInt64(recordByteCount * group.count), to: &bytes)
    let sorted = group.sorted {
      $0.digest == $1.digest
        ? $0.offset < $1.offset : $0.digest.lexicographicallyPrecedes($1.digest)
    }
    for entry in sorted {
      bytes += entry.digest
      Self.append(entry.offset, to: &bytes)
    }
  }

  private static func append(_ number: some FixedWidthInteger, to bytes: inout Bytes) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
