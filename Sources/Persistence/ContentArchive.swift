public import ContentStore
import Glibc
import Primitives
public import Telemetry

/// What came out of a content archive (CAR).
public struct ImportedArchive: Equatable, Sendable {
  /// A root that the archive names.
  public struct Root: Equatable, Sendable {
    /// Its CID.
    public let cid: CID
    /// Why it was not pinned: a block below it is not in the archive and not in the store.
    public let missing: CID?

    /// A root, pinned unless a block is missing.
    public init(cid: CID, missing: CID?) {
      self.cid = cid
      self.missing = missing
    }
  }

  /// The roots, in the archive's order.
  public var roots: [Root] = []
  /// The blocks of the archive, repeated ones too.
  public var blockCount = 0
  /// Their bytes.
  public var byteCount: UInt64 = 0

  /// An empty one.
  public init() {}
}

/// What went into a content archive.
public struct ExportedArchive: Equatable, Sendable {
  /// The root.
  public let root: CID
  /// The blocks.
  public internal(set) var blockCount = 0
  /// The bytes of the archive.
  public internal(set) var byteCount: UInt64 = 0

  /// Describes an archive.
  public init(root: CID, blockCount: Int = 0, byteCount: UInt64 = 0) {
    self.root = root
    self.blockCount = blockCount
    self.byteCount = byteCount
  }
}

/// Reads and writes content archives (ipld.io/specs/transport/car); blocks the calling thread.
public struct ContentArchive {
  /// Bytes read at a time, and blocks handed to the writer at a time.
  private static let pieceByteCount = 1 << 20
  /// A terabyte, as the largest tree.
  private static let byteCountMax: UInt64 = 1 << 40

  private let store: BlockStore
  private let meter: WorkMeter?

  /// Archives of `store`; `meter` counts the bytes of archives that are read or written.
  public init(store: BlockStore, meter: WorkMeter? = nil) {
    self.store = store
    self.meter = meter
  }

  // MARK: - Import

  /// Stores the blocks of the archive at `path`, each checked against its CID, and pins its roots;
  /// durable on return.
  ///
  /// An archive that is cut short, or holds a block that is not what its CID says, is an error:
  /// nothing is pinned then, and the next collection forgets what came of it.
  public func importBlocking(path: String, pinName: String = "") throws -> ImportedArchive {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw BlockStoreError.failed("opening", path, errno) }
    defer { close(descriptor) }
    let source = ContentSource(
      descriptor: descriptor, path: path, chunkByteCount: Self.pieceByteCount, meter: meter)
    let session = ContentSession(store: store, isPinning: false)
    var reader = CARReader(byteCountMax: Self.byteCountMax)
    var imported = ImportedArchive()
    var roots: [CID] = []
    while case let piece = try source.next(), !piece.isEmpty {
      var events: [CARReader.Event] = []
      try reader.append(piece, into: &events)
      var blocks: [ContentBlock] = []
      for event in events {
        switch event {
        case .header(let header): roots = header.roots
        case .block(let block): blocks.append(block)
        }
      }
      imported.blockCount += blocks.count
      imported.byteCount += blocks.reduce(0) { $0 + UInt64($1.bytes.count) }
      try session.store(blocks)
    }
    try reader.finish()
    try session.finish()
    imported.roots = try roots.map { try pin($0, pinName) }
    return imported
  }

  private func pin(_ root: CID, _ name: String) throws -> ImportedArchive.Root {
    do {
      try store.pinBlocking(root, name: name)
      return ImportedArchive.Root(cid: root, missing: nil)
    } catch ContentError.missingBlock(let missing) {
      return ImportedArchive.Root(cid: root, missing: missing)
    }
  }

  // MARK: - Export

  /// Writes everything below `cid` as an archive of version 1 to `path`, each block once, parents
  /// before children; `path` is as it was before where that fails.
  public func exportBlocking(_ cid: CID, to path: String) throws -> ExportedArchive {
    let file = try ReplacedFile(path: path)
    let written = try exportBlocking(cid, to: file.descriptor, path: path)
    try file.keep()
    return written
  }

  /// Writes the archive to an open descriptor.
  public func exportBlocking(
    _ cid: CID, to descriptor: Int32, path: String = "standard output"
  ) throws -> ExportedArchive {
    var writer = CARWriter(roots: [cid])
    var written = ExportedArchive(root: cid)
    var waiting = writer.header.bytes
    var export = try DagExport(DagExport.Request(ContentPath(root: cid)))
    while let wanted = export.wanted {
      let block = try store.block(wanted)
      if wanted == cid { meter?.expect(cid.declaredByteCount(block) ?? 0) }
      guard try supply(block, of: wanted, to: &export) else { continue }
      waiting += writer.sectionHeader(of: wanted, byteCount: block.count)
      waiting += block
      written.blockCount += 1
      guard waiting.count >= Self.pieceByteCount else { continue }
      try ContentExport.write(waiting, to: descriptor, path)
      meter?.advance(by: UInt64(waiting.count))
      waiting.removeAll(keepingCapacity: true)
    }
    try ContentExport.write(waiting, to: descriptor, path)
    written.byteCount = writer.byteCount
    return written
  }

  private func supply(
    _ block: Bytes, of cid: CID, to export: inout DagExport
  ) throws -> Bool {
    do { return try export.supply(block) } catch ContentError.digestMismatch(let damaged) {
      guard let digest = damaged.digest else { throw ContentError.digestMismatch(damaged) }
      store.noteDamage(digest)
      throw BlockStoreError.corrupt(digest)
    }
  }
}
