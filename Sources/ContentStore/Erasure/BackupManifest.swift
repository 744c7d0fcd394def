public import Primitives

/// The root of an erasure-coded backup, a dag-cbor block: the content it protects, the code, and
/// pages of groups. A pin of it holds the content and its parity.
public struct BackupManifest: Equatable, Sendable {
  private static let what = "backup"
  private static let version: UInt64 = 1
  /// Pages of one backup: with groups of ten blocks some two million blocks, more than a pin holds.
  public static let pagesMax = 8_192

  /// What is protected.
  public let content: CID
  /// How.
  public let code: ErasureCode
  /// Blocks with groups, each a `BackupPage`.
  public let pages: [CID]

  /// Names what was made.
  public init(content: CID, code: ErasureCode, pages: [CID]) throws(DecodingFailure) {
    guard pages.count <= Self.pagesMax else { throw Self.malformed("too many pages") }
    self.content = content
    self.code = code
    self.pages = pages
  }

  /// The block.
  public func block() throws(DecodingFailure) -> ContentBlock {
    let fields: [IPLDMap.Entry] = [
      .init("martlet-backup", .integer(Int128(Self.version))), .init("content", .link(content)),
      .init("data", .integer(Int128(code.dataCount))),
      .init("parity", .integer(Int128(code.parityCount))),
      .init("pages", .list(pages.map { .link($0) })),
    ]
    return ContentBlock(
      hashing: try DagCBOR.encode(.map(IPLDMap(distinct: fields))), codec: .dagCBOR)
  }

  /// Reads a block.
  public init(decoding bytes: Bytes) throws(DecodingFailure) {
    let fields = try IPLDFields(DagCBOR.decode(bytes), of: Self.what)
    let version = try fields.count("martlet-backup")
    guard version == Self.version else { throw Self.malformed("version \(version) is not known") }
    let (data, parity) = (try fields.count("data"), try fields.count("parity"))
    guard
      let code = ErasureCode(dataCount: Int(clamping: data), parityCount: Int(clamping: parity))
    else { throw Self.malformed("a code of \(data) and \(parity) blocks is not known") }
    let pages = try fields.list("pages").map { value throws(DecodingFailure) in
      guard case .link(let cid) = value else { throw Self.malformed("a page is not a link") }
      return cid
    }
    try fields.allow(["martlet-backup", "content", "data", "parity", "pages"])
    try self.init(content: fields.link("content"), code: code, pages: pages)
  }

  private static func malformed(_ reason: String) -> DecodingFailure {
    .malformed(what: what, reason: reason)
  }
}

/// Some groups of a backup in one dag-cbor block.
public enum BackupPage {
  /// Groups of one page: a page of the largest groups stays below the size of a block.
  public static let groupsMax = 256

  /// The block of at most `groupsMax` groups.
  public static func block(of groups: [BackupGroup]) throws(DecodingFailure) -> ContentBlock {
    precondition(groups.count <= groupsMax)
    return ContentBlock(
      hashing: try DagCBOR.encode(.list(groups.map(\.value))), codec: .dagCBOR)
  }

  /// Reads a block.
  public static func groups(
    decoding bytes: Bytes, _ code: ErasureCode
  ) throws(DecodingFailure) -> [BackupGroup] {
    guard case .list(let values) = try DagCBOR.decode(bytes), values.count <= groupsMax else {
      throw .malformed(what: "backup", reason: "a page is not a short list")
    }
    return try values.map { value throws(DecodingFailure) in try BackupGroup(value, code) }
  }
}
