public import Primitives

/// Limits of content archives from outside.
public enum CARLimits {
  /// Room for 25,000 roots; no writer in use names more than a few.
  public static let headerByteCountMax = 1 << 20
  /// The largest section: a block and its CID.
  public static let sectionByteCountMax = BlockLimits.byteCountMax + CIDLimits.byteCountMax
}

/// What stands in front of the blocks of a content archive (ipld.io/specs/transport/car/carv1).
public struct CARHeader: Equatable, Sendable {
  private static let what = "content archive's header"
  private static let rootsKey = "roots"
  private static let versionKey = "version"
  static let version1: Int128 = 1
  static let version2: Int128 = 2

  /// What the archive is about.
  public let roots: [CID]

  /// Makes a header.
  public init(roots: [CID]) { self.roots = roots }

  /// The bytes, length included.
  public var bytes: Bytes {
    let value = IPLDValue.map(
      IPLDMap(distinct: [
        .init(Self.rootsKey, .list(roots.map { .link($0) })),
        .init(Self.versionKey, .integer(Self.version1)),
      ]))
    guard let content = try? DagCBOR.encode(value) else {
      preconditionFailure("links and a small integer always have an encoding")
    }
    return Varint.encode(UInt64(content.count)) + content
  }

  /// What the header's bytes, without the length, turned out to be.
  enum Decoded {
    case version1(CARHeader)
    /// The 11 bytes that start a version 2 archive.
    case version2
  }

  static func decode(_ bytes: Bytes) throws(DecodingFailure) -> Decoded {
    guard case .map(let map) = try DagCBOR.decode(bytes, .readable) else {
      throw .malformed(what: what, reason: "not a map")
    }
    guard case .integer(let version)? = map[versionKey] else { throw .missingField(versionKey) }
    if version == version2, map.entries.count == 1 { return .version2 }
    guard version == version1 else {
      throw .malformed(what: what, reason: "version \(version)")
    }
    guard case .list(let values)? = map[rootsKey] else { throw .missingField(rootsKey) }
    var roots: [CID] = []
    for value in values {
      guard case .link(let cid) = value else {
        throw .malformed(what: what, reason: "a root is \(value.kind)")
      }
      roots.append(cid)
    }
    return .version1(CARHeader(roots: roots))
  }
}

/// The fixed front of a version 2 archive (ipld.io/specs/transport/car/carv2).
struct CARVersion2Header: Equatable {
  /// `{version: 2}` as a header of version 1.
  static let pragma: Bytes = [
    0x0a, 0xa1, 0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x02,
  ]
  /// Characteristics, data offset, data size, index offset.
  static let byteCount = 16 + 8 + 8 + 8
  /// The first byte that data may begin at.
  static let dataOffsetMin = UInt64(pragma.count + byteCount)

  let dataOffset: UInt64
  let dataSize: UInt64
  /// 0 for none.
  let indexOffset: UInt64

  var bytes: Bytes {
    var bytes = Bytes(repeating: 0, count: 16)
    for number in [dataOffset, dataSize, indexOffset] {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  init(dataOffset: UInt64, dataSize: UInt64, indexOffset: UInt64) {
    self.dataOffset = dataOffset
    self.dataSize = dataSize
    self.indexOffset = indexOffset
  }

  /// Reads `byteCount` bytes.
  init(decoding bytes: Bytes) throws(DecodingFailure) {
    precondition(bytes.count == Self.byteCount)
    func number(at offset: Int) -> UInt64 {
      bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    self.init(dataOffset: number(at: 16), dataSize: number(at: 24), indexOffset: number(at: 32))
    let (end, isBeyond) = dataOffset.addingReportingOverflow(dataSize)
    guard dataOffset >= Self.dataOffsetMin, !isBeyond, indexOffset == 0 || indexOffset >= end
    else {
      throw .malformed(what: "content archive's header", reason: "its parts overlap")
    }
    guard dataSize > 0 else { throw .truncated(what: "content archive's data") }
  }
}
