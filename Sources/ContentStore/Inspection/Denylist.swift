public import Cryptography
public import Primitives

/// Content that is neither stored as a model or data set nor served: CIDs and SHA-256 of files.
public struct Denylist: Sendable, Equatable {
  /// Bytes of a list: a million lines of a CID each.
  public static let byteCountMax = 128 << 20
  /// Entries of a list.
  public static let entriesMax = 1 << 20

  private var cids: Set<CID> = []
  private var digests: Set<Digest> = []

  /// An empty list.
  public init() {}

  /// Entries.
  public var count: Int { cids.count + digests.count }

  /// Reads one entry a line: a CID, `/ipfs/CID`, or `sha256:` and 64 digits; `#` begins a comment.
  ///
  /// A line that is none of them is an error: a list that is half read protects nobody.
  public init(parsing bytes: Bytes) throws(DecodingFailure) {
    guard bytes.count <= Self.byteCountMax else {
      throw .tooLarge(what: "denylist", size: bytes.count, limit: Self.byteCountMax)
    }
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let plain = line.prefix { $0 != UInt8(ascii: "#") }
        .filter { !" \t\r".utf8.contains($0) }
      guard !plain.isEmpty else { continue }
      guard count < Self.entriesMax else {
        throw .tooLarge(what: "denylist", size: count + 1, limit: Self.entriesMax)
      }
      guard insert(String(decoding: plain, as: UTF8.self)) else {
        throw .malformed(what: "denylist", reason: "line \(index + 1) is no CID and no digest")
      }
    }
  }

  private mutating func insert(_ line: String) -> Bool {
    if line.hasPrefix("sha256:") {
      guard let digest = try? Digest(hex: String(line.dropFirst(7))) else { return false }
      digests.insert(digest)
      return true
    }
    let text = line.hasPrefix("/ipfs/") ? String(line.dropFirst(6)) : line
    guard let cid = try? CID(parsing: text) else { return false }
    insert(cid)
    return true
  }

  /// Adds content.
  public mutating func insert(_ cid: CID) { cids.insert(cid.asVersion1) }

  /// Whether this content, or a file of these bytes, is on the list. Both versions of a CID count
  /// as one.
  public func contains(_ cid: CID, sha256: Digest? = nil) -> Bool {
    cids.contains(cid.asVersion1) || (sha256.map { digests.contains($0) } ?? false)
  }
}
