import CShim
public import ContentStore
import Glibc
public import Primitives
public import Telemetry

/// What was written.
public struct ExportedTree: Equatable, Sendable {
  /// Files, directories and links, the root among them.
  public internal(set) var entryCount = 0
  /// The bytes of all files.
  public internal(set) var byteCount: UInt64 = 0

  /// So many entries and bytes.
  public init(entryCount: Int = 0, byteCount: UInt64 = 0) {
    self.entryCount = entryCount
    self.byteCount = byteCount
  }
}

/// Limits of a tree that is written: a few small blocks can stand for any number of entries.
public struct ContentTreeExportLimits: Sendable {
  /// Files, directories and links.
  public var entriesMax = 1 << 22
  /// The bytes of all files.
  public var byteCountMax: UInt64 = 1 << 40

  /// The usual limits.
  public init() {}
}

/// Writes files and directories out of a store, every block checked.
///
/// A directory is built beside its path and renamed when it is whole. Names that lead elsewhere are
/// refused, links are made but never followed, and nothing is written over.
public struct ContentTreeExport {
  private let store: BlockStore
  private let limits: ContentTreeExportLimits
  private let meter: WorkMeter?

  /// Reads from `store`; `meter` counts the bytes of files and
  /// directories that are written.
  public init(
    store: BlockStore, limits: ContentTreeExportLimits = ContentTreeExportLimits(),
    meter: WorkMeter? = nil
  ) {
    self.store = store
    self.limits = limits
    self.meter = meter
  }

  /// Writes what `cid` names to `path`; blocks the calling thread.
  ///
  /// Throws `ContentError` for what is not stored or not UnixFS, `BlockStoreError` for a failure of
  /// the disk or a directory that is there already; `path` is then as it was before.
  public func writeBlocking(_ cid: CID, to path: String) throws -> ExportedTree {
    if let meter { meter.expect(cid.declaredByteCount(try store.block(cid)) ?? 0) }
    switch try ContentKind(of: cid, in: store) {
    case .file:
      let size = try ContentExport(
        store: store, limits: UnixFSWalkLimits(fileByteCountMax: limits.byteCountMax),
        meter: meter
      ).writeBlocking(cid, to: path)
      return ExportedTree(entryCount: 1, byteCount: size)
    case .symlink(let target):
      // The name must be free: a link is never put in a file's place.
      let (folder, name) = try Self.place(of: path)
      try folder.createLink(name, to: target)
      return ExportedTree(entryCount: 1)
    case .directory: return try writeDirectory(cid, to: path)
    }
  }

  private static func place(of path: String) throws(BlockStoreError) -> (OpenDirectory, Bytes) {
    let slash = path.lastIndex(of: "/")
    let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("opening", parent, errno) }
    return (OpenDirectory(descriptor, path: parent), Bytes(name.utf8))
  }

  private func writeDirectory(_ cid: CID, to path: String) throws -> ExportedTree {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    var template = Array((path + "." + String(repeating: "X", count: 6)).utf8CString)
    guard mkdtemp(&template) != nil else { throw BlockStoreError.failed("creation", path, errno) }
    let temporary = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    do {
      let descriptor = open(temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { throw BlockStoreError.failed("opening", temporary, errno) }
      let directory = OpenDirectory(descriptor, path: temporary)
      var writing = TreeWriting(store: store, limits: limits, meter: meter)
      try writing.writeDirectory(cid, into: directory, depth: 1)
      // One wait for all files instead of one for each.
      guard shim_synchronize_file_system(descriptor) == 0 else {
        throw BlockStoreError.failed("sync", path, errno)
      }
      fchmod(descriptor, 0o755)
      guard rename(temporary, path) == 0 else {
        let code = errno
        if [EEXIST, ENOTEMPTY, ENOTDIR].contains(code) { throw BlockStoreError.exists(path: path) }
        throw BlockStoreError.failed("renaming", path, code)
      }
      return writing.written
    } catch {
      OpenDirectory.removeTree(temporary)
      throw error
    }
  }
}

/// One directory tree on its way to the disk.
private struct TreeWriting {
  let store: BlockStore
  let limits: ContentTreeExportLimits
  let meter: WorkMeter?
  var written = ExportedTree(entryCount: 1)

  mutating func writeDirectory(_ cid: CID, into directory: OpenDirectory, depth: Int) throws {
    guard depth <= ContentTreeLimits.depthMax else {
      throw ContentError.tooDeep(cid, limit: ContentTreeLimits.depthMax)
    }
    var walk = UnixFSDirectoryWalk(root: cid)
    while let wanted = walk.wanted {
      let block = try store.verifiedBlock(wanted)
      meter?.advance(by: UInt64(block.count))
      for entry in try walk.supply(block) {
        try UnixFSName.check(entry.name)
        try write(entry, into: directory, depth)
      }
    }
  }

  private mutating func write(
    _ entry: UnixFSEntry, into directory: OpenDirectory, _ depth: Int
  ) throws {
    guard written.entryCount < limits.entriesMax else {
      throw ContentError.tooLarge(entry.cid, limit: UInt64(limits.entriesMax))
    }
    written.entryCount += 1
    switch try ContentKind(of: entry.cid, in: store) {
    case .directory:
      let inside = try directory.createDirectory(entry.name)
      try writeDirectory(entry.cid, into: inside, depth: depth + 1)
    case .symlink(let target): try directory.createLink(entry.name, to: target)
    case .file:
      let descriptor = try directory.create(entry.name)
      defer { close(descriptor) }
      let rest = UnixFSWalkLimits(fileByteCountMax: limits.byteCountMax - written.byteCount)
      written.byteCount += try ContentExport(store: store, limits: rest, meter: meter)
        .writeBlocking(entry.cid, to: descriptor, path: directory.path(of: entry.name))
    }
  }
}

/// What a CID stands for in a file tree.
public enum ContentKind: Equatable, Sendable {
  case file
  case directory
  /// A symbolic link and where it points to.
  case symlink(target: Bytes)

  /// Looks at the block, which is verified; raw blocks are files and are not read.
  public init(of cid: CID, in store: BlockStore) throws {
    guard cid.codec == .dagPB else {
      self = .file
      return
    }
    let node = try UnixFSNode(decoding: store.verifiedBlock(cid), of: cid)
    switch node.data.kind {
    case .file, .raw: self = .file
    case .directory, .hamtShard: self = .directory
    case .symlink: self = .symlink(target: node.data.data)
    case .metadata: throw ContentError.notAFile(cid, found: "UnixFS metadata")
    }
  }
}

extension ContentKind {
  /// One word for lists.
  public var word: String {
    switch self {
    case .file: "file"
    case .directory: "directory"
    case .symlink: "symlink"
    }
  }
}

/// One line of a directory's listing.
public struct ContentListing: Equatable, Sendable {
  /// The name, CID and cumulative size.
  public let entry: UnixFSEntry
  /// What it is; nil where its block is not stored here.
  public let kind: ContentKind?
}

extension BlockStore {
  /// Calls `body` with each entry of a directory as its blocks are read; blocks the calling thread.
  public func listBlocking(_ cid: CID, _ body: (ContentListing) throws -> Void) throws {
    var walk = UnixFSDirectoryWalk(root: cid)
    while let wanted = walk.wanted {
      for entry in try walk.supply(verifiedBlock(wanted)) {
        let digest = try digest(of: entry.cid)
        let isStored = try digest.map { try contains($0) } ?? (entry.cid.inlineBlock != nil)
        let kind = isStored ? try ContentKind(of: entry.cid, in: self) : nil
        try body(ContentListing(entry: entry, kind: kind))
      }
    }
  }
}
