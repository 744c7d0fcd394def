import ContentStore
import Primitives

/// The bytes of files one after another, from `offset` on and at most `length` of them.
struct CatWalk: PieceWalk {
  private var waiting: ArraySlice<CID>
  private var file: UnixFSWalk?
  private var offset: UInt64
  /// nil for everything.
  private var left: UInt64?
  private var gathered = Bytes()

  init(_ files: [CID], offset: UInt64 = 0, length: UInt64? = nil) {
    waiting = files[...]
    self.offset = offset
    left = length
  }

  var wanted: CID? {
    if left == 0 { return nil }
    return file?.wanted ?? waiting.first
  }

  mutating func supply(_ block: Bytes) throws -> Bytes? {
    if file == nil { try open(block) } else { try take(block) }
    if file?.wanted == nil { file = nil }
    guard gathered.count >= KuboLimits.pieceByteCount else { return nil }
    return try finish()
  }

  mutating func finish() throws -> Bytes? {
    defer { gathered = [] }
    return gathered.isEmpty ? nil : gathered
  }

  /// The size of a file decides which of its bytes are asked for.
  private mutating func open(_ root: Bytes) throws {
    guard let cid = waiting.popFirst() else { preconditionFailure("no block was wanted") }
    var measure = UnixFSWalk(root: cid)
    _ = try measure.supply(root)
    let size = measure.fileSize ?? 0
    guard offset < size, let bytes = EntityBytes(offset: offset, count: left) else {
      offset -= min(offset, size)
      return
    }
    offset = 0
    file = UnixFSWalk(root: cid, bytes: bytes)
    try take(root)
  }

  private mutating func take(_ block: Bytes) throws {
    guard var walk = file else { preconditionFailure("no block was wanted") }
    file = nil
    let bytes = try walk.supply(block)
    file = walk
    gathered += bytes
    left = left.map { $0 - min($0, UInt64(bytes.count)) }
  }
}

/// A tree as a tar archive, its root called `name`.
struct TarWalk: PieceWalk {
  private var walk: UnixFSTreeWalk
  private let name: String
  private var gathered = Bytes()
  /// The size of the file that is written.
  private var fileSize: UInt64 = 0
  private var isEnded = false

  init(_ root: CID, name: String) {
    walk = UnixFSTreeWalk(root: root)
    self.name = name
  }

  var wanted: CID? { walk.wanted }

  mutating func supply(_ block: Bytes) throws -> Bytes? {
    var steps: [UnixFSTreeWalk.Step] = []
    try walk.supply(block, into: &steps)
    for step in steps { append(step) }
    return gathered.count >= KuboLimits.pieceByteCount ? takeGathered() : nil
  }

  mutating func finish() throws -> Bytes? {
    guard !isEnded else { return nil }
    isEnded = true
    gathered += TarWriter.end
    return takeGathered()
  }

  private mutating func takeGathered() -> Bytes {
    defer { gathered = [] }
    return gathered
  }

  private mutating func append(_ step: UnixFSTreeWalk.Step) {
    switch step {
    case .directory(let path, let attributes): append(.directory, path, attributes)
    case .file(let path, let size, let attributes):
      append(.file(size: size), path, attributes)
      fileSize = size
    case .bytes(let bytes): gathered += bytes
    case .endOfFile: gathered += TarWriter.padding(after: fileSize)
    case .symlink(let path, let target): append(.symlink(target: target), path, .init())
    }
  }

  private mutating func append(
    _ kind: TarWriter.Kind, _ path: [Bytes], _ attributes: UnixFSTreeWalk.Attributes
  ) {
    let full = path.reduce(Bytes(name.utf8)) { $0 + [UInt8(ascii: "/")] + $1 }
    gathered += TarWriter.header(
      of: full, kind, mode: attributes.mode,
      modificationTime: attributes.modificationTime?.seconds)
  }
}
