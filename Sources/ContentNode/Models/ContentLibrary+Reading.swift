public import ContentStore
public import Cryptography
import Persistence
public import Primitives

/// Content with what is known of where it came from.
public struct RetrievedContent: Sendable {
  /// The bytes of the file.
  public let bytes: Bytes
  /// Its record and those of its ancestors, nearest first.
  public let provenance: [ProvenanceNode]
  /// Whether ancestors were left out.
  public let isCut: Bool
}

extension ContentLibrary {
  /// Gives a described file with its provenance, every block and signature checked, and logs the
  /// access.
  public func retrieveWithProvenance(
    _ cid: CID, reader: PublicKey?, nowMilliseconds: UInt64
  ) async throws -> RetrievedContent {
    if let obstacle = obstacle(to: reader, reading: cid) { throw obstacle }
    let walk = try provenance(of: cid)
    let store = store
    let bytes = try await Self.onOwnThread("content-read") {
      var reader = UnixFSReader(root: cid, source: store)
      return try reader.readAll(byteCountMax: LibraryLimits.retrievedByteCountMax)
    }
    try await trackAccess(
      cid, reader: reader, byteCount: UInt64(bytes.count), nowMilliseconds: nowMilliseconds)
    return RetrievedContent(bytes: bytes, provenance: walk.nodes, isCut: walk.isCut)
  }

  /// The records of content and of all it was made of, as far as they are stored here.
  public func provenance(of cid: CID) throws -> ProvenanceWalk {
    guard let entry = entry(of: cid) else { throw LibraryError.undescribed(cid) }
    var walk = ProvenanceWalk(content: cid, record: entry.recordCID)
    while let wanted = walk.wanted {
      do { walk.supply(try store.block(wanted)) } catch ContentError.missingBlock {
        walk.supply(nil)
      }
    }
    return walk
  }

  /// Logs an access. If the reader is this node's own account and the content is another's, the
  /// access is owed from then on; `settle` pays it.
  public func trackAccess(
    _ cid: CID, reader: PublicKey?, byteCount: UInt64, nowMilliseconds: UInt64
  ) async throws {
    try await note(
      ContentAccessEntry(
        content: cid, reader: reader, milliseconds: nowMilliseconds, byteCount: byteCount))
    guard reader == owner, let entry = entry(of: cid), entry.statement.uploader != owner else {
      return
    }
    try await note(.owed(cid, accesses: 1))
  }
}
