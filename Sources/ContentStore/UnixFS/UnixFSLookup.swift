public import Primitives

/// The search for one name in a directory as a machine: it wants only the blocks on the way to it.
public struct UnixFSLookup: Sendable {
  /// The directory.
  public let root: CID
  private let name: Bytes
  private let hash: UInt64
  private var position: HAMTShard.Position?
  /// The block needed next; nil when the search is over.
  public private(set) var wanted: CID?
  /// The entry, once it was found; still nil at the end when the directory has no such name.
  public private(set) var entry: UnixFSEntry?

  /// Starts at the root of a directory.
  public init(root: CID, name: Bytes) {
    self.root = root
    self.name = name
    hash = Murmur3.first64(name)
    wanted = root
  }

  /// Takes the wanted block.
  public mutating func supply(_ block: Bytes) throws(ContentError) {
    guard let cid = wanted else { preconditionFailure("no block was wanted") }
    try cid.verify(block)
    let node = try UnixFSNode(directory: block, of: cid)
    switch (node.data.kind, position) {
    case (.directory, nil):
      entry = try node.entries(of: cid).first { $0.name == name }
      wanted = nil
    case (.hamtShard, let position): try descend(node, cid, position ?? HAMTShard.Position())
    default: throw .notADirectory(cid, found: node.data.kind.phrase)
    }
  }

  private mutating func descend(
    _ node: UnixFSNode, _ cid: CID, _ position: HAMTShard.Position
  ) throws(ContentError) {
    let shard: HAMTShard
    do { shard = try HAMTShard(node, at: position) } catch { throw .malformedBlock(cid, error) }
    let slot = shard.shape.slot(of: hash, depth: position.depth)
    switch shard.child(in: slot) {
    case .entry(let found):
      if found.name == name { entry = found }
      wanted = nil
    case .shard(let child):
      self.position = position.below(slot, shard.shape)
      wanted = child
    case nil: wanted = nil
    }
  }
}
