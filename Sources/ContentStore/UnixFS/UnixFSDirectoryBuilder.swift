public import Primitives

/// How directories are written (IPIP-0499).
public struct UnixFSDirectoryLayout: Equatable, Sendable {
  /// What is compared with the threshold.
  public enum SizeEstimate: Sendable {
    /// The bytes of all names and CIDs.
    case links
    /// The bytes of the dag-pb block.
    case block
  }

  /// Both published profiles shard above 256 KiB.
  public static let threshold = 256 << 10
  /// Both published profiles have 256 slots a shard.
  public static let fanout = 256

  /// The version of the CIDs.
  public let cidVersion: CID.Version
  /// What is compared with the threshold.
  public let sizeEstimate: SizeEstimate
  /// Blocks of at most so many bytes are held by their CIDs, as `UnixFSLayout` says.
  public internal(set) var inlineByteCountMax = 0

  /// Makes a layout.
  public init(cidVersion: CID.Version, sizeEstimate: SizeEstimate) {
    self.cidVersion = cidVersion
    self.sizeEstimate = sizeEstimate
  }

  func block(_ node: DagPBNode) -> ContentBlock {
    ContentBlock(
      naming: node.encoded(), codec: .dagPB, version: cidVersion,
      inlineByteCountMax: inlineByteCountMax)
  }

  /// Returns the block of a symbolic link, which `UnixFSBuilder` cannot write, and its sizes.
  public func symlink(to target: Bytes) -> (block: ContentBlock, file: UnixFSFile) {
    let data = UnixFSData(kind: .symlink, data: target, fileSize: nil)
    let block = block(DagPBNode(data: data.encoded()))
    let root = UnixFSSubtree(
      cid: block.cid, tsize: UInt64(block.bytes.count), fileSize: UInt64(target.count))
    return (block, UnixFSFile(root))
  }
}

/// Turns entries, in any order, into the blocks of a directory: one block, or a HAMT when it is
/// larger than the layout's threshold.
public struct UnixFSDirectoryBuilder: Sendable {
  private let layout: UnixFSDirectoryLayout
  private var entries: [UnixFSEntry] = []
  private var linksByteCount = 0
  private var blockByteCount = DagPBNode(data: Self.plainData).encoded().count
  private var tsize: UInt64 = 0

  private static let plainData = UnixFSData(kind: .directory, fileSize: nil).encoded()
  /// Sums of sizes stay far from what a varint can hold.
  private static let tsizeMax: UInt64 = 1 << 62

  /// Starts an empty directory.
  public init(_ layout: UnixFSDirectoryLayout = UnixFSProfile.v1In2025.directoryLayout) {
    self.layout = layout
  }

  /// The entries so far.
  public var count: Int { entries.count }

  /// Adds an entry; a name that has no place in a directory is an error.
  public mutating func add(_ entry: UnixFSEntry) throws(ContentError) {
    try UnixFSName.check(entry.name)
    let (sum, overflow) = tsize.addingReportingOverflow(entry.tsize)
    guard !overflow, sum <= Self.tsizeMax else { throw .tooLarge(entry.cid, limit: Self.tsizeMax) }
    tsize = sum
    linksByteCount += entry.name.count + entry.cid.byteCount
    blockByteCount += entry.link(named: entry.name).encodedByteCount
    entries.append(entry)
  }

  /// Whether the directory is written as a HAMT.
  public var isSharded: Bool {
    switch layout.sizeEstimate {
    case .links: linksByteCount > UnixFSDirectoryLayout.threshold
    case .block: blockByteCount > UnixFSDirectoryLayout.threshold
    }
  }

  /// Ends the directory; its blocks are appended to `blocks`, the root last.
  ///
  /// The result's `tsize` counts what the entries declare; `fileSize` is 0. Names that repeat are
  /// an error, and so are names whose hashes are the same. `sharded` overrules the threshold.
  public mutating func finish(
    into blocks: inout [ContentBlock], sharded: Bool? = nil
  ) throws(ContentError) -> UnixFSFile {
    let root: UnixFSSubtree
    if sharded ?? isSharded {
      root = try HAMTWriter(layout: layout).write(entries, into: &blocks)
    } else {
      root = try plain(into: &blocks)
    }
    self = UnixFSDirectoryBuilder(layout)
    return UnixFSFile(root)
  }

  private mutating func plain(
    into blocks: inout [ContentBlock]
  ) throws(ContentError) -> UnixFSSubtree {
    entries.sort { $0.name.lexicographicallyPrecedes($1.name) }
    for (entry, next) in zip(entries, entries.dropFirst()) where entry.name == next.name {
      throw .duplicateName(entry.text)
    }
    let links = entries.map { $0.link(named: $0.name) }
    let block = layout.block(DagPBNode(links: links, data: Self.plainData))
    blocks.append(block)
    return UnixFSSubtree(
      cid: block.cid, tsize: UInt64(block.bytes.count) + tsize, fileSize: 0)
  }
}

extension UnixFSEntry {
  /// The entry as a link whose name has a slot in front of it in a HAMT.
  func link(named name: Bytes) -> DagPBLink { DagPBLink(cid: cid, name: name, tsize: tsize) }
}
