import CShim
import ContentStore
public import Cryptography
public import Primitives

/// One block as a segment file holds it.
///
/// Layout, little-endian: magic `MBLK`, payload length (4 bytes), SHA-256 (32), payload, CRC-32C of
/// all that (4).
public struct SegmentRecord: Equatable, Sendable {
  static let magic: UInt32 = 0x4b4c_424d
  /// Magic, length and digest.
  public static let headerByteCount = 8 + Digest.byteCount
  /// The checksum.
  public static let trailerByteCount = 4

  /// The SHA-256 of the payload, the key of the block.
  public let digest: Digest
  /// The block.
  public let payload: Bytes
  /// CRC-32C of header and payload.
  let checksum: UInt32

  /// The bytes the record takes in the file.
  var byteCount: Int { Self.headerByteCount + payload.count + Self.trailerByteCount }

  /// Makes the record of a block whose digest is known.
  public init(digest: Digest, payload: Bytes) {
    precondition(payload.count <= BlockLimits.byteCountMax, "checked where blocks come in")
    self.digest = digest
    self.payload = payload
    let header = Self.header(digest: digest, count: payload.count)
    checksum = Self.checksum(header: header, payload: payload)
  }

  /// The encoded header.
  var header: Bytes { Self.header(digest: digest, count: payload.count) }

  /// The encoded checksum.
  var trailer: Bytes { SegmentBytes.bytes(checksum) }

  /// The whole record.
  public func encoded() -> Bytes { header + payload + trailer }

  private static func header(digest: Digest, count: Int) -> Bytes {
    SegmentBytes.bytes(magic) + SegmentBytes.bytes(UInt32(count)) + digest.bytes
  }

  private static func checksum(header: Bytes, payload: Bytes) -> UInt32 {
    let start = header.withUnsafeBytes { shim_crc32c(0, $0.baseAddress, $0.count) }
    return payload.withUnsafeBytes { shim_crc32c(start, $0.baseAddress, $0.count) }
  }
}

extension SegmentRecord {
  /// A record's digest and payload length, as its header says.
  struct Header: Equatable {
    let digest: Digest
    let payloadByteCount: Int

    /// Returns nil where no record starts: the end of what was written completely.
    init?(_ bytes: some RandomAccessCollection<UInt8>) {
      guard bytes.count >= SegmentRecord.headerByteCount else { return nil }
      let magic: UInt32 = SegmentBytes.integer(bytes.prefix(4))
      let count: UInt32 = SegmentBytes.integer(bytes.dropFirst(4).prefix(4))
      guard magic == SegmentRecord.magic, count <= BlockLimits.byteCountMax,
        let digest = try? Digest(bytes: bytes.dropFirst(8).prefix(Digest.byteCount))
      else { return nil }
      self.digest = digest
      payloadByteCount = Int(count)
    }

    var recordByteCount: Int {
      SegmentRecord.headerByteCount + payloadByteCount + SegmentRecord.trailerByteCount
    }
  }

  /// Reads the record at the start of `bytes`; nil when it is cut short or its checksum is wrong.
  public init?(decoding bytes: Bytes) {
    guard let header = Header(bytes), bytes.count >= header.recordByteCount else { return nil }
    let end = Self.headerByteCount + header.payloadByteCount
    self.init(digest: header.digest, payload: Bytes(bytes[Self.headerByteCount..<end]))
    guard SegmentBytes.integer(bytes[end..<end + Self.trailerByteCount]) == checksum else {
      return nil
    }
  }
}

/// Little-endian integers, the byte order of everything this store writes.
enum SegmentBytes {
  static func bytes(_ value: some FixedWidthInteger) -> Bytes {
    withUnsafeBytes(of: value.littleEndian) { Bytes($0) }
  }

  static func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ bytes: some Collection<UInt8>
  ) -> Value {
    precondition(bytes.count == MemoryLayout<Value>.size)
    return bytes.reversed().reduce(0) { $0 << 8 | Value($1) }
  }
}
