public import Primitives

/// How much of what a path leads to is exported (trustless gateway, `dag-scope`).
public enum DagScope: String, Sendable, CaseIterable {
  /// The one block.
  case block
  /// A whole file, or a directory without what it holds: all blocks that the entity is made of.
  case entity
  /// Everything below.
  case all
}

/// How much of a foreign DAG an export follows.
public struct DagLimits: Equatable, Sendable {
  /// The blocks visited, repeated ones too: a terabyte in 256 KiB chunks.
  public var blocksMax = 1 << 22
  /// The links that wait to be followed: a few of the widest nodes.
  public var pendingMax = 1 << 20

  /// The usual limits.
  public init() {}
}

/// The walk over a DAG for export as a machine: it says which block it wants, takes it, checks it
/// and says whether it belongs into the archive.
///
/// Blocks come in the order of the trustless gateway's `order=dfs`: those on the path first, then
/// what the path leads to, parents before children, children in the order of their links. Identity
/// CIDs hold their blocks themselves: they are followed, never wanted.
public struct DagExport: Sendable {
  /// What is exported.
  public struct Request: Equatable, Sendable {
    /// Where to start.
    public var path: ContentPath
    /// How much of what the path leads to.
    public var scope: DagScope
    /// Which bytes of a file, in the scope `entity`; of no meaning for anything else.
    public var bytes: EntityBytes
    /// Whether a block comes again wherever it is linked again (`dups=y`).
    public var repeatsBlocks: Bool
    /// How much is followed.
    public var limits = DagLimits()

    /// Makes a request.
    public init(
      _ path: ContentPath, scope: DagScope = .all, bytes: EntityBytes = .all,
      repeatsBlocks: Bool = false
    ) {
      self.path = path
      self.scope = scope
      self.bytes = bytes
      self.repeatsBlocks = repeatsBlocks
    }
  }

  private enum Stage: Sendable {
    case path(PathResolution)
    case terminus(CID)
    case file(UnixFSWalk)
    case shards(UnixFSDirectoryWalk)
    /// Links in the order of a stack.
    case links([CID])
    case finished
  }

  /// What is exported.
  public let request: Request
  private var stage: Stage
  private var seen: Set<CID> = []
  private var blocksSeen = 0
  /// Where the path led, once it was found.
  public private(set) var resolved: ResolvedPath?

  /// Starts at the request's root. Inline blocks of the root may already be refused. What is below
  /// `held` does not belong into the archive, and is passed over where nothing else needs it.
  public init(_ request: Request, held: [CID] = []) throws(ContentError) {
    self.request = request
    seen = Set(held)
    stage = .path(PathResolution(request.path))
    try settle()
  }

  /// Starts at several roots, all that lies below one after the other.
  public init(subtrees roots: [CID], held: [CID] = []) throws(ContentError) {
    precondition(!roots.isEmpty)
    request = Request(ContentPath(root: roots[0]))
    seen = Set(held)
    stage = .links(roots.reversed())
    try settle()
  }

  /// The block needed next, never an inline one; nil when the export is complete.
  public var wanted: CID? {
    switch stage {
    case .path(let resolution): resolution.wanted
    case .terminus(let cid): cid
    case .file(let walk): walk.wanted
    case .shards(let walk): walk.wanted
    case .links(let stack): stack.last
    case .finished: nil
    }
  }

  /// Takes the wanted block and returns whether it belongs into the archive: one that came before
  /// is wanted again only where what lies below it differs.
  public mutating func supply(_ block: Bytes) throws(ContentError) -> Bool {
    guard let cid = wanted else { preconditionFailure("no block was wanted") }
    try cid.verify(block)
    try take(block, cid)
    let isNew = request.repeatsBlocks || seen.insert(cid).inserted
    try settle()
    return isNew
  }

  /// The same with a block that was checked already.
  public mutating func supply(verified block: ContentBlock) throws(ContentError) -> Bool {
    guard let cid = wanted else { preconditionFailure("no block was wanted") }
    guard cid == block.cid else { throw .digestMismatch(cid) }
    try take(block.bytes, cid)
    let isNew = request.repeatsBlocks || seen.insert(cid).inserted
    try settle()
    return isNew
  }

  /// Passes over the wanted block, which is a leaf: of a raw block nothing but its name matters to
  /// the walk. Its size is then not compared with what its parent says.
  public mutating func passOverLeaf() throws(ContentError) {
    guard let cid = wanted, cid.codec == .raw else { preconditionFailure("no leaf was wanted") }
    if case .file(var walk) = stage {
      stage = .finished
      walk.skipLeaf()
      stage = .file(walk)
      blocksSeen += 1
    } else {
      try take([], cid)
    }
    seen.insert(cid)
    try settle()
  }

  /// The blocks that will be wanted next as far as is known, at most `count`, the wanted one first:
  /// each once, and none that has come.
  public func upcoming(_ count: Int) -> [CID] {
    let next: [CID] =
      switch stage {
      case .path(let resolution): resolution.wanted.map { [$0] } ?? []
      case .terminus(let cid): [cid]
      case .file(let walk): walk.upcoming(count)
      case .shards(let walk): walk.upcoming(count)
      case .links(let stack): stack.suffix(count).reversed()
      case .finished: []
      }
    var named: Set<CID> = []
    return next.filter { cid in
      guard cid.inlineBlock == nil, request.repeatsBlocks || !seen.contains(cid) else {
        return false
      }
      return named.insert(cid).inserted
    }
  }

  private mutating func take(_ block: Bytes, _ cid: CID) throws(ContentError) {
    blocksSeen += 1
    guard blocksSeen <= request.limits.blocksMax else {
      throw .tooLarge(request.path.root, limit: UInt64(request.limits.blocksMax))
    }
    switch stage {
    case .path(var resolution):
      stage = .finished
      try resolution.take(block)
      stage = .path(resolution)
    case .terminus: try open(block, cid)
    case .file(var walk):
      stage = .finished
      _ = try walk.take(block)
      stage = .file(walk)
    case .shards(var walk):
      stage = .finished
      _ = try walk.take(block)
      stage = .shards(walk)
    case .links(var stack):
      stage = .finished
      stack.removeLast()
      try push(DagLinks.links(of: block, cid), on: &stack)
      stage = .links(stack)
    case .finished: preconditionFailure("no block was wanted")
    }
  }

  private func push(_ links: [CID], on stack: inout [CID]) throws(ContentError) {
    guard stack.count + links.count <= request.limits.pendingMax else {
      throw .tooLarge(request.path.root, limit: UInt64(request.limits.pendingMax))
    }
    stack += links.reversed()
  }
}

// MARK: - From stage to stage

extension DagExport {
  /// Moves on until a block is wanted that is not at hand, or all is done.
  private mutating func settle() throws(ContentError) {
    while true {
      if let cid = wanted {
        if let block = cid.inlineBlock {
          try take(block, cid)
        } else if !skipsRepeated(cid) {
          return
        }
      } else {
        guard case .path(let resolution) = stage, let resolved = resolution.resolved else {
          stage = .finished
          return
        }
        try arrive(at: resolved)
      }
    }
  }

  /// Passes over a block that came before with all that lies below it.
  private mutating func skipsRepeated(_ cid: CID) -> Bool {
    guard !request.repeatsBlocks, seen.contains(cid) else { return false }
    switch stage {
    case .links(var stack):
      stage = .finished
      stack.removeLast()
      stage = .links(stack)
      return true
    case .file(var walk) where cid.codec == .raw:
      stage = .finished
      walk.skipLeaf()
      stage = .file(walk)
      return true
    case .path, .terminus, .file, .shards, .finished: return false
    }
  }

  private mutating func arrive(at resolved: ResolvedPath) throws(ContentError) {
    self.resolved = resolved
    guard let value = resolved.value else {
      stage = .terminus(resolved.cid)
      return
    }
    // The path ends inside a block, which is already given.
    var stack: [CID] = []
    if request.scope == .all { try push(DagLinks.links(in: value), on: &stack) }
    stage = .links(stack)
  }

  /// The block the path leads to decides what else belongs to it.
  private mutating func open(_ block: Bytes, _ cid: CID) throws(ContentError) {
    stage = .finished
    switch request.scope {
    case .block: break
    case .all:
      var stack: [CID] = []
      try push(DagLinks.links(of: block, cid), on: &stack)
      stage = .links(stack)
    case .entity: try openEntity(block, cid)
    }
  }

  private mutating func openEntity(_ block: Bytes, _ cid: CID) throws(ContentError) {
    switch cid.codec {
    case .raw: try openFile(block, cid)
    case .dagPB:
      switch try? UnixFSNode(decoding: block, of: cid).data.kind {
      case .file, .raw: try openFile(block, cid)
      case .hamtShard:
        var walk = UnixFSDirectoryWalk(root: cid)
        _ = try walk.take(block)
        stage = .shards(walk)
      case .directory, .metadata, .symlink, nil: break
      }
    case .dagCBOR, .dagJSON, .cbor, .json, .libp2pKey: break
    }
  }

  private mutating func openFile(_ block: Bytes, _ cid: CID) throws(ContentError) {
    var walk = UnixFSWalk(root: cid, bytes: request.bytes)
    _ = try walk.take(block)
    stage = .file(walk)
  }
}
