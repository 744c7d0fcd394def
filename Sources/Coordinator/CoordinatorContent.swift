internal import ContentStore
internal import Cryptography
internal import Networking
internal import Orchestration
package import Persistence
internal import Primitives

/// Files and blobs of the coordinator, all by CID; nothing here blocks the loop.
struct CoordinatorContent: Sendable {
  /// Hashed where it is: a tenth of a millisecond, less than two changes of threads on a busy
  /// machine.
  static let hashedInPlaceBytesMax = 128 << 10
  /// Handed to the writer piece by piece: one request of more could find its queue full.
  private static let storedAtOnceBytesMax = 8 << 20
  private static let pieceBytes = 1 << 20

  let store: BlockStore
  let compute: ComputePool
  let recent = RecentContent()

  init(store: BlockStore, compute: ComputePool) {
    self.store = store
    self.compute = compute
  }

  /// Stores bytes durably and returns the root of the default profile.
  func add(_ bytes: Bytes) async throws -> CID { try await add([bytes])[0] }

  /// Stores several files with one wait for the disk; returns their roots in order.
  func add(_ files: [Bytes]) async throws -> [CID] {
    let byteCount = files.reduce(0) { $0 + $1.count }
    guard byteCount <= Self.storedAtOnceBytesMax else {
      var roots: [CID] = []
      for file in files { roots.append(try await addInPieces(file)) }
      return roots
    }
    let isSmall = byteCount <= Self.hashedInPlaceBytesMax
    let built = isSmall ? files.map(Self.build) : try await compute.run { files.map(Self.build) }
    try await store.putPinned(built.map(\.blocks))
    for (file, root) in zip(files, built.map(\.root)) { recent.insert(file, as: root) }
    return built.map(\.root)
  }

  private func addInPieces(_ bytes: Bytes) async throws -> CID {
    let upload = ContentUpload(store: store)
    for start in stride(from: 0, to: bytes.count, by: Self.pieceBytes) {
      try await upload.append(Bytes(bytes[start..<min(start + Self.pieceBytes, bytes.count)]))
    }
    let root = try await upload.finish().cid
    recent.insert(bytes, as: root)
    return root
  }

  private static func build(_ bytes: Bytes) -> (root: CID, blocks: [ContentBlock]) {
    var builder = UnixFSBuilder()
    var blocks: [ContentBlock] = []
    builder.append(bytes, into: &blocks)
    let root = builder.finish(into: &blocks).cid
    return (root, blocks)
  }

  /// Reads a whole file of at most `max` bytes, every block checked.
  func read(_ cid: CID, max: Int) async throws -> Bytes {
    if let known = recent[cid], known.count <= max { return known }
    var content = Bytes()
    var walk = UnixFSWalk(root: cid, limits: UnixFSWalkLimits(fileByteCountMax: UInt64(max)))
    while let chunk = try await next(of: &walk) { content += chunk }
    return content
  }

  /// The next piece of a file, nil at its end.
  func next(of walk: inout UnixFSWalk) async throws -> Bytes? {
    while let wanted = walk.wanted {
      let bytes = try walk.supply(try await block(wanted))
      if !bytes.isEmpty { return bytes }
    }
    return nil
  }

  private func block(_ cid: CID) async throws -> Bytes {
    if let block = cid.inlineBlock { return block }
    guard let digest = cid.digest else { throw ContentError.missingBlock(cid) }
    return try await store.read(digest)
  }
}

extension CoordinatorServer {
  /// Where the coordinator's files are; it closes the store itself.
  package nonisolated var contentStore: BlockStore { content.store }
}
