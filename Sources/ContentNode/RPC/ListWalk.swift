import ContentStore
import Primitives

/// One line of `ls`.
struct ListedLink: Sendable {
  /// The numbers of UnixFS types, which Kubo shows.
  enum Kind: Int64, Sendable {
    case unknown = 0
    case directory = 1
    case file = 2
    case symlink = 4
  }

  let name: Bytes
  let cid: CID
  var kind: Kind
  /// The bytes of a file; 0 for a directory.
  var size: UInt64
  var target = Bytes()
  var mode: UInt32?
  var time: UnixFSTime?
}

/// The entries of a directory, or the links of another node, each looked at unless that is not
/// wanted.
struct ListWalk: PieceWalk {
  let root: CID
  private let resolves: Bool
  private var directory: UnixFSDirectoryWalk?
  private var isRootRead = false
  /// Entries that are still to be told, the next one last; its block is wanted.
  private var pending: [UnixFSEntry] = []
  private var gathered: [ListedLink] = []

  init(_ root: CID, resolves: Bool) {
    self.root = root
    self.resolves = resolves
  }

  var wanted: CID? {
    if let entry = pending.last { return entry.cid }
    return isRootRead ? directory?.wanted : root
  }

  mutating func supply(_ block: Bytes) throws -> [ListedLink]? {
    if let entry = pending.popLast() {
      gathered.append(try Self.look(at: entry, block))
    } else {
      pending += try (isRootRead ? more(block) : open(block)).reversed()
    }
    while let entry = pending.last, !needsLook(entry) {
      gathered.append(Self.plain(entry))
      pending.removeLast()
    }
    return gathered.count >= KuboLimits.linesPerPiece ? try finish() : nil
  }

  mutating func finish() throws -> [ListedLink]? {
    defer { gathered = [] }
    return gathered.isEmpty ? nil : gathered
  }

  private func needsLook(_ entry: UnixFSEntry) -> Bool { resolves && entry.cid.codec == .dagPB }

  private static func plain(_ entry: UnixFSEntry) -> ListedLink {
    let isRaw = entry.cid.codec == .raw
    return ListedLink(
      name: entry.name, cid: entry.cid, kind: isRaw ? .file : .unknown,
      size: isRaw ? entry.tsize : 0)
  }

  private mutating func open(_ block: Bytes) throws -> [UnixFSEntry] {
    isRootRead = true
    guard root.codec == .dagPB else {
      try root.verify(block)
      return try DagLinks.links(of: block, root).map { UnixFSEntry(name: [], cid: $0, tsize: 0) }
    }
    try root.verify(block)
    let node = try DagPBNode(decoding: block, of: root)
    switch try? UnixFSNode(decoding: block, of: root).data.kind {
    case .directory, .hamtShard:
      var walk = UnixFSDirectoryWalk(root: root)
      let entries = try walk.supply(block)
      directory = walk
      return entries
    case .file, .raw, .symlink, .metadata, nil:
      return node.links.map { UnixFSEntry(name: $0.name, cid: $0.cid, tsize: $0.tsize) }
    }
  }

  private mutating func more(_ block: Bytes) throws -> [UnixFSEntry] {
    guard var walk = directory else { preconditionFailure("no block was wanted") }
    directory = nil
    let entries = try walk.supply(block)
    directory = walk
    return entries
  }

  private static func look(at entry: UnixFSEntry, _ block: Bytes) throws -> ListedLink {
    try entry.cid.verify(block)
    var link = ListedLink(name: entry.name, cid: entry.cid, kind: .unknown, size: 0)
    // A node that is not UnixFS has no kind.
    guard let data = try? UnixFSNode(decoding: block, of: entry.cid).data else { return link }
    (link.mode, link.time) = (data.mode, data.modificationTime)
    switch data.kind {
    case .file, .raw:
      link.kind = .file
      link.size = data.fileSize ?? UInt64(data.data.count)
    case .directory, .hamtShard: link.kind = .directory
    case .symlink:
      link.kind = .symlink
      link.target = data.data
    case .metadata: break
    }
    return link
  }
}
