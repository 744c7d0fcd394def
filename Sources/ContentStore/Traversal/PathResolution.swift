public import Primitives

/// Where a path leads.
public struct ResolvedPath: Equatable, Sendable {
  /// The last block on the way, or the one the path's last link names.
  public let cid: CID
  /// The names that lead further inside that block, a dag-cbor or dag-json value; else empty.
  public let remainder: [String]
  /// What the remainder leads to inside the block; nil without one.
  public let value: IPLDValue?
  /// The directory entry that the path's last name is; nil when it is none.
  public let entry: UnixFSEntry?
}

/// The resolution of a path as a machine: it says which block it wants and takes it.
///
/// Names lead through UnixFS directories (plain and HAMT), links of other dag-pb nodes by their
/// names, and dag-cbor and dag-json maps and lists with their links. The block at the path's end is
/// not wanted.
public struct PathResolution: Sendable {
  private enum State: Sendable {
    case block(CID, shard: HAMTShard.Position?)
    case finished(ResolvedPath)
  }

  /// The path.
  public let path: ContentPath
  private var state: State
  private var segments: ArraySlice<String>
  private var entry: UnixFSEntry?
  /// What each name led to, the root first: shards and other blocks between are left out.
  public private(set) var roots: [CID]

  /// Starts at the path's root.
  public init(_ path: ContentPath) {
    self.path = path
    segments = path.segments[...]
    roots = [path.root]
    state = .block(path.root, shard: nil)
    finishIfDone(at: path.root)
  }

  /// The block needed next; nil when the end was found.
  public var wanted: CID? {
    if case .block(let cid, _) = state { cid } else { nil }
  }

  /// The end of the path, once it was found.
  public var resolved: ResolvedPath? {
    if case .finished(let resolved) = state { resolved } else { nil }
  }

  /// Takes the wanted block.
  public mutating func supply(_ block: Bytes) throws(ContentError) {
    guard let cid = wanted else { preconditionFailure("no block was wanted") }
    try cid.verify(block)
    try take(block)
  }

  /// Takes the wanted block, which is known to be what its CID names.
  mutating func take(_ block: Bytes) throws(ContentError) {
    guard case .block(let cid, let shard) = state else {
      preconditionFailure("no block was wanted")
    }
    switch cid.codec {
    case .dagPB: try take(DagPBNode(decoding: block, of: cid), cid, shard)
    case .dagCBOR, .dagJSON:
      guard let value = try IPLDValue(decoding: block, of: cid) else { fallthrough }
      try follow(value, in: cid)
    case .raw, .cbor, .json, .libp2pKey: throw .notADirectory(cid, found: cid.codec.phrase)
    }
  }

  private mutating func finishIfDone(at cid: CID) {
    guard segments.isEmpty else { return }
    state = .finished(ResolvedPath(cid: cid, remainder: [], value: nil, entry: entry))
  }

  /// The next name was found: `cid` is what it leads to.
  private mutating func step(to cid: CID, entry: UnixFSEntry?) {
    segments.removeFirst()
    self.entry = entry
    roots.append(cid)
    state = .block(cid, shard: nil)
    finishIfDone(at: cid)
  }
}

// MARK: - dag-pb

extension PathResolution {
  private mutating func take(
    _ node: DagPBNode, _ cid: CID, _ shard: HAMTShard.Position?
  ) throws(ContentError) {
    guard let node = try? UnixFSNode(node) else {
      // Not UnixFS: any dag-pb node has named links.
      return try step(to: link(of: node, cid))
    }
    switch (node.data.kind, shard) {
    case (.directory, nil):
      let entry = try node.entries(of: cid).first { $0.name.elementsEqual(segment.utf8) }
      try step(to: found(entry, in: cid))
    case (.hamtShard, let position):
      try descend(node, cid, position ?? HAMTShard.Position())
    default: throw .notADirectory(cid, found: node.data.kind.phrase)
    }
  }

  private var segment: String { segments[segments.startIndex] }

  private mutating func step(to entry: UnixFSEntry) { step(to: entry.cid, entry: entry) }

  private func found(
    _ entry: UnixFSEntry?, in cid: CID
  ) throws(ContentError) -> UnixFSEntry {
    guard let entry else { throw .noSuchEntry(cid, name: segment) }
    return entry
  }

  private func link(of node: DagPBNode, _ cid: CID) throws(ContentError) -> UnixFSEntry {
    let link = node.links.first { $0.name.elementsEqual(segment.utf8) }
    return try found(
      link.map { UnixFSEntry(name: $0.name, cid: $0.cid, tsize: $0.tsize) }, in: cid)
  }

  private mutating func descend(
    _ node: UnixFSNode, _ cid: CID, _ position: HAMTShard.Position
  ) throws(ContentError) {
    let shard: HAMTShard
    do { shard = try HAMTShard(node, at: position) } catch { throw .malformedBlock(cid, error) }
    let hash = Murmur3.first64(Bytes(segment.utf8))
    let slot = shard.shape.slot(of: hash, depth: position.depth)
    switch shard.child(in: slot) {
    case .entry(let entry) where entry.name.elementsEqual(segment.utf8): step(to: entry)
    case .shard(let child):
      state = .block(child, shard: position.below(slot, shard.shape))
    case .entry, nil: throw .noSuchEntry(cid, name: segment)
    }
  }
}

// MARK: - dag-cbor and dag-json

extension PathResolution {
  /// Follows names inside one block until they leave it by a link or end in it.
  private mutating func follow(_ root: IPLDValue, in cid: CID) throws(ContentError) {
    var value = root
    for (index, segment) in zip(segments.indices, segments) {
      value = try member(segment, of: value, in: cid)
      if case .link(let next) = value {
        segments = segments[index...]
        return step(to: next, entry: nil)
      }
    }
    state = .finished(
      ResolvedPath(cid: cid, remainder: Array(segments), value: value, entry: nil))
  }

  private func member(
    _ name: String, of value: IPLDValue, in cid: CID
  ) throws(ContentError) -> IPLDValue {
    let member: IPLDValue?
    switch value {
    case .map(let map): member = map[name]
    case .list(let values):
      // One spelling an index, as keys have.
      let index = Int(name)
      member = index.flatMap {
        values.indices.contains($0) && String($0) == name ? values[$0] : nil
      }
    case .null, .bool, .integer, .float, .text, .bytes, .link: member = nil
    }
    guard let member else { throw .noSuchEntry(cid, name: name) }
    return member
  }
}
