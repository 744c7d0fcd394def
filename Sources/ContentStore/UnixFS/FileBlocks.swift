public import Primitives

/// A whole file as the blocks that a reader of its CID wants, in the order in which it wants them,
/// so that each can be checked as it arrives.
public struct FileBlocks: Sendable {
  /// The root of the file.
  public let cid: CID
  /// The bytes of the file.
  public let fileSize: Int
  /// In the order of `UnixFSWalk`; a repeated block once for each place.
  public let blocks: [Bytes]

  /// Cuts and names `content`.
  public init(
    of content: Bytes, layout: UnixFSLayout = UnixFSProfile.v1In2025.layout
  ) throws(ContentError) {
    var builder = UnixFSBuilder(layout)
    var built: [ContentBlock] = []
    builder.append(content, into: &built)
    cid = builder.finish(into: &built).cid
    fileSize = content.count
    var known: [CID: Bytes] = [:]
    for block in built { known[block.cid] = block.bytes }
    var ordered: [Bytes] = []
    var walk = UnixFSWalk(root: cid)
    while let wanted = walk.wanted {
      guard let block = known[wanted] else { throw .missingBlock(wanted) }
      ordered.append(block)
      _ = try walk.supply(block)
    }
    blocks = ordered
  }
}

/// A file that is put together from foreign blocks, each checked against its CID and against the
/// sizes above it before the next is taken.
public struct FileAssembly: Sendable {
  private var walk: UnixFSWalk
  /// The bytes so far.
  public private(set) var content = Bytes()

  /// Small leaves make many blocks: this many, and twice what our own layout needs, are enough.
  private static let blocksMin = 1_024

  /// Expects the blocks of `root`, a file of at most `byteCountMax` bytes.
  public init(root: CID, byteCountMax: Int) {
    var limits = UnixFSWalkLimits(fileByteCountMax: UInt64(byteCountMax))
    let chunk = UnixFSProfile.v1In2025.layout.chunkByteCount
    limits.blocksMax = Self.blocksMin + 2 * (byteCountMax / chunk)
    walk = UnixFSWalk(root: root, limits: limits)
  }

  /// Whether the file is whole.
  public var isWhole: Bool { walk.wanted == nil }

  /// Takes the next block; one that is not wanted next is an error.
  public mutating func take(_ block: Bytes) throws(ContentError) {
    guard walk.wanted != nil else {
      throw .sizeMismatch(
        walk.root, declared: walk.bytesGiven, found: walk.bytesGiven + UInt64(block.count))
    }
    let bytes = try walk.supply(block)
    if content.isEmpty, let size = walk.fileSize { content.reserveCapacity(Int(size)) }
    content += bytes
  }
}
