import Cryptography
public import Primitives

/// A subtree of a file, as its parent links to it.
public struct UnixFSSubtree: Equatable, Sendable {
  /// The root of the subtree.
  public let cid: CID
  /// The bytes of all its blocks, duplicates counted again.
  public let tsize: UInt64
  /// The bytes of the file below it.
  public let fileSize: UInt64
}

extension UnixFSLayout {
  /// Returns the block of one chunk and its link.
  public func leaf(_ chunk: Bytes) -> (block: ContentBlock, subtree: UnixFSSubtree) {
    let block =
      hasRawLeaves
      ? named(chunk, .raw, .v1) : named(UnixFSData.leafBlock(chunk), .dagPB, cidVersion)
    return (block, link(to: block, chunk))
  }

  /// Returns the blocks of two chunks and their links, at less than twice the cost of one.
  public func leaves(
    _ first: Bytes, _ second: Bytes
  ) -> [(block: ContentBlock, subtree: UnixFSSubtree)] {
    guard min(first.count, second.count) > inlineByteCountMax else {
      return [leaf(first), leaf(second)]
    }
    let blocks = [first, second].map { hasRawLeaves ? $0 : UnixFSData.leafBlock($0) }
    let digests = blocks[0].withUnsafeBytes { first in
      blocks[1].withUnsafeBytes { SHA256.hashes(first, $0) }
    }
    let (codec, version) = hasRawLeaves ? (CID.Codec.raw, .v1) : (.dagPB, cidVersion)
    let named = zip(blocks, [digests.first, digests.second]).map {
      ContentBlock($0, digest: $1, codec: codec, version: version)
    }
    return zip(named, [first, second]).map { ($0, link(to: $0, $1)) }
  }

  private func link(to block: ContentBlock, _ chunk: Bytes) -> UnixFSSubtree {
    UnixFSSubtree(
      cid: block.cid, tsize: UInt64(block.bytes.count), fileSize: UInt64(chunk.count))
  }

  /// Returns the inner node above `children`.
  func parent(of children: [UnixFSSubtree]) -> (block: ContentBlock, subtree: UnixFSSubtree) {
    let fileSize = children.reduce(0) { $0 + $1.fileSize }
    let data = UnixFSData(kind: .file, fileSize: fileSize, blockSizes: children.map(\.fileSize))
    let links = children.map { DagPBLink(cid: $0.cid, tsize: $0.tsize) }
    let block = node(DagPBNode(links: links, data: data.encoded()))
    let tsize = children.reduce(UInt64(block.bytes.count)) { $0 + $1.tsize }
    return (block, UnixFSSubtree(cid: block.cid, tsize: tsize, fileSize: fileSize))
  }

  private func node(_ node: DagPBNode) -> ContentBlock {
    named(node.encoded(), .dagPB, cidVersion)
  }

  private func named(_ bytes: Bytes, _ codec: CID.Codec, _ version: CID.Version) -> ContentBlock {
    ContentBlock(
      naming: bytes, codec: codec, version: version, inlineByteCountMax: inlineByteCountMax)
  }
}

/// The balanced tree over a stream of leaves, built level by level (specs.ipfs.tech/unixfs).
///
/// Memory is one unfinished node a level. Groups are of the full width; the last group of a level
/// is wrapped even when it holds one child, so all leaves have one depth; a lone leaf is the root.
public struct BalancedLayout: Sendable {
  private let layout: UnixFSLayout
  private var levels: [[UnixFSSubtree]] = []

  /// Starts an empty file.
  public init(_ layout: UnixFSLayout) { self.layout = layout }

  /// Links the next leaf; finished inner nodes are appended to `blocks`.
  public mutating func append(_ leaf: UnixFSSubtree, into blocks: inout [ContentBlock]) {
    append(leaf, at: 0, into: &blocks)
  }

  private mutating func append(
    _ subtree: UnixFSSubtree, at level: Int, into blocks: inout [ContentBlock]
  ) {
    var subtree = subtree
    var level = level
    while level < levels.count, levels[level].count == layout.linksPerNodeMax {
      // A full node is closed only when one more child arrives, so a root is never wrapped.
      let (block, parent) = layout.parent(of: levels[level])
      blocks.append(block)
      levels[level] = [subtree]
      subtree = parent
      level += 1
    }
    if level == levels.count { levels.append([]) }
    levels[level].append(subtree)
  }

  /// Closes the tree and returns its root; the last inner nodes are appended to `blocks`.
  ///
  /// At least one leaf must have been appended.
  public mutating func finish(into blocks: inout [ContentBlock]) -> UnixFSSubtree {
    precondition(!levels.isEmpty, "a file has at least one leaf, if an empty one")
    defer { levels = [] }
    var level = 0
    while level < levels.count - 1 || levels[level].count > 1 {
      let (block, parent) = layout.parent(of: levels[level])
      blocks.append(block)
      if level == levels.count - 1 { return parent }
      append(parent, at: level + 1, into: &blocks)
      level += 1
    }
    return levels[level][0]
  }
}
