/// The named settings that fix a file's CID (IPIP-0499).
public enum UnixFSProfile: String, Sendable, CaseIterable {
  /// CIDv1, raw leaves, 1 MiB chunks, 1024 links a node: our default.
  case v1In2025 = "unixfs-v1-2025"
  /// CIDv0, dag-pb leaves, 256 KiB chunks, 174 links a node: what `ipfs add` gives.
  case v0In2015 = "unixfs-v0-2015"

  /// The layout that the profile fixes.
  public var layout: UnixFSLayout {
    switch self {
    case .v1In2025:
      UnixFSLayout(
        uncheckedChunk: 1 << 20, linksPerNodeMax: 1_024, hasRawLeaves: true, cidVersion: .v1)
    case .v0In2015:
      UnixFSLayout(
        uncheckedChunk: 256 << 10, linksPerNodeMax: 174, hasRawLeaves: false, cidVersion: .v0)
    }
  }
}

extension UnixFSProfile {
  /// How the profile writes directories.
  public var directoryLayout: UnixFSDirectoryLayout {
    switch self {
    case .v1In2025: UnixFSDirectoryLayout(cidVersion: .v1, sizeEstimate: .block)
    case .v0In2015: UnixFSDirectoryLayout(cidVersion: .v0, sizeEstimate: .links)
    }
  }
}

/// How a file is cut and linked.
public struct UnixFSLayout: Equatable, Sendable {
  /// The bytes of each leaf but the last.
  public let chunkByteCount: Int
  /// The width of an inner node.
  public let linksPerNodeMax: Int
  /// Whether leaves are raw blocks (always CIDv1) instead of dag-pb nodes.
  public let hasRawLeaves: Bool
  /// The version of dag-pb CIDs.
  public let cidVersion: CID.Version
  /// Blocks of at most so many bytes are held by their CIDs (Kubo's `--inline`); 0 for none.
  public private(set) var inlineByteCountMax = 0

  /// Sixteen times the width of unixfs-v1-2025; such a node still fits a block.
  public static let linksPerNodeLimit = 1 << 14

  /// The header of a dag-pb leaf takes 15 bytes at 2 MiB; the next power of two is left for it.
  private static let leafHeaderByteCountMax = 16

  /// Checks that leaves and nodes fit a block.
  public init(
    chunkByteCount: Int, linksPerNodeMax: Int, hasRawLeaves: Bool, cidVersion: CID.Version
  ) throws(ContentError) {
    let chunkMax = BlockLimits.byteCountMax - 2 * Self.leafHeaderByteCountMax
    guard (1...chunkMax).contains(chunkByteCount) else {
      throw .unsupportedLayout(reason: "chunks of \(chunkByteCount) bytes, not 1 to \(chunkMax)")
    }
    guard (2...Self.linksPerNodeLimit).contains(linksPerNodeMax) else {
      throw .unsupportedLayout(
        reason: "\(linksPerNodeMax) links a node, not 2 to \(Self.linksPerNodeLimit)")
    }
    self.init(
      uncheckedChunk: chunkByteCount, linksPerNodeMax: linksPerNodeMax,
      hasRawLeaves: hasRawLeaves, cidVersion: cidVersion)
  }

  /// The same layout with blocks of at most `byteCount` bytes held by their CIDs.
  public func inlining(upTo byteCount: Int) throws(ContentError) -> UnixFSLayout {
    guard (0...Multihash.identityByteCountMax).contains(byteCount) else {
      throw .unsupportedLayout(
        reason: "inline blocks of \(byteCount) bytes, not 0 to \(Multihash.identityByteCountMax)")
    }
    var layout = self
    layout.inlineByteCountMax = byteCount
    return layout
  }

  init(
    uncheckedChunk: Int, linksPerNodeMax: Int, hasRawLeaves: Bool, cidVersion: CID.Version
  ) {
    chunkByteCount = uncheckedChunk
    self.linksPerNodeMax = linksPerNodeMax
    self.hasRawLeaves = hasRawLeaves
    self.cidVersion = cidVersion
  }
}
