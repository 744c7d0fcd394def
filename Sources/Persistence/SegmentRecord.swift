import CShim
import ContentStore
public import Cryptography
public import Primitives

/// How a record holds its block.
enum SegmentEncoding: UInt8, Sendable {
  /// As it is.
  case plain = 0
  /// As its length (4 bytes) and a Zstandard frame.
  case zstandard = 1
}

/// One block as a segment file holds it.
///
/// Layout, little-endian: magic `MBLK`, or `MBLZ` for a compressed block; payload length (4 bytes);
/// SHA-256 of the block (32); payload; CRC-32C of all that (4).
public struct SegmentRecord: Equatable, Sendable {
  static let magic: UInt32 = 0x4b4c_424d
  static let compressedMagic: UInt32 = 0x5a4c_424d
  /// Magic, length and digest.
  public static let headerByteCount = 8 + Digest.byteCount
  /// The checksum.
  public static let trailerByteCount = 4

  /// The SHA-256 of the block, its key.
  public let digest: Digest
  /// The block, or what it was compressed to.
  let payload: Bytes
  let encoding: SegmentEncoding
  /// CRC-32C of header and payload.
  let checksum: UInt32
  /// The multihash of another function under which the block was stored; not part of the file.
  var otherName: Bytes?

  /// The bytes the record takes in the file.
  var byteCount: Int { Self.headerByteCount + payload.count + Self.trailerByteCount }

  /// Makes the record of a block whose digest is known.
  public init(digest: Digest, payload: Bytes) {
    self.init(digest: digest, stored: payload, .plain)
  }

  /// Makes the record of a block, compressed where that is worth it.
  init(compressing block: Bytes, digest: Digest) {
    if let compressed = SegmentCompression.compress(block) {
      self.init(digest: digest, stored: compressed, .zstandard)
    } else {
      self.init(digest: digest, stored: block, .plain)
    }
  }

  private init(digest: Digest, stored payload: Bytes, _ encoding: SegmentEncoding) {
    precondition(payload.count <= BlockLimits.byteCountMax, "checked where blocks come in")
    self.digest = digest
    self.payload = payload
    self.encoding = encoding
    let header = Self.header(encoding, count: payload.count, digest: digest)
    checksum = Self.checksum(header: header, payload: payload)
  }

  /// The encoded header.
  var header: Bytes { Self.header(encoding, count: payload.count, digest: digest) }

  /// The encoded checksum.
  var trailer: Bytes { SegmentBytes.bytes(checksum) }

  /// The whole record.
  public func encoded() -> Bytes { header + payload + trailer }

  /// The block, not compared with its digest; nil when it cannot be unpacked.
  public var block: Bytes? { SegmentCompression.block(payload, encoding) }

  /// The block in the payload of a compressed record, never more than a block may have; nil when it
  /// cannot be unpacked.
  package static func unpacked(_ payload: Bytes) -> Bytes? {
    SegmentCompression.block(payload, .zstandard)
  }

  private static func header(_ encoding: SegmentEncoding, count: Int, digest: Digest) -> Bytes {
    var header = Bytes()
    header.reserveCapacity(headerByteCount)
    let magic = encoding == .plain ? magic : compressedMagic
    SegmentBytes.append(magic, to: &header)
    SegmentBytes.append(UInt32(count), to: &header)
    digest.withUnsafeBytes { header.append(contentsOf: $0) }
    return header
  }

  private static func checksum(header: Bytes, payload: Bytes) -> UInt32 {
    let start = header.withUnsafeBytes { shim_crc32c(0, $0.baseAddress, $0.count) }
    return payload.withUnsafeBytes { shim_crc32c(start, $0.baseAddress, $0.count) }
  }
}

extension SegmentRecord {
  /// A record's kind, digest and payload length, as its header says.
  struct Header: Equatable {
    let encoding: SegmentEncoding
    let digest: Digest
    let payloadByteCount: Int

    /// Returns nil where no record starts: the end of what was written completely.
    init?(_ bytes: some RandomAccessCollection<UInt8>) {
      guard bytes.count >= SegmentRecord.headerByteCount else { return nil }
      let magic: UInt32 = SegmentBytes.integer(bytes.prefix(4))
      let count: UInt32 = SegmentBytes.integer(bytes.dropFirst(4).prefix(4))
      switch magic {
      case SegmentRecord.magic: encoding = .plain
      case SegmentRecord.compressedMagic: encoding = .zstandard
      default: return nil
      }
      guard count <= BlockLimits.byteCountMax,
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
    self.init(
      header, Bytes(bytes[Self.headerByteCount..<end]),
      trailer: bytes[end..<end + Self.trailerByteCount])
  }

  /// Puts together a record that was read in parts; nil when its checksum is wrong.
  init?(_ header: Header, _ payload: Bytes, trailer: some Collection<UInt8>) {
    guard payload.count == header.payloadByteCount, trailer.count == Self.trailerByteCount else {
      return nil
    }
    self.init(digest: header.digest, stored: payload, header.encoding)
    guard SegmentBytes.integer(trailer) == checksum else { return nil }
  }
}

/// Little-endian integers, the byte order of everything this store writes.
enum SegmentBytes {
  static func append(_ value: some FixedWidthInteger, to bytes: inout Bytes) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

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
