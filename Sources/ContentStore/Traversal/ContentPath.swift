import Primitives

/// A path to content: a root and the names below it.
public struct ContentPath: Equatable, Sendable {
  /// The longest path text: what usual HTTP servers take as a request line.
  public static let byteCountMax = 8_192
  /// The most names: far deeper than any tree of files that can be written to a disk.
  public static let segmentsMax = 256
  private static let prefixes = ["/ipfs/", "ipfs://", "ipfs/"]

  /// Where the path starts.
  public let root: CID
  /// The names, of at least one byte each.
  public let segments: [String]

  /// Makes a path.
  public init(root: CID, segments: [String] = []) {
    self.root = root
    self.segments = segments
  }

  /// Reads `CID/name/name`, with or without `/ipfs/` or `ipfs://` in front. Slashes that repeat or
  /// end the path count as one; names that lead upwards are refused.
  public init(parsing text: String) throws(ContentError) {
    func refusal(_ reason: String) -> ContentError {
      .malformedPath(String(text.prefix(Self.excerptMax)), reason: reason)
    }
    guard text.utf8.count <= Self.byteCountMax else {
      throw refusal("it has more than \(Self.byteCountMax) bytes")
    }
    guard !text.utf8.contains(0) else { throw refusal("it has a zero byte") }
    let prefix = Self.prefixes.first { text.hasPrefix($0) } ?? ""
    let parts = text.dropFirst(prefix.count).pathNames
    guard let first = parts.first else { throw refusal("it names no CID") }
    guard first != "ipns" else { throw refusal("names must be resolved first") }
    root = try CID(parsing: first)
    segments = Array(parts.dropFirst())
    guard segments.count <= Self.segmentsMax else {
      throw refusal("it has more than \(Self.segmentsMax) names")
    }
    guard !segments.contains("."), !segments.contains("..") else {
      throw refusal("`.` and `..` are not names")
    }
  }

  /// As much of a refused path as an error repeats.
  private static let excerptMax = 200
}

extension ContentPath: CustomStringConvertible {
  /// The text with `/ipfs/` in front.
  public var description: String { (["/ipfs/\(root)"] + segments).joined(separator: "/") }
}
