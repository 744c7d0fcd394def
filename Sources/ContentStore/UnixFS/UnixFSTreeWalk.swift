public import Primitives

/// How much of a foreign tree of files is written out.
public struct UnixFSTreeLimits: Equatable, Sendable {
  /// The directories inside one another: a path of so many short names is as long as Linux takes.
  public var depthMax = 1_024
  /// The longest path below the root (Linux PATH_MAX).
  public var pathByteCountMax = 4_096
  /// The entries of all directories together.
  public var entriesMax = 1 << 22
  /// The bytes of all files together: a terabyte, as for one file.
  public var byteCountMax: UInt64 = 1 << 40
  /// The blocks visited, repeated ones too.
  public var blocksMax = 1 << 24

  /// The usual limits.
  public init() {}
}

/// The walk over a tree of directories, files and symbolic links as a machine: it says which block
/// it wants, takes it, checks it and gives what a writer of the tree does next.
///
/// Every name was checked by `UnixFSName`, so no path leaves the root. A writer must not follow
/// symbolic links that it finds at the place it writes to.
public struct UnixFSTreeWalk: Sendable {
  /// The permission bits and time that a file or directory asks for.
  public struct Attributes: Equatable, Sendable {
    /// The permission bits; nil for the usual ones.
    public var mode: UInt32?
    /// When it was last changed; nil for now.
    public var modificationTime: UnixFSTime?

    /// Asks for nothing in particular.
    public init() {}
  }

  /// What comes next. Paths are names from the root on; the root's own is empty.
  public enum Step: Equatable, Sendable {
    case directory(path: [Bytes], Attributes)
    case file(path: [Bytes], size: UInt64, Attributes)
    /// The next bytes of the file that began last.
    case bytes(Bytes)
    /// The file that began last is whole.
    case endOfFile
    case symlink(path: [Bytes], target: Bytes)
  }

  private enum Pending: Sendable {
    case entry(CID, path: [Bytes])
    case directory(UnixFSDirectoryWalk, path: [Bytes])
    case file(UnixFSWalk)

    var wanted: CID? {
      switch self {
      case .entry(let cid, _): cid
      case .directory(let walk, _): walk.wanted
      case .file(let walk): walk.wanted
      }
    }
  }

  /// The root of the tree.
  public let root: CID
  private let limits: UnixFSTreeLimits
  private var pending: [Pending]
  private var blocksSeen = 0
  private var entriesSeen = 0
  private var bytesDeclared: UInt64 = 0

  /// Starts at the root: a directory, a file or a symbolic link.
  public init(root: CID, limits: UnixFSTreeLimits = UnixFSTreeLimits()) {
    self.root = root
    self.limits = limits
    pending = [.entry(root, path: [])]
  }

  /// The block needed next; nil when the tree is complete.
  public var wanted: CID? { pending.last?.wanted }

  /// Takes the wanted block; what it holds is appended to `steps`.
  public mutating func supply(
    _ block: Bytes, into steps: inout [Step]
  ) throws(ContentError) {
    guard let next = pending.last, let cid = next.wanted else {
      preconditionFailure("no block was wanted")
    }
    try cid.verify(block)
    blocksSeen += 1
    guard blocksSeen <= limits.blocksMax else {
      throw .tooLarge(root, limit: UInt64(limits.blocksMax))
    }
    pending.removeLast()
    switch next {
    case .entry(let cid, let path): try open(block, cid, path, into: &steps)
    case .directory(let walk, let path): try proceed(walk, with: block, path)
    case .file(let walk): try proceed(walk, with: block, into: &steps)
    }
  }

  private mutating func open(
    _ block: Bytes, _ cid: CID, _ path: [Bytes], into steps: inout [Step]
  ) throws(ContentError) {
    guard cid.codec == .dagPB else {
      guard cid.codec == .raw else { throw .notAFile(cid, found: cid.codec.phrase) }
      return try openFile(block, cid, path, Attributes(), into: &steps)
    }
    let data = try UnixFSNode(decoding: block, of: cid).data
    var attributes = Attributes()
    (attributes.mode, attributes.modificationTime) = (data.mode, data.modificationTime)
    switch data.kind {
    case .file, .raw: try openFile(block, cid, path, attributes, into: &steps)
    case .directory, .hamtShard:
      guard path.count < limits.depthMax else { throw .tooDeep(cid, limit: limits.depthMax) }
      steps.append(.directory(path: path, attributes))
      try proceed(UnixFSDirectoryWalk(root: cid), with: block, path)
    case .symlink:
      guard data.data.count <= limits.pathByteCountMax, !data.data.contains(0) else {
        throw .unsafeName(
          String(decoding: path.last ?? [], as: UTF8.self), reason: "its target is no path")
      }
      steps.append(.symlink(path: path, target: data.data))
    case .metadata: throw .notAFile(cid, found: data.kind.phrase)
    }
  }

  private mutating func openFile(
    _ block: Bytes, _ cid: CID, _ path: [Bytes], _ attributes: Attributes,
    into steps: inout [Step]
  ) throws(ContentError) {
    var walk = UnixFSWalk(
      root: cid, limits: UnixFSWalkLimits(fileByteCountMax: limits.byteCountMax - bytesDeclared))
    let bytes = try walk.take(block)
    let size = walk.fileSize ?? 0
    bytesDeclared += size
    steps.append(.file(path: path, size: size, attributes))
    give(bytes, of: walk, into: &steps)
  }

  private mutating func proceed(
    _ walk: UnixFSWalk, with block: Bytes, into steps: inout [Step]
  ) throws(ContentError) {
    var walk = walk
    let bytes = try walk.take(block)
    give(bytes, of: walk, into: &steps)
  }

  private mutating func give(_ bytes: Bytes, of walk: UnixFSWalk, into steps: inout [Step]) {
    if !bytes.isEmpty { steps.append(.bytes(bytes)) }
    if walk.wanted == nil {
      steps.append(.endOfFile)
    } else {
      pending.append(.file(walk))
    }
  }

  private mutating func proceed(
    _ walk: UnixFSDirectoryWalk, with block: Bytes, _ path: [Bytes]
  ) throws(ContentError) {
    var walk = walk
    let entries = try walk.take(block)
    entriesSeen += entries.count
    guard entriesSeen <= limits.entriesMax else {
      throw .tooLarge(root, limit: UInt64(limits.entriesMax))
    }
    let parentByteCount = path.reduce(0) { $0 + $1.count + 1 }
    if walk.wanted != nil { pending.append(.directory(walk, path: path)) }
    for entry in entries.reversed() {
      try UnixFSName.check(entry.name)
      guard parentByteCount + entry.name.count <= limits.pathByteCountMax else {
        throw .unsafeName(entry.text, reason: "its path is longer than a system takes")
      }
      pending.append(.entry(entry.cid, path: path + [entry.name]))
    }
  }
}
