public import Cryptography
public import Primitives

/// What a denylist names.
public enum DenylistEntry: Hashable, Sendable {
  /// Content, whatever version of its CID is asked for.
  case content(CID)
  /// Every file with this SHA-256.
  case file(Digest)

  private static let filePrefix = "sha256:"

  /// Reads a CID, `/ipfs/CID`, or `sha256:` and 64 digits; nil for anything else.
  public init?(parsing text: String) {
    if text.hasPrefix(Self.filePrefix) {
      guard let digest = try? Digest(hex: String(text.dropFirst(Self.filePrefix.count))) else {
        return nil
      }
      self = .file(digest)
    } else {
      let path = "/ipfs/"
      let name = text.hasPrefix(path) ? String(text.dropFirst(path.count)) : text
      guard let cid = try? CID(parsing: name) else { return nil }
      self = .content(cid.asVersion1)
    }
  }
}

extension DenylistEntry: CustomStringConvertible {
  /// The entry as a list has it.
  public var description: String {
    switch self {
    case .content(let cid): "\(cid)"
    case .file(let digest): "\(Self.filePrefix)\(digest.hex)"
    }
  }
}

/// Content that is neither stored as a model or data set nor served: CIDs and SHA-256 of files.
public struct Denylist: Sendable, Equatable {
  /// Bytes of a list: a million lines of a CID each.
  public static let byteCountMax = 128 << 20
  /// Entries of a list.
  public static let entriesMax = 1 << 20

  private var members: Set<DenylistEntry> = []

  /// An empty list.
  public init() {}

  /// Entries.
  public var count: Int { members.count }

  /// The entries in the order of their text.
  public var entries: [DenylistEntry] { members.sorted { "\($0)" < "\($1)" } }

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
      guard let entry = DenylistEntry(parsing: String(decoding: plain, as: UTF8.self)) else {
        throw .malformed(what: "denylist", reason: "line \(index + 1) is no CID and no digest")
      }
      insert(entry)
    }
  }

  /// Adds an entry.
  public mutating func insert(_ entry: DenylistEntry) { members.insert(entry) }

  /// Takes an entry off.
  public mutating func remove(_ entry: DenylistEntry) { members.remove(entry) }

  /// Adds all entries of another list.
  public mutating func formUnion(_ other: Denylist) { members.formUnion(other.members) }

  /// Whether this entry is on the list.
  public func contains(_ entry: DenylistEntry) -> Bool { members.contains(entry) }

  /// Whether this content, or a file of these bytes, is on the list. Both versions of a CID count
  /// as one.
  public func contains(_ cid: CID, sha256: Digest? = nil) -> Bool {
    if members.isEmpty { return false }
    if members.contains(.content(cid.asVersion1)) { return true }
    guard let sha256 else { return false }
    return members.contains(.file(sha256))
  }
}
