public import Primitives

/// How much of a foreign directory a walk follows.
public struct UnixFSDirectoryLimits: Equatable, Sendable {
  /// Four million: forty times the largest directory of the speed tests.
  public var entriesMax = 1 << 22
  /// The shards visited: as many as entries, for no shard need hold more than one.
  public var blocksMax = 1 << 22

  /// The usual limits.
  public init() {}
}

/// The listing of a directory as a machine: it says which block it wants, takes it, checks it and
/// gives the entries that it holds, so a large directory is never in memory as a whole.
///
/// An unsharded directory comes in the order of its block (by name), a HAMT in the order of hashes.
public struct UnixFSDirectoryWalk: Sendable {
  private struct Pending {
    let cid: CID
    let position: HAMTShard.Position?
  }

  /// The directory.
  public let root: CID
  private let limits: UnixFSDirectoryLimits
  private var pending: [Pending]
  private var blocksSeen = 0
  /// The entries given so far.
  public private(set) var entriesGiven = 0

  /// Starts at the root of a directory.
  public init(root: CID, limits: UnixFSDirectoryLimits = UnixFSDirectoryLimits()) {
    self.root = root
    self.limits = limits
    pending = [Pending(cid: root, position: nil)]
  }

  /// The block needed next; nil when all entries were given.
  public var wanted: CID? { pending.last?.cid }

  /// The blocks that will be wanted next as far as is known, the wanted one first.
  func upcoming(_ count: Int) -> [CID] { pending.suffix(count).reversed().map(\.cid) }

  /// Takes the wanted block and returns the entries it holds itself.
  public mutating func supply(_ block: Bytes) throws(ContentError) -> [UnixFSEntry] {
    guard let next = pending.last else { preconditionFailure("no block was wanted") }
    try next.cid.verify(block)
    return try take(block)
  }

  /// Takes the wanted block, which is known to be what its CID names.
  mutating func take(_ block: Bytes) throws(ContentError) -> [UnixFSEntry] {
    guard let next = pending.last else { preconditionFailure("no block was wanted") }
    blocksSeen += 1
    guard blocksSeen <= limits.blocksMax else {
      throw .tooLarge(root, limit: UInt64(limits.blocksMax))
    }
    pending.removeLast()
    let node = try UnixFSNode(directory: block, of: next.cid)
    let entries: [UnixFSEntry]
    switch (node.data.kind, next.position) {
    case (.directory, nil): entries = try node.entries(of: next.cid)
    case (.hamtShard, let position): entries = try shard(node, next.cid, position)
    default: throw .notADirectory(next.cid, found: node.data.kind.phrase)
    }
    entriesGiven += entries.count
    guard entriesGiven <= limits.entriesMax else {
      throw .tooLarge(root, limit: UInt64(limits.entriesMax))
    }
    return entries
  }

  private mutating func shard(
    _ node: UnixFSNode, _ cid: CID, _ position: HAMTShard.Position?
  ) throws(ContentError) -> [UnixFSEntry] {
    let position = position ?? HAMTShard.Position()
    let shard: HAMTShard
    do { shard = try HAMTShard(node, at: position) } catch { throw .malformedBlock(cid, error) }
    var entries: [UnixFSEntry] = []
    var below: [Pending] = []
    for (slot, child) in shard.children {
      switch child {
      case .entry(let entry): entries.append(entry)
      case .shard(let cid):
        below.append(Pending(cid: cid, position: position.below(slot, shard.shape)))
      }
    }
    pending += below.reversed()
    return entries
  }
}

extension UnixFSNode {
  /// Reads the block of a directory or of one of its shards.
  init(directory block: Bytes, of cid: CID) throws(ContentError) {
    guard cid.codec == .dagPB else { throw .notADirectory(cid, found: cid.codec.phrase) }
    do { try self.init(decoding: block, of: cid) } catch {
      if case .notAFile(_, let found) = error { throw .notADirectory(cid, found: found) }
      throw error
    }
  }
}
